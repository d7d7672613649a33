"""What is truly wrong in simulated traffic: the cause, the slice, since when, and how much."""

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.observation import Slice

Magnitude = Literal["small", "middle", "large"]

MAGNITUDES: tuple[Magnitude, ...] = get_args(Magnitude)

SHARES: Mapping[Magnitude, float] = {"small": 0.3, "middle": 0.5, "large": 0.8}
"""Of the requests of the slice that the fault strikes. A fault of a third is one that callers complain about; below
that few would look for a place at all."""

FACTORS: Mapping[Magnitude, float] = {"small": 2.0, "middle": 3.5, "large": 7.0}
"""By which a fault of time or of tokens multiplies what is usual."""

Scope = Literal["everything", "upstream", "one", "two", "three"]
"""Where a fault is: everywhere; at one endpoint or model; where one other dimension has a value; where two or three
dimensions have theirs together."""

SCOPES: tuple[Scope, ...] = get_args(Scope)


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """One fault."""

    specialist: str
    cause: Cause
    manner: str
    """In which of the cause's ways: `bad-gateway`, `silent`, ..."""
    scope: Scope
    where: Slice
    onset: float
    """Unix time in seconds."""
    magnitude: Magnitude
    requests: frozenset[str]
    """The ids of all requests of the slice since the onset, whether they were struck or not."""
    changes: tuple[str, ...] = ()
    """The ids of the changes that brought it; most faults have none."""
