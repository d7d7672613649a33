"""Rules for answers that come late or never: how long is waited, and whether somebody else is asked meanwhile."""

from collections.abc import Sequence

from guardian_cluster.domain.observation import Observation, Try
from guardian_cluster.guardians.optimizing.figures import median, quantile, rounded_down, rounded_up
from guardian_cluster.guardians.optimizing.idea import Idea, of_specialist, setting
from guardian_cluster.guardians.optimizing.situation import LEAST_SOUND, Situation, is_sound

TIMED_OUT = "upstream_timeout"

SPARE = 3.0
"""Times the p99 of sound answers: of a log-normal delay with a deviation of 1 in its logarithm, which is a wide one,
3 in 10,000 sound answers take longer; p99 itself would cut off one of a hundred."""

BUSIER = 1.5
"""Times as many requests as before, from which load may be why answers are slow."""

WORTH_IT = 0.8
"""A timeout is changed where the new one is at most so much of the old one: less saves nobody much."""

LEAST_S = 1.0
"""A model that is loaded, or that thinks, is slow at times; what a window saw may not have been one of those."""


def hedge(situation: Situation) -> Idea | None:
    """Ask a second endpoint while the first is late, where there is one and nobody is asked so far."""
    if not situation.has_stand_ins:
        return None
    reason = "A second endpoint is asked while the answer of the first is late."
    share = situation.base.balancing.hedge_share
    return setting(
        situation, of_specialist(situation, "hedge"), after=True, reason=reason, cost_ratio=1.0 + share
    )


def shorter_wait(situation: Situation) -> Idea | None:
    """Give up sooner on answers that do not come: after three times what sound ones need."""
    silent = [each.duration_ms / 1e3 for each in _timed_out(situation.affected) if not each.first_token_ms]
    if not silent:
        return None
    timeouts = situation.specialist.timeouts
    ways = (
        ("first_token_s", timeouts.first_token_s, _first_tokens_s(situation.sound)),
        ("total_s", timeouts.total_s, _durations_s(situation.sound)),
    )
    for key, now_s, needed_s in ways:
        idea = _shorter(situation, key, now_s, needed_s)
        if idea is not None and median(silent) > _after(idea):
            return idea
    return None


def timeout_too_long(situation: Situation) -> Idea | None:
    """Give up sooner where the time that is waited is far more than sound answers need, hung or not."""
    timeouts = situation.specialist.timeouts
    first_s = _first_tokens_s(situation.sound)
    return _shorter(situation, "first_token_s", timeouts.first_token_s, first_s)


def longer_wait(situation: Situation) -> Idea | None:
    """Wait longer for the first piece, where sound ones need nearly as long as is waited."""
    now_s, needed_s = situation.specialist.timeouts.first_token_s, _first_tokens_s(situation.sound)
    wait_s = wait_of(needed_s)
    if wait_s is None or not is_too_short(now_s, needed_s):
        return None
    p99_s = quantile(needed_s, 0.99)
    reason = f"99 of 100 sound answers begin within {p99_s:.3g} s, and no more than {now_s:g} s are waited."
    return setting(situation, of_specialist(situation, "timeouts.first_token_s"), wait_s, reason)


def is_too_short(now_s: float, needed_s: Sequence[float]) -> bool:
    """Return whether a wait ends in the middle of what sound answers need: many would have come."""
    return len(needed_s) >= LEAST_SOUND and quantile(needed_s, 0.9) >= 0.5 * now_s


def adaptive_concurrency(situation: Situation) -> Idea | None:
    """Give an endpoint that becomes slow under load fewer requests at once, where that is switched off."""
    reason = "An endpoint that becomes slow under load is given fewer requests at once."
    return setting(situation, "balancing.adaptive_concurrency", after=True, reason=reason)


def fewer_when_busier(situation: Situation) -> Idea | None:
    """As `fewer_at_once`, where more requests come than before: what is slow by itself has more in flight as well."""
    earlier = [each.at for each in situation.window.observations if each.at < situation.onset]
    since = [each.at for each in situation.window.observations if each.at >= situation.onset]
    if not earlier or not since:
        return None
    before_s, since_s = situation.onset - earlier[0], situation.window.until - situation.onset
    is_busier = len(since) * before_s >= BUSIER * len(earlier) * since_s
    return fewer_at_once(situation) if is_busier else None


def fewer_at_once(situation: Situation) -> Idea | None:
    """Have at most as many requests in flight as there were while answers were sound."""
    sound = [each for each in situation.window.observations if is_sound(each) and each.at < situation.onset]
    if len(sound) < LEAST_SOUND or not situation.affected:
        return None
    carried, now = in_flight(sound), in_flight(situation.affected)
    most = max(1, int(rounded_up(carried)))
    current = situation.specialist.max_concurrency
    if now < BUSIER * carried or (current is not None and current <= most):
        return None  # it is not the load
    reason = f"Answers were sound with {carried} requests in flight; {now} were in flight since."
    return setting(situation, of_specialist(situation, "max_concurrency"), most, reason)


def in_flight(observations: Sequence[Observation]) -> int:
    """Return how many requests were under way at once in 99 of 100 moments at which one began."""
    ends = sorted(each.at + each.duration_ms / 1e3 for each in observations)
    counts, ended = list[float](), 0
    for begun, each in enumerate(sorted(observations, key=lambda each: each.at), 1):
        while ended < len(ends) and ends[ended] <= each.at:
            ended += 1
        counts.append(begun - ended)
    return int(quantile(counts, 0.99)) if counts else 0


def wait_of(needed_s: Sequence[float]) -> float | None:
    """Return how long to wait for what needs so long; `None` where too few are known."""
    if len(needed_s) < LEAST_SOUND:
        return None
    return max(LEAST_S, rounded_up(SPARE * quantile(needed_s, 0.99)))


def _shorter(situation: Situation, key: str, now_s: float, needed_s: Sequence[float]) -> Idea | None:
    wait_s = wait_of(needed_s)
    if wait_s is None or wait_s > WORTH_IT * now_s:
        return None
    p99_s = quantile(needed_s, 0.99)
    reason = f"99 of 100 sound answers need at most {p99_s:.3g} s, and {now_s:g} s are waited."
    return setting(situation, of_specialist(situation, f"timeouts.{key}"), wait_s, reason)


def _after(idea: Idea) -> float:
    after = getattr(idea.change, "after", None)
    return float(after) if isinstance(after, int | float) else 0.0


def _timed_out(observations: Sequence[Observation]) -> list[Try]:
    return [each for seen in observations for each in seen.tries if each.error == TIMED_OUT]


def _first_tokens_s(sound: Sequence[Observation]) -> list[float]:
    return [each.first_token_ms / 1e3 for each in sound if each.first_token_ms is not None]


def _durations_s(sound: Sequence[Observation]) -> list[float]:
    return [each.duration_ms / 1e3 for each in sound]


def slower_steps(limit: int) -> int:
    """Return a limit that is a fifth lower, in steps that stay the same from cycle to cycle; at least 1."""
    return max(1, int(rounded_down(limit * WORTH_IT)))
