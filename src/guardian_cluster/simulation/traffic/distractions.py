"""Changes that change nothing: what is recorded all the time, and tempts one to blame the last of it."""

import random

from guardian_cluster.domain.change import ChangeEvent, ChangeKind
from guardian_cluster.simulation.traffic.people import Staff

_OWN: tuple[tuple[ChangeKind, str], ...] = (
    ("setting", "specialists.{name}.max_concurrency"),
    ("setting", "specialists.{name}.timeouts.between_chunks_s"),
    ("setting", "specialists.{name}.description"),
    ("endpoint", "endpoints.{name}/1.requests_per_minute"),
    ("threshold", "thresholds.harm/{name}/tenant-03"),
    ("documents", "documents.news"),
)
_OF_ALL: tuple[tuple[ChangeKind, str], ...] = (
    ("setting", "records.requests_days"),
    ("setting", "cors_origins"),
    ("limits", "tenants.tenant-07.limits.requests_per_minute"),
    ("watch", "watch.on_harm"),
    ("routing", "routing.explore"),
    ("upgrade", "version"),
)
UNREVISED: frozenset[ChangeKind] = frozenset(
    {"documents", "endpoint_ejected", "endpoint_readmitted", "overloaded", "worker_restarted", "upgrade"}
)
"""Kinds that come without a revision of the configuration."""
_A_DAY = 6.0
"""Changes on average: an installation that is worked on."""
_NEAR, _NEAR_S = 0.35, 900.0
"""How often one lies so shortly before the onset, as if it were to blame."""


def distractions(
    staff: Staff, since: float, until: float, onset: float, rng: random.Random
) -> tuple[ChangeEvent, ...]:
    """Return changes between two times that have no effect."""
    count = sum(rng.expovariate(1.0) < 1.0 for _ in range(round(_A_DAY * (until - since) / 86_400)))
    times = [rng.uniform(since, until) for _ in range(count)]
    if rng.random() < _NEAR:
        times.append(onset - rng.uniform(5.0, _NEAR_S))
    return tuple(_distraction(staff, at, rng) for at in times if since < at < until)


def _distraction(staff: Staff, at: float, rng: random.Random) -> ChangeEvent:
    is_own = rng.random() < 0.6
    kind, subject = rng.choice(_OWN if is_own else _OF_ALL)
    endpoint = f"{staff.name}/1" if kind == "endpoint" else ""
    return ChangeEvent(
        id=f"chg_{rng.getrandbits(48):012x}",
        at=at,
        kind=kind,
        subject=subject.format(name=staff.name),
        specialist=staff.name if is_own else "",
        endpoint=endpoint,
        tenant="tenant-07" if kind == "limits" else "",
        before=str(rng.randint(1, 9)),
        after=str(rng.randint(1, 9)),
    )
