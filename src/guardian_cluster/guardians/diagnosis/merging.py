"""Decides which diagnoses are of one fault: those of the same cause in the same place, or in parts of it."""

from collections.abc import Sequence

import msgspec

from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.observation import covers

MAX_ALARM_IDS = 20


def merged(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Return one diagnosis for each fault: one that is part of an earlier one lends it its signals and alarms."""
    kept: list[Diagnosis] = []
    for diagnosis in diagnoses:
        place = next((n for n, each in enumerate(kept) if _is_same(each, diagnosis)), None)
        if place is None:
            kept.append(diagnosis)
        else:
            kept[place] = _joined(kept[place], diagnosis)
    return kept


def _is_same(one: Diagnosis, other: Diagnosis) -> bool:
    if one.where == other.where:
        return True
    return one.cause == other.cause and (covers(other.where, one.where) or covers(one.where, other.where))


def _joined(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    return msgspec.structs.replace(
        one,
        signals=tuple(dict.fromkeys((*one.signals, *other.signals))),
        alarm_ids=tuple(dict.fromkeys((*one.alarm_ids, *other.alarm_ids)))[:MAX_ALARM_IDS],
    )
