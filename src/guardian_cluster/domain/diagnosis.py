"""A diagnosis: what kind of cause a fault has, how sure that is, where it is, and on which records that rests."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from guardian_cluster.domain.observation import Signal, Slice

Cause = Literal[
    "upstream_errors",
    "quota",
    "hang",
    "slow",
    "truncated_stream",
    "wrong_format",
    "refusal_spike",
    "quality_drop",
    "stale_context",
    "variant_regression",
    "cost_blowup",
    "detector_drift",
    "own_configuration",
    "own_resources",
]
"""`quality_drop` is a model that became worse by itself; `stale_context` stale or poisoned documents;
`variant_regression` a changed prompt or variant; `detector_drift` a detector or judge that judges otherwise."""

CAUSES: tuple[Cause, ...] = get_args(Cause)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A slice in which a signal is worse than expected."""

    where: Slice
    score: float
    """Log-likelihood ratio in nats, less what searching so many slices costs."""
    requests: int
    expected: float
    observed: float


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. Where nothing can be localised, `findings` is empty and `cause` is what fits best overall, or None."""

    id: str
    specialist: str
    at: float
    onset: float
    signal: Signal
    """The signal that shows it most."""
    signals: tuple[Signal, ...] = ()
    """All that show it."""
    cause: Cause | None
    """`None`: nothing localisable."""
    probability: float = 0.0
    """Of the cause, 0 to 1."""
    causes: Mapping[Cause, float] = {}
    """The posterior over all classes."""
    findings: tuple[Finding, ...] = ()
    """The slices that explain it, best first, at most five."""
    changes: tuple[str, ...] = ()
    """Ids of changes near the onset that fit, best first."""
    signature: str = ""
    """What its failures have in common: a template of errors or of bad answers; hostile text."""
    record_ids: tuple[str, ...] = ()
    """The evidence: at most 50 requests, those that tell most."""
    alarm_ids: tuple[str, ...] = ()
    summary: str = ""
    """One or two sentences made from these fields alone."""
    narrative: str = ""
    """A model's account, where one was asked; it cites ids of `record_ids` and has decided nothing."""

    @property
    def where(self) -> Slice:
        """The slice that explains it best; all requests where none does."""
        return self.findings[0].where if self.findings else ()
