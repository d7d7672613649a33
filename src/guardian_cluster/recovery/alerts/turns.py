"""Whose turn it is at one sink, so that what it hears of a fault is in order, and never out of date. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from guardian_cluster.domain.alert import AlertState, Delivery, is_untried

_RANK: dict[AlertState, int] = {"trigger": 0, "acknowledge": 1, "resolve": 2, "change": 3}
"""Of what was said at one moment."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What becomes of a delivery whose time has come."""

    dropped: str = ""
    """Why it is not to be sent any more."""
    wait_until: float | None = None
    """When it is looked at again: something that was said before it has not arrived."""
    replaces: tuple[Delivery, ...] = ()
    """What was said earlier of the same incident and still waits: it is out of date, and not to be sent any more."""


def turn_of(delivery: Delivery, others: Iterable[Delivery]) -> Turn:
    """Decide about a delivery among `others` of its sink and key: all that wait, and all of its incident.

    Of one incident only what was said last is sent, and it is sent only to who may believe that it is there: one that
    is over before its call could be tried is not called for. A call that is to wait makes nothing out of date before
    its time. Of different incidents of one fault, and of changes, what was said first is sent first.
    """
    line = [each for each in others if _same_line(each, delivery) and each.id != delivery.id]
    before = [each for each in line if order(each) < order(delivery)]
    if delivery.alert.state == "change":
        return _behind(before)
    mine = [each for each in line if each.incident_id == delivery.incident_id]
    if any(order(each) > order(delivery) and not _waits_longer(each, delivery) for each in mine):
        return Turn(dropped="more was said of it since")
    replaces = tuple(each for each in before if each in mine and each.state == "waiting")
    if delivery.alert.state != "trigger" and not _is_there(mine):
        return Turn(dropped="it was over before anybody was called", replaces=replaces)
    behind = _behind([each for each in before if each not in mine])
    return behind if behind.wait_until is not None else Turn(replaces=replaces)


def order(delivery: Delivery) -> tuple[float, int, str]:
    """Return by what deliveries of one line are sorted: when it was said, and at one moment the call first."""
    return delivery.alert.at, _RANK[delivery.alert.state], delivery.id


def _same_line(one: Delivery, other: Delivery) -> bool:
    return one.sink == other.sink and one.alert.key == other.alert.key


def may_be_heard(delivery: Delivery) -> bool:
    """Return whether somebody may have heard a call: it was tried, even where the try failed."""
    return delivery.alert.state == "trigger" and delivery.tries > 0


def _is_there(said: Iterable[Delivery]) -> bool:
    """Return whether whoever heard this may believe that the incident is there."""
    is_there = False
    for each in sorted(said, key=order):
        has_ended = each.alert.state == "resolve" and each.state == "delivered"
        is_there = may_be_heard(each) or (is_there and not has_ended)
    return is_there


def _waits_longer(one: Delivery, other: Delivery) -> bool:
    return one.alert.state == "trigger" and is_untried(one) and one.due > other.due


def _behind(before: Sequence[Delivery]) -> Turn:
    """Wait for what stands before it. What is repeated (`settled`, and waiting) has arrived, and holds up nobody."""
    late = [each.due for each in before if each.state == "waiting" and each.settled is None]
    return Turn(wait_until=max(late)) if late else Turn()
