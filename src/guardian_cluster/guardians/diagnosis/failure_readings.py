"""Reads off how a fault's requests failed, and how answers ended."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from guardian_cluster.domain.observation import Observation
from guardian_cluster.guardians.diagnosis.failure_codes import (
    BROKEN_OFF,
    CONFIGURED,
    DISCONNECTED,
    INCOMPLETE,
    QUOTA,
    ROOM,
    SERVER,
    UNREADABLE,
    WAITED,
    is_failure,
    is_smooth,
    is_withheld,
    tries_of,
)
from guardian_cluster.guardians.diagnosis.populations import Populations

SOUND_ENDS = frozenset({"stop", "tool_calls", "function_call", "content_filter"})
MIN_FAILURES = 3
MIN_USUAL = 20
"""Of which something is compared."""


def failures_read(populations: Populations) -> Mapping[str, float]:
    """Return the traits of failures and of ends."""

    def of(codes: Iterable[str], *, begun: bool | None = None) -> float:
        known = frozenset(codes)
        return populations.excess(lambda each: any(is_failure(one, known, begun) for one in tries_of(each)))

    lost = _lost(populations)
    return {
        "failed with a server error": of(SERVER - lost, begun=False),
        "failed with a quota": of(QUOTA),
        "failed by waiting": of(WAITED),
        "failed in the middle": max(of(BROKEN_OFF, begun=True), of(lost | {INCOMPLETE})),
        "failed with an unreadable answer": of(UNREADABLE),
        "failed by configuration": of(CONFIGURED),
        "failed for want of room": of(ROOM),
        "gave up early": of(WAITED) * _early(populations),
        "withheld": populations.excess(is_withheld),
    } | _ends(populations)


def _lost(populations: Populations) -> frozenset[str]:
    """Return the code of lost connections where they are lost in the middle of answers.

    Of answers in one piece it is not known how far they had come; those that are streamed tell for them.
    """
    lost = [one for each in populations.faulty for one in each.tries if one.error == DISCONNECTED]
    begun = sum(one.first_token_ms is not None for one in lost)
    return frozenset({DISCONNECTED}) if begun >= max(2.0, 0.15 * len(lost)) else frozenset()


def _early(populations: Populations) -> float:
    """Return how far timeouts came no later than usual answers do: one set too short, not an endpoint that hangs."""
    waited = [one for each in populations.faulty for one in each.tries if is_failure(one, WAITED, None)]
    before_token = [one.duration_ms for one in waited if one.first_token_ms is None]
    midway = [one.duration_ms for one in waited if one.first_token_ms is not None]
    smooth = [each for each in populations.usual if is_smooth(each)]
    first = [each.first_token_ms for each in smooth if each.first_token_ms is not None]
    whole = [each.duration_ms for each in smooth if each.first_token_ms is None]
    early = _sooner(before_token, max(first, whole, key=len))
    if len(midway) > len(before_token):
        early = _sooner(midway, [each.duration_ms for each in smooth]) * _sameness(midway)
    return early


def _sooner(waited: Sequence[float], usual: Sequence[float]) -> float:
    """Return 1 where waiting ended within the time of 98 of a hundred usual ones, 0 where it took twice as long."""
    if len(waited) < MIN_FAILURES or len(usual) < MIN_USUAL:
        return 0.0
    late = sorted(usual)[int(0.98 * (len(usual) - 1))]
    return min(max(math.log2(max(late, 1.0) / max(median(waited), 1.0)) + 1.0, 0.0), 1.0)


def _sameness(values: Sequence[float]) -> float:
    """Return how far values are all the same, within a twentieth."""
    center = median(values)
    return sum(abs(each - center) <= 0.05 * center for each in values) / len(values)


def _ends(populations: Populations) -> dict[str, float]:
    """Return whether answers ended for their length, and whether at one length."""
    lengths = [each.output_tokens for each in populations.faulty if _broke_off(each)]
    broken = populations.excess(_broke_off)
    if len(lengths) < MIN_FAILURES:
        return {"answers broke off": broken, "answers end at one length": 0.0}
    most = max(Counter(lengths).values()) / len(lengths)
    alike = min(max((most - 0.3) / 0.4, 0.0), 1.0)
    return {"answers broke off": broken * (1.0 - alike), "answers end at one length": broken * alike}


def _broke_off(observation: Observation) -> bool:
    return observation.outcome != "error" and (
        observation.finish_reason not in SOUND_ENDS
        or any("truncated" in each for each in observation.verdicts)
    )
