"""Who is called, and when. Pure: an incident, the policy and what was said before in, a decision out."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from guardian_cluster.contract.snapshot import AlertPolicy, EscalationStep
from guardian_cluster.domain.alert import AlertState, Delivery
from guardian_cluster.domain.incident import SEVERITIES, Incident
from guardian_cluster.recovery.alerts.turns import may_be_heard, order

HOUR_S = 3_600.0

HELD = "held back"
"""How what is said of a delivery begins that waits because too many pages went out already."""

STAYS_S = 600.0
"""What comes back within the hour after people were told that it is over has to stay for so long until they are called
once more: one that comes and goes wakes nobody, and one that stays nobody misses."""


def may_call(incident: Incident, policy: AlertPolicy, before: Iterable[Delivery]) -> bool:
    """Return whether people are called for an incident: for a bad one of its own, once each time it is there.

    `before` is what was said of it. One whose call was dropped before anybody could have seen it has called nobody.
    """
    is_bad = SEVERITIES.index(incident.severity) <= SEVERITIES.index(policy.page_from)
    return is_bad and not incident.parent and not told(before)


def call_from(incident: Incident, before: Iterable[Delivery], now: float) -> float:
    """Return from when on people are called: at once, and later for what they heard of, and that it was over."""
    if incident.reopened is None or not _was_said_over(before):
        return now
    return max(now, incident.reopened + STAYS_S)


def _was_said_over(before: Iterable[Delivery]) -> bool:
    said = sorted(before, key=order)
    heard = next((each for each in said if may_be_heard(each)), None)
    ends = (each for each in said if each.alert.state == "resolve")
    return heard is not None and any(order(each) > order(heard) for each in ends)


def told(before: Iterable[Delivery]) -> Mapping[str, Delivery]:
    """Return the sinks that were, or may yet be, told that an incident is there, each with what it was told first.

    A try that failed may have been heard all the same. What was said before its last end counts no more.
    """
    said = sorted((each for each in before if each.alert.state != "change"), key=order)
    found: dict[str, Delivery] = {}
    for each in said:
        if each.alert.state == "resolve":
            found.pop(each.sink, None)
        elif each.alert.state == "trigger" and (each.state != "given_up" or each.tries):
            found.setdefault(each.sink, each)
    return found


def has_heard(before: Iterable[Delivery], sink: str, state: AlertState) -> bool:
    """Return whether what was said to a sink last is that, or that it is over: of each call there is one end."""
    said = [each for each in before if each.sink == sink and each.alert.state != "change"]
    return bool(said) and max(said, key=order).alert.state in (state, "resolve")


def steps_of(policy: AlertPolicy) -> Sequence[EscalationStep]:
    """Return the steps of the escalation, the call itself first; sinks that no step names are called at once."""
    named = {sink for step in policy.escalation for sink in step.sinks}
    unnamed = tuple(sink for sink in policy.sinks if sink not in named)
    first, *later = policy.escalation or (EscalationStep(sinks=()),)
    if unnamed and first.after_s > 0.0:
        return (EscalationStep(sinks=unnamed), first, *later)
    return (EscalationStep(after_s=first.after_s, sinks=(*first.sinks, *unnamed)), *later)


def next_step(incident: Incident, policy: AlertPolicy, now: float) -> int | None:
    """Return the step of the escalation that is next, if its time may have come: in order, while nobody has it.

    The first step is the call itself, so an incident that was called for (`paged`) has taken it. Nobody was called
    before it was opened, so what is not due by that is not due.
    """
    if not incident.is_open or incident.acknowledged is not None or incident.parent or incident.paged is None:
        return None
    steps, at = steps_of(policy), max(1, incident.escalation)
    return at if at < len(steps) and now >= incident.opened + steps[at].after_s else None


def is_due(step: EscalationStep, incident: Incident, before: Collection[Delivery], now: float) -> bool:
    """Return whether a step's time has come, by when people were first to be called."""
    first = min((each.alert.at for each in told(before).values()), default=None)
    return first is not None and now >= call_from(incident, before, first) + step.after_s


def page_times(deliveries: Iterable[Delivery]) -> Sequence[float]:
    """Return when people got, or will get, each page: one call is one page, however many sinks say it."""
    pages: dict[tuple[str, float], float] = {}
    for each in deliveries:
        if each.alert.state != "trigger" or (each.state == "given_up" and not each.tries):
            continue
        at = each.due if each.settled is None else each.settled
        page = each.incident_id, each.alert.at
        pages[page] = min(at, pages.get(page, at))
    return sorted(pages.values())


def next_slot(pages: Sequence[float], at: float, most: int) -> float:
    """Return the first time, from `at` on, at which one more page makes no more than `most` of them in an hour."""
    latest = sorted(pages)[-max(1, most) :]
    return at if len(latest) < max(1, most) else max(at, latest[0] + HOUR_S)


def held_back(waiting: Iterable[Delivery], but: str) -> Sequence[str]:
    """Return the titles of other incidents whose pages are held back, each once."""
    held = (each for each in waiting if each.said.startswith(HELD) and not each.tries)
    return tuple({each.incident_id: each.alert.title for each in held if each.incident_id != but}.values())
