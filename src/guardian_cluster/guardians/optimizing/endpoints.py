"""Rules for endpoints that fail, refuse for a quota, or end their answers too early."""

from collections import Counter, defaultdict

from guardian_cluster.contract.snapshot import Endpoint, Specialist
from guardian_cluster.guardians.optimizing.figures import median, rounded_down
from guardian_cluster.guardians.optimizing.idea import Idea, of_specialist, setting
from guardian_cluster.guardians.optimizing.situation import Situation
from guardian_cluster.guardians.optimizing.waiting import slower_steps

RATE_LIMITED = "upstream_rate_limited"

MARGIN = 0.9
"""Of what an endpoint took: clocks and windows of rate limits differ from ours."""

LEAST_MINUTES = 3
"""Minutes with refusals from which a quota is read."""

LEAST_TAKEN = 5.0
"""Requests a minute below which what was taken says nothing: so few come, or a quota of a day is used up."""

SPREAD = 1.5
"""Times what is taken in minutes with refusals, which one without may take: more, and it is no rate that is limited."""


def breaker(situation: Situation) -> Idea | None:
    """Leave out an endpoint that is dead, where others can carry the load and that is switched off."""
    if not situation.has_stand_ins:
        return None
    reason = "An endpoint that is dead is left out while others can carry the load."
    return setting(situation, "balancing.breaker", after=True, reason=reason)


def fallback(situation: Situation) -> Idea | None:
    """Name a specialist that answers where this one cannot: one that is able to, and has all that it promises."""
    own = situation.specialist
    is_one_of_several = situation.has_stand_ins and situation.endpoint is not None
    if own.fallback or is_one_of_several or own.kind != "http":
        return None
    able = [each for each in situation.base.specialists if _can_stand_in(each, own)]
    if not able:
        return None
    nearest = min(able, key=lambda each: (abs(each.tier - own.tier), each.name))
    reason = f"{nearest.name} can do what {own.name} can, and nobody answers in its place so far."
    return setting(situation, of_specialist(situation, "fallback"), (nearest.name,), reason)


def quota(situation: Situation) -> Idea | None:
    """Send an endpoint no more requests a minute than it took while it refused some."""
    found = _limited_endpoint(situation)
    if found is None:
        return None
    taken = _taken_per_minute(situation, found.id)
    current = found.requests_per_minute
    if taken is None and current is None:
        return None
    allowed = slower_steps(current or 0) if taken is None else int(max(1.0, rounded_down(MARGIN * taken)))
    if current is not None and allowed >= current:
        allowed = slower_steps(current)
    took = "fewer than it is sent" if taken is None else f"some {taken:g} requests a minute"
    reason = f"{found.id} took {took} while it refused others for its quota."
    return setting(situation, f"endpoints.{found.id}.requests_per_minute", allowed, reason)


def continuation(situation: Situation) -> Idea | None:
    """Have answers that break off gone on with, where that is switched off."""
    reason = "Another endpoint goes on with an answer that breaks off."
    if not situation.has_stand_ins and not situation.specialist.fallback:
        return None
    return setting(situation, of_specialist(situation, "continuation"), "prompt", reason)


def _can_stand_in(other: Specialist, own: Specialist) -> bool:
    """Return whether another can take this one's place by itself: it is able to, and leads back to nobody."""
    needed, able = own.capabilities, other.capabilities
    can = all(getattr(able, name) or not getattr(needed, name) for name in needed.__struct_fields__)
    is_long_enough = not own.context_length or not other.context_length or (
        other.context_length >= own.context_length
    )  # fmt: skip
    is_apart = other.name != own.name and not other.fallback and own.name not in other.equals
    return (
        other.kind == "http" and is_apart and can and is_long_enough and set(own.labels) <= set(other.labels)
    )


def _limited_endpoint(situation: Situation) -> Endpoint | None:
    if situation.endpoint is not None:
        return situation.endpoint
    refused = Counter(
        each.endpoint for seen in situation.affected for each in seen.tries if each.error == RATE_LIMITED
    )
    own = {each.id: each for each in situation.specialist.endpoints}
    most = next((id for id, _ in refused.most_common() if id in own), None)
    return None if most is None else own[most]


def _taken_per_minute(situation: Situation, endpoint: str) -> float | None:
    """Return how many an endpoint took in the median minute in which it refused some.

    `None` where that is no quota: too few minutes, too few requests, or a minute that took far more without refusing.
    """
    taken: defaultdict[int, int] = defaultdict(int)
    refusing = set[int]()
    for seen in situation.affected:
        minute = int(seen.at // 60.0)
        for each in seen.tries:
            if each.endpoint == endpoint and each.outcome == "ok":
                taken[minute] += 1
            elif each.endpoint == endpoint and each.error == RATE_LIMITED:
                refusing.add(minute)
    if len(refusing) < LEAST_MINUTES:
        return None
    found = median([float(taken[minute]) for minute in sorted(refusing)])
    most = max((count for minute, count in taken.items() if minute not in refusing), default=0)
    return None if found < LEAST_TAKEN or most > SPREAD * found else found


def affinity(situation: Situation) -> Idea | None:
    """Send requests that begin alike to one endpoint, whose cache then knows them, where that is switched off."""
    reason = "Requests that begin alike go to one endpoint, whose cache then knows them."
    return setting(situation, "balancing.affinity", after=True, reason=reason)
