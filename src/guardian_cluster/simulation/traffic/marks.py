"""What callers say of answers: late, not of all of them, and of bad ones rather than of good ones."""

import random
from math import exp

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.simulation.traffic.people import Tenant

_DELAY_S, _DELAY_SPREAD = 180.0, 1.0
"""Median, and the standard deviation of the logarithm: one of twenty says so after a quarter of an hour."""
_COMPLAINS = 1.25
"""How many times as often callers say something of an answer that they dislike."""
_ALTERS = 0.05
"""Of marks, so many are replaced by another one later: the last one counts."""


def marks_of(
    record: RequestRecord, tenant: Tenant, disliked: bool, rng: random.Random
) -> tuple[Feedback, ...]:
    """Return what is said of one answer; nothing of most that did not come."""
    chance = tenant.marks * (_COMPLAINS if disliked else 1.0)
    if record.outcome == "error":
        chance *= 0.2
    if record.outcome == "cancelled" or rng.random() > chance:
        return ()
    at = record.started + record.duration_ms / 1e3 + _DELAY_S * exp(rng.gauss(0.0, _DELAY_SPREAD))
    first = _mark(record, tenant, disliked, at, rng)
    if rng.random() > _ALTERS:
        return (first,)
    return (_mark(record, tenant, not disliked, at, rng), _mark(record, tenant, disliked, at + 60.0, rng))


def _mark(record: RequestRecord, tenant: Tenant, disliked: bool, at: float, rng: random.Random) -> Feedback:
    stars = rng.choice((0.0, 0.25)) if disliked else rng.choice((0.75, 1.0, 1.0))
    return Feedback(
        request_id=record.id,
        tenant=record.tenant,
        received=at,
        score=stars if tenant.has_stars else float(not disliked),
    )
