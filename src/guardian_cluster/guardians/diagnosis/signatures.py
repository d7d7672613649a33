"""Decides what the failures of a fault have in common: an error template, or a kind of bad answer."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from guardian_cluster.domain.observation import Observation
from guardian_cluster.guardians.diagnosis.answer_kinds import ALIKE, kinds_of, likeness
from guardian_cluster.guardians.diagnosis.error_templates import ErrorTemplates, failures

MAX_SIGNATURE = 200
MIN_ALIKE = 3
"""Failures, or answers, that have to agree."""

MIN_LIFT = 2.0
"""How much more frequent a template is among the faulty requests than among the others."""


class Signature(NamedTuple):
    """What failures have in common, and which requests show it."""

    text: str
    ids: frozenset[str]


NONE = Signature("", frozenset())


def signature_of(faulty: Sequence[Observation], others: Sequence[Observation]) -> Signature:
    """Return what is most typical of the faulty requests: the template first, as it says more."""
    found = _template(faulty, others)
    return found if found.text else _kind(faulty, others)


def _template(faulty: Sequence[Observation], others: Sequence[Observation]) -> Signature:
    templates = ErrorTemplates()
    placed = [(templates.place(attempt), each.id) for each in faulty for attempt in failures(each)]
    usual = Counter(templates.place(attempt) for each in others for attempt in failures(each))
    counts = Counter(number for number, _ in placed if number >= 0)
    for number, count in sorted(counts.items(), key=lambda item: (usual[item[0]] - item[1], item[0])):
        lift = (count / len(faulty)) / ((usual[number] + 0.5) / (len(others) + 1.0))
        if count >= MIN_ALIKE and lift >= MIN_LIFT:
            ids = frozenset(id for place, id in placed if place == number)
            return Signature(str(templates[number])[:MAX_SIGNATURE], ids)
    return NONE


def _kind(faulty: Sequence[Observation], others: Sequence[Observation]) -> Signature:
    kinds = kinds_of(faulty)
    if not kinds or len(kinds[0].ids) < MIN_ALIKE:
        return NONE
    kind = kinds[0]
    usual = sum(likeness(kind.hashes, each.hashes) >= ALIKE for each in kinds_of(others) for _ in each.ids)
    if usual / (len(others) + 1.0) * MIN_LIFT > len(kind.ids) / len(faulty):
        return NONE
    shown = " ".join(f"{each & 0xFFFF:04x}" for each in sorted(kind.hashes)[:8])
    return Signature(f"{len(kind.ids)} bad answers alike: {shown}", frozenset(kind.ids))
