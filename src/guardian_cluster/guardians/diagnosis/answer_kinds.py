"""Decides which bad answers are of one kind: their fingerprints share most hashes."""

from collections.abc import Sequence
from typing import NamedTuple

from guardian_cluster.domain.observation import Observation

ALIKE = 0.5
"""Share of common hashes (Jaccard) from which two answers are of one kind; of unrelated ones it is below 0.1."""

MAX_KINDS = 32
MAX_ANSWERS = 400
MAX_HASHES = 64


class AnswerKind(NamedTuple):
    """Answers that are alike; the first one stands for all."""

    hashes: frozenset[int]
    ids: tuple[str, ...]


def kinds_of(observations: Sequence[Observation]) -> list[AnswerKind]:
    """Return the kinds of answers with a fingerprint, most frequent first, at most `MAX_KINDS`."""
    found: list[tuple[frozenset[int], list[str]]] = []
    for observation in [each for each in observations if each.fingerprint][:MAX_ANSWERS]:
        hashes = frozenset(observation.fingerprint[:MAX_HASHES])
        ids = next((ids for known, ids in found if likeness(known, hashes) >= ALIKE), None)
        if ids is not None:
            ids.append(observation.id)
        elif len(found) < MAX_KINDS:
            found.append((hashes, [observation.id]))
    ranked = sorted(found, key=lambda kind: -len(kind[1]))
    return [AnswerKind(hashes, tuple(ids)) for hashes, ids in ranked]


def likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """Return which share of the hashes of two answers they have in common."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0
