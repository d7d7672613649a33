"""Where a fault is: draws a slice that the requests of a window can tell from every other one.

Two slices that hold nearly the same requests are one place with two names, and no method can do better than guess
between them. So a slice is drawn only where every wider one holds clearly more, and no narrower or other one nearly the
same.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from guardian_cluster.domain.observation import Dimension, Slice, slice_of
from guardian_cluster.simulation.traffic.faults.fault import Fault
from guardian_cluster.simulation.traffic.people import GROUNDED
from guardian_cluster.simulation.traffic.question import Question
from guardian_cluster.simulation.traffic.truth import Scope

LEAST, LEAST_OF_THREE = 0.05, 0.04
"""Of the requests since the onset that a slice has at least, one of three dimensions somewhat fewer: 50 and 40 of a
thousand."""
_MOST = 0.8
_WIDER = 1.4
"""How many times as many requests a slice has where one of its values is left out."""
_ALIKE, _SAME = 0.75, 0.95
"""Two slices whose requests overlap (Jaccard) between these are neither the same nor told apart."""
_TRIES = 3_000
_ASKED: tuple[Dimension, ...] = ("tenant", "topic", "language", "template")
_UPSTREAM: tuple[Dimension, ...] = ("endpoint", "model")
_NUMBER = {"one": 1, "two": 2, "three": 3}


class NoSuchSliceError(Exception):
    """The requests hold no slice of that kind; another window may."""


@dataclass(slots=True)
class Masks:
    """Which requests have which value, as bits of a number."""

    all: int
    by_value: dict[tuple[Dimension, str], int]
    shown: int
    """Requests in which the fault can be seen."""

    @classmethod
    def of(cls, questions: Sequence[Question], fault: Fault) -> "Masks":
        """Return those of questions, each with the endpoint that is asked first."""
        by_value: dict[tuple[Dimension, str], int] = {}
        shown = 0
        for number, question in enumerate(questions):
            bit = 1 << number
            shown |= bit if fault.shows(question) else 0
            for item in _values(question).items():
                by_value[item] = by_value.get(item, 0) | bit
        return cls((1 << len(questions)) - 1, by_value, shown)

    def of_slice(self, where: Slice) -> int:
        """Return the requests of a slice."""
        mask = self.all
        for item in where:
            mask &= self.by_value.get(item, 0)
        return mask


def drawn_slice(questions: Sequence[Question], scope: Scope, fault: Fault, rng: random.Random) -> Slice:
    """Return a slice for a fault among requests since its onset. Raises NoSuchSliceError where there is none."""
    if scope == "everything":
        return fault.fixed
    masks = Masks.of(questions, fault)
    count = _NUMBER.get(scope, 1) - (fault.dimensions if scope != "upstream" else 0)
    for _ in range(_TRIES):
        question = rng.choice(questions)
        names = _names(scope, count, fault, rng)
        values, drawn = _values(question), dict(fault.fixed)
        drawn.update({name: values[name] for name in names})
        where = slice_of(drawn)
        if _fits(where, fault) and is_distinct(where, masks, fault):
            return where
    raise NoSuchSliceError(f"no slice of {scope} for {fault.manner} among {len(questions)} requests")


def _values(question: Question) -> dict[Dimension, str]:
    return {**question.values, "endpoint": question.place.id, "model": question.place.model}


def _names(scope: Scope, count: int, fault: Fault, rng: random.Random) -> Sequence[Dimension]:
    upstream = rng.choice(_UPSTREAM)
    if scope == "upstream":
        return (upstream,)
    if fault.within is not None:
        return (fault.within,)
    taken = {name for name, _ in fault.fixed}
    if count == 1 and not taken:
        return (rng.choice((*_ASKED, "variant")),)
    among: tuple[Dimension, ...] = (*_ASKED, "variant", upstream)
    return rng.sample([name for name in among if name not in taken], count)


def _fits(where: Slice, fault: Fault) -> bool:
    """Return whether a fault of documents is where documents are used."""
    topic = dict(where).get("topic")
    return fault.cause != "stale_context" or topic is None or topic in GROUNDED


def is_distinct(where: Slice, masks: Masks, fault: Fault) -> bool:
    """Return whether a slice is large enough, and told apart from all that hold nearly the same requests."""
    mask, total = masks.of_slice(where), masks.all.bit_count()
    size = mask.bit_count()
    least = (LEAST_OF_THREE if len(where) > 2 else LEAST) * total
    if not least <= size <= _MOST * total or (mask & masks.shown).bit_count() < 0.5 * least:
        return False
    free = [item for item in where if masks.by_value.get(item, 0) != masks.all]
    if any(item not in fault.fixed for item in where if item not in free):
        return False  # all requests have that value, so it says nothing
    wider = [masks.of_slice(tuple(each for each in free if each != left_out)) for left_out in free]
    if any(each.bit_count() < _WIDER * size for each in wider):
        return False
    others = [each for item, each in masks.by_value.items() if item not in where]
    return not any(_is_confusing(mask, base & other) for base in (*wider, mask) for other in others)


def _is_confusing(mask: int, other: int) -> bool:
    return _ALIKE < (mask & other).bit_count() / (mask | other).bit_count() < _SAME


def is_apart(one: Slice, other: Slice, masks: Masks) -> bool:
    """Return whether two slices have few requests in common: two faults in one place are one fault."""
    first, second = masks.of_slice(one), masks.of_slice(other)
    return (first & second).bit_count() <= 0.25 * min(first.bit_count(), second.bit_count())
