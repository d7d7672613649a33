"""Failure patterns: a fault that was seen before is known again by what its failures have in common."""

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from msgspec.structs import replace

from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.incident import FailureEvent
from guardian_cluster.domain.observation import Observation, covers, holds, named
from guardian_cluster.domain.recovery import FailurePattern

LEAST = 3
"""Failures that have to show it."""

ALIKE = 0.5
"""The share of them that have to."""


def known(
    event: FailureEvent, recent: Sequence[Observation], patterns: Sequence[FailurePattern]
) -> FailurePattern | None:
    """Return the pattern that an event repeats, of the narrowest place, then seen most often; `None` if it is new.

    It has the same signal and a cure that was confirmed, its place holds or is held by the event's, most failures are
    there, and at least half of those say the same, or share most of what is odd about them. One that nothing helped
    against may have been misunderstood, so it is looked at anew.
    """
    alike = [each for each in patterns if each.helped and each.signal == event.signal]
    near = [each for each in alike if covers(each.where, event.where) or covers(event.where, each.where)]
    fitting = [each for each in near if _is_shown(each, recent)]
    return max(fitting, key=lambda each: (len(each.where), each.seen, each.last), default=None)


def _is_shown(pattern: FailurePattern, recent: Sequence[Observation]) -> bool:
    bad = [each for each in recent if each.losses.get(pattern.signal, 0.0) >= 0.5]
    inside = [each for each in bad if holds(pattern.where, each)]
    if len(inside) < LEAST or len(inside) < ALIKE * len(bad):
        return False
    if not pattern.signature and not pattern.fingerprint:
        return bool(pattern.where)  # with no mark and no place, any failure would be this one
    return sum(_is_alike(pattern, each) for each in inside) >= ALIKE * len(inside)


def _is_alike(pattern: FailurePattern, failed: Observation) -> bool:
    if pattern.signature and pattern.signature in _said(failed):
        return True
    shared = set(pattern.fingerprint) & set(failed.fingerprint)
    return bool(shared) and len(shared) >= ALIKE * len(pattern.fingerprint)


def _said(failed: Observation) -> set[str]:
    """Return what tells a failure apart: its error, and what its endpoint said of it."""
    tries = failed.tries
    return {failed.error, *(each.error for each in tries), *(each.said for each in tries)} - {""}


def learned(
    event: FailureEvent, diagnosis: Diagnosis, recent: Sequence[Observation], now: float, helped: str
) -> FailurePattern | None:
    """Return what a diagnosed failure teaches; `None` where no cause was found."""
    if diagnosis.cause is None:
        return None
    failed = [
        each for each in recent if holds(diagnosis.where, each) and each.losses.get(event.signal, 0.0) >= 0.5
    ]
    signature = _most_common([sorted(_said(each)) for each in failed], len(failed))
    marks = Counter(mark for each in failed for mark in set(each.fingerprint))
    fingerprint = tuple(sorted(mark for mark, count in marks.items() if count >= ALIKE * len(failed)))[:64]
    pattern = FailurePattern(
        id="",
        specialist=event.specialist,
        cause=diagnosis.cause,
        signal=event.signal,
        where=diagnosis.where,
        signature=signature,
        fingerprint=fingerprint,
        last=now,
        helped=helped,
    )
    return replace(pattern, id=_id(pattern))


def _most_common(said: Sequence[Sequence[str]], failures: int) -> str:
    counted = Counter(each for one in said for each in one)
    best = max(counted.items(), key=lambda each: (each[1], len(each[0])), default=("", 0))
    return best[0] if failures and best[1] >= ALIKE * failures else ""


def _id(pattern: FailurePattern) -> str:
    parts = (pattern.specialist, pattern.cause, pattern.signal, named(pattern.where), pattern.signature)
    return sha256("\x1f".join(parts).encode()).hexdigest()[:32]
