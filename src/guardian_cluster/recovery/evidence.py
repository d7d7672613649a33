"""Which requests tell whether an action helped, what they lost, and from which mean loss on it is still bad for them.

A move that has others answer cannot be judged by the slice that names who answered: after a drain nobody is in it. It
is judged by all requests that are like those it concerned in what they bring themselves (tenant, topic, language,
template). Among these the fault was diluted before, so a smaller mean loss is still bad.
"""

import math
from collections.abc import Callable, Sequence

from guardian_cluster.domain.action import Action, LimitConcurrency, Move, RenewPool, Reprobe, Reroute, Shed
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.domain.observation import Dimension, Observation, Signal, Slice, holds
from guardian_cluster.domain.recovery import SeverityAssessment
from guardian_cluster.recovery.following import Following
from guardian_cluster.recovery.validation import still_bad_from

BROUGHT: tuple[Dimension, ...] = ("tenant", "topic", "language", "template")
"""What a request brings itself, whoever answers it."""

AT_ENDPOINT = (RenewPool, Reprobe)
"""Moves that leave a request where it is: it bears their mark where it was given to their endpoint."""

NO_ROOM = "specialist_busy"
"""What a request is told that found no room: it is lost to its caller, whoever made the room scarce."""

ANSWERERS = ("error", "latency")
"""Signals that fail whatever is asked, where it is the one who answers that is at fault."""

LEAST_SHARE = 0.05
"""A fault in fewer of the requests that are alike is not told apart from what is usual by any number that comes."""


def brought(where: Slice) -> Slice:
    """Return the part of a slice that requests bring themselves."""
    return tuple((name, value) for name, value in where if name in BROUGHT)


def concerning(actions: Sequence[Action], where: Slice) -> Callable[[Observation], bool]:
    """Return what tells the requests whose way these actions changed, of those like the ones in a slice.

    Shedding is judged by the requests that it did not refuse: they are for whom it is done. What relieves everybody by
    giving a part elsewhere, or less at once, is judged by everybody.
    """
    ids = {each.id for each in actions}
    are_shed, relieve_all = (all(test(each.move) for each in actions) for test in (_sheds, _relieves_all))
    since, like = min((each.taken for each in actions), default=0.0), brought(where)

    def concerns(each: Observation) -> bool:
        is_changed = relieve_all or ids.isdisjoint(each.moves) == are_shed
        return each.at >= since and is_changed and holds(like, each)

    return concerns


def _sheds(move: Move) -> bool:
    return isinstance(move, Shed)


def _relieves_all(move: Move) -> bool:
    """Return whether a move changes the way of some, for all."""
    if isinstance(move, Reroute):
        return not (move.as_backup or move.where)
    return isinstance(move, LimitConcurrency)


def losses_of(
    requests: Sequence[Observation], signal: Signal, *, until: float, by_marks: bool = False
) -> list[float]:
    """Return what each request lost that began until then, in their order."""
    following = Following(-math.inf, by_marks=by_marks)
    return following.take(requests, until, lambda each: loss_of(each, signal, by_marks=by_marks))


def loss_of(each: Observation, signal: Signal, *, by_marks: bool = False) -> float | None:
    """Return what a request lost; `None` where it does not tell.

    One that got no answer at all lost everything, whatever the signal: who waits less for a hang is not helped by an
    error. `by_marks` leaves out those that their callers said nothing of.
    """
    if each.outcome == "error" or each.error == NO_ROOM:
        return 1.0
    return None if by_marks and each.feedback is None else each.losses.get(signal)


def bad_for(event: FailureEvent, assessment: SeverityAssessment, actions: Sequence[Action]) -> float:
    """Return the mean loss from which on it is still bad for the requests that these actions concern."""
    stays = bool(actions) and all(isinstance(each.move, AT_ENDPOINT) for each in actions)
    share = 1.0 if stays else max(assessment.alike, LEAST_SHARE)
    observed = observed_in(event, assessment)
    return still_bad_from(event.expected, event.expected + share * (observed - event.expected))


def observed_in(event: FailureEvent, assessment: SeverityAssessment) -> float:
    """Return the mean loss that was observed, in the requests that tell of the failure."""
    return event.observed if assessment.marked is None else assessment.marked


def is_telling(event: FailureEvent) -> bool:
    """Return whether something simple that goes well tells that what failed goes well."""
    return event.signal in ANSWERERS and not brought(event.where)
