"""Which requests tell whether an action helped, what they lost, and from which mean loss on it is still bad for them.

A move that has others answer cannot be judged by the slice that names who answered: after a drain nobody is in it. It
is judged by all requests that are like those it concerned in what they bring themselves (tenant, topic, language,
template). Among these the fault was diluted before, so a smaller mean loss is still bad.
"""

from collections.abc import Iterable, Sequence

from guardian_cluster.domain.action import Action, LimitConcurrency, RenewPool, Reprobe, Shed
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.domain.observation import Dimension, Observation, Signal, Slice, holds
from guardian_cluster.domain.recovery import SeverityAssessment
from guardian_cluster.recovery.validation import still_bad_from

BROUGHT: tuple[Dimension, ...] = ("tenant", "topic", "language", "template")
"""What a request brings itself, whoever answers it."""

AT_ENDPOINT = (RenewPool, Reprobe, LimitConcurrency)
"""Moves that leave a request where it is: it bears their mark where it was given to their endpoint."""

ANSWERERS = ("error", "latency")
"""Signals that fail whatever is asked, where it is the one who answers that is at fault."""

LEAST_SHARE = 0.05
"""A fault in fewer of the requests that are alike is not told apart from what is usual by any number that comes."""


def brought(where: Slice) -> Slice:
    """Return the part of a slice that requests bring themselves."""
    return tuple((name, value) for name, value in where if name in BROUGHT)


def concerned(requests: Iterable[Observation], actions: Sequence[Action], where: Slice) -> list[Observation]:
    """Return the requests whose way these actions changed, of those like the ones in a slice.

    Shedding is judged by the requests that it did not refuse: they are for whom it is done.
    """
    ids = {each.id for each in actions}
    are_shed = all(isinstance(each.move, Shed) for each in actions)
    since, like = min((each.taken for each in actions), default=0.0), brought(where)
    return [
        each
        for each in requests
        if each.at >= since and ids.isdisjoint(each.moves) == are_shed and holds(like, each)
    ]


def losses_of(requests: Iterable[Observation], signal: Signal, *, until: float) -> list[float]:
    """Return what each request lost that began until then, in their order: of what several made of it the worst.

    Later ones are left out because those that fail may take longer to be known than those that go well.
    """
    worst: dict[str, float] = {}
    for each in requests:
        if each.at <= until and signal in each.losses:
            worst[each.id] = max(worst.get(each.id, 0.0), each.losses[signal])
    return list(worst.values())


def bad_for(event: FailureEvent, assessment: SeverityAssessment, actions: Sequence[Action]) -> float:
    """Return the mean loss from which on it is still bad for the requests that these actions concern."""
    stays = bool(actions) and all(isinstance(each.move, AT_ENDPOINT) for each in actions)
    share = 1.0 if stays else max(assessment.alike, LEAST_SHARE)
    return still_bad_from(event.expected, event.expected + share * (event.observed - event.expected))


def is_telling(event: FailureEvent) -> bool:
    """Return whether something simple that goes well tells that what failed goes well."""
    return event.signal in ANSWERERS and not brought(event.where)
