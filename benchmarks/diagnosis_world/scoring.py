"""What counts as right.

A cause is right when it is the class that is at work. A slice is right when it selects the same requests since the
onset as the true one, or all but one in twenty of both (Jaccard index >= .95): one place can have several names, as an
endpoint that alone serves a model, or a revision that is everything since it was made. A request is counted to the
endpoint that it was sent to first: where that one failed, its record names the one that answered instead.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

import msgspec

from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.observation import Observation, holds
from guardian_cluster.domain.window import Window
from guardian_cluster.simulation.traffic import Truth

SAME = 0.95

Requests = frozenset[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method says of one fault."""

    cause: str | None
    places: tuple[Callable[[Observation], bool], ...]
    """Best first: whether a request is in it."""


@dataclass(frozen=True, slots=True)
class Score:
    """How right an answer is about one truth."""

    cause: bool = False
    slice: bool = False
    slice_in_three: bool = False

    @property
    def points(self) -> int:
        return 2 * self.cause + 2 * self.slice + self.slice_in_three


def answers_of(report: DiagnosticianReport) -> tuple[Answer, ...]:
    """Return a report's diagnoses as answers, in its order; those without a cause say nothing of a fault."""
    return tuple(
        Answer(
            each.cause,
            tuple((lambda seen, where=found.where: holds(where, seen)) for found in each.findings)
            or ((lambda seen: True),),
        )
        for each in report.diagnoses
        if each.cause is not None or each.findings
    )


def as_sent(window: Window) -> tuple[Observation, ...]:
    """Return the requests of a window, each with the endpoint that it was sent to first, and that one's model."""
    models = {
        each.dimensions["endpoint"]: each.dimensions["model"]
        for each in window.observations
        if "endpoint" in each.dimensions and "model" in each.dimensions
    }
    return tuple(_sent(each, models) for each in window.observations)


def _sent(each: Observation, models: Mapping[str, str]) -> Observation:
    first = each.tries[0].endpoint if each.tries else each.dimensions.get("endpoint", "")
    if first == each.dimensions.get("endpoint") or first not in models:
        return each
    dimensions = {**each.dimensions, "endpoint": first, "model": models[first]}
    return msgspec.structs.replace(each, dimensions=dimensions)


def score(answer: Answer, truth: Truth, observations: Sequence[Observation]) -> Score:
    """Return how right an answer is, about requests as they were sent."""
    since = [each for each in observations if each.at >= truth.onset]
    right = [is_same(_selected(place, since), truth.requests) for place in answer.places[:3]]
    return Score(answer.cause == truth.cause, bool(right and right[0]), any(right))


def scores(answers: Sequence[Answer], truths: Sequence[Truth], window: Window) -> list[Score]:
    """Return how right the first answers are about as many truths, whichever answer is about which."""
    if not truths:
        return []
    first = [*answers[: len(truths)], *[None] * (len(truths) - len(answers))]
    sent = as_sent(window)
    known = {
        (n, m): score(answer, truth, sent) if answer is not None else Score()
        for n, answer in enumerate(first)
        for m, truth in enumerate(truths)
    }
    orders = [[known[n, m] for m, n in enumerate(order)] for order in permutations(range(len(truths)))]
    return max(orders, key=lambda order: sum(each.points for each in order))


def has_name(truth: Truth, window: Window) -> bool:
    """Return whether any slice is the true one: where no topic that was learned is the true topic, none is."""
    since = [each for each in as_sent(window) if each.at >= truth.onset]
    others = [item for item in truth.where if item[0] != "topic"]
    if len(others) == len(truth.where):
        return True
    kept = [each for each in since if holds(tuple(others), each)]
    topics = {each.dimensions.get("topic") for each in kept if each.id in truth.requests}
    named = [frozenset(each.id for each in kept if each.dimensions.get("topic") == topic) for topic in topics]
    return any(is_same(each, truth.requests) for each in named)


def is_same(one: Requests, other: Requests) -> bool:
    """Return whether two sets of requests are the same place."""
    union = len(one | other)
    return union > 0 and len(one & other) >= SAME * union


def _selected(place: Callable[[Observation], bool], observations: Iterable[Observation]) -> Requests:
    return frozenset(each.id for each in observations if place(each))
