"""An alarm: one signal of one specialist is worse than expected, and how sure that is."""

from typing import Literal

import msgspec

from guardian_cluster.domain.observation import Signal, Slice

Ending = Literal["recovered", "accepted", "silent", "always_so", "gone"]
"""Why an alarm is closed: losses are as expected again; a person has made what it is about usual; no request came to
its slice for long; its slice was found to be so from its first request; or what it is about is there no more."""


class Acceptance(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that what an alarm is about is usual from now on."""

    who: str
    at: float
    """Unix time."""
    note: str = ""
    """Why."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Raised once for one fault; open until the signal is as expected again."""

    id: str
    """The same for the same fault, however often its records are read."""
    specialist: str
    signal: Signal
    where: Slice = ()
    """The slice in which the evidence is strongest; the diagnostician looks closer."""
    raised: float
    """Unix time of the request at which the evidence was enough."""
    onset: float
    """Unix time since which it is estimated to be so."""
    evidence: float
    """The natural logarithm of the e-detector's value; it is compared with that of `bound`."""
    bound: float
    """One false alarm in so many requests, at most: what was proven, not what was seen."""
    expected: float
    """The loss that was expected, 0 to 1, as it was estimated; and the one observed since the onset."""
    observed: float
    requests: int
    """Since the onset."""
    record_ids: tuple[str, ...] = ()
    """Some of the requests that lost most since then: at most 20."""
    closed: float | None = None
    ending: Ending | None = None
    """`None` while it is open."""
    acceptance: Acceptance | None = None
    """Where somebody has accepted it; it stays open until whoever watches the specialist has learned from it."""
