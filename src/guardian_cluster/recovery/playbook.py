"""The playbook, as data: what is tried against which cause, in which order, and how counters of success change that.

Order is a prior: the first of a cause is taken to have helped before, the later ones less often. What was really
confirmed to help, or not to, is counted and soon outweighs it (means of Beta counters; the counters are capped, so
that a long past can be unlearned). What fails is followed by the next at once, so little has to be explored: in one of
ten failures the order is drawn by chance from the counters (Thompson sampling).
"""

import random
from collections.abc import Iterable, Mapping, Sequence

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import MoveKind
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.recovery import PlayCount

Play = tuple[MoveKind, ...]

PLAYS: Mapping[Cause | None, Play] = {
    "upstream_errors": ("drain", "pool", "backup"),
    "quota": ("concurrency", "reroute", "backup"),
    "hang": ("drain", "pool", "timeouts", "backup"),
    "slow": ("drain", "concurrency", "reroute", "backup"),
    "truncated_stream": ("drain", "pool", "backup"),
    "wrong_format": ("drain", "variant", "backup"),
    "refusal_spike": ("drain", "variant", "backup"),
    "quality_drop": ("drain", "variant", "backup"),
    "variant_regression": ("variant", "backup"),
    "stale_context": ("backup",),
    "cost_blowup": ("variant", "reroute"),
    "detector_drift": (),
    "own_configuration": ("timeouts", "variant", "backup"),
    "own_resources": ("restart", "concurrency", "shed"),
    None: ("backup",),
}
"""By cause; `None` is an unknown one. A drain goes before new connections: it helps whatever is wrong with an endpoint,
and its trials tell when that is over. New connections are for an endpoint that has no other beside it."""

PAGED: frozenset[Cause | None] = frozenset(
    {"stale_context", "cost_blowup", "detector_drift", "own_configuration", "own_resources", None}
)
"""Causes of which people hear whatever helps: what is done hides them, and only a person can mend them."""

CAPPED = 20
"""A counter beyond that is scaled down: the last twenty tell more than the first two hundred."""

PRIOR = 3.0
"""How often the first of a play is taken to have helped before; the next once less, but never under 1."""

FOREIGN = 0.5
"""What the experience with all other specialists weighs beside one's own."""

LIKELY = 0.5
"""What helped when a failure was seen before goes first as long as it is likelier to help than not."""

EXPLORED = 0.1
"""The share of failures in which the order is drawn by chance: as many as may be repaired somewhat later."""


def play_for(cause: Cause | None, policy: RecoveryPolicy) -> tuple[Play, bool]:
    """Return what is tried against a cause, and whether people are called as well."""
    own = policy.playbook.get(cause or "unknown")
    if own is None:
        return PLAYS[cause], cause in PAGED
    return tuple(kind for kind in own if kind != "page"), "page" in own


def ordered(
    play: Sequence[MoveKind],
    specialist: str,
    counts: Iterable[PlayCount],
    rng: random.Random,
    *,
    first: str = "",
) -> list[MoveKind]:
    """Return the play in the order in which it is tried now.

    `first` is what helped when this very failure was seen before. It goes first as long as it mostly helps, for it is
    known and not guessed. Where that is a backup, what has mostly failed at this specialist is left out: to try it
    all again would help nobody.
    """
    helped = {kind: max(PRIOR - number, 1.0) for number, kind in enumerate(play)}
    failed = dict.fromkeys(play, 1.0)
    own, foreign = _Tally(), _Tally()
    for count in counts:
        (own if count.specialist == specialist else foreign).add(count)
    for kind in play:
        for tally, weight in ((own, 1.0), (foreign, FOREIGN)):
            helped[kind] += weight * tally.scaled(kind)[0]
            failed[kind] += weight * tally.scaled(kind)[1]
    is_drawn = rng.random() < EXPLORED
    drawn = {kind: rng.betavariate(helped[kind], failed[kind]) for kind in play}
    means = {kind: helped[kind] / (helped[kind] + failed[kind]) for kind in play}
    best = drawn if is_drawn else means
    known = next((kind for kind in play if kind == first and means[kind] >= LIKELY), None)
    in_vain = {kind for kind in play if kind != "backup" and own.mostly_failed(kind)}
    tried: list[MoveKind] = [kind for kind in play if known != "backup" or kind not in in_vain]
    # A backup gives up the specialist as a whole, so it is never tried before what is narrower.
    return sorted(tried, key=lambda kind: (kind == "backup", kind != known, -best[kind]))


class _Tally:
    """How often each kind of move helped, and did not."""

    def __init__(self) -> None:
        self._counts: dict[MoveKind, tuple[int, int]] = {}

    def add(self, count: PlayCount) -> None:
        helped, failed = self._counts.get(count.kind, (0, 0))
        self._counts[count.kind] = (helped + count.helped, failed + count.failed)

    def mostly_failed(self, kind: MoveKind) -> bool:
        """Return whether a kind failed more often than it helped."""
        helped, failed = self._counts.get(kind, (0, 0))
        return failed > helped

    def scaled(self, kind: MoveKind) -> tuple[float, float]:
        """Return both counters of a kind, `CAPPED` together at most."""
        helped, failed = self._counts.get(kind, (0, 0))
        scale = min(1.0, CAPPED / max(helped + failed, 1))
        return scale * helped, scale * failed
