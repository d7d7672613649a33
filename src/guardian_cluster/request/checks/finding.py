"""What one check says of an answer."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

NOTHING: Mapping[str, float] = MappingProxyType({})


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. Whether it matters is decided elsewhere: a finding carries no weight."""

    check: str
    held: bool | None
    """`None` where the check had nothing to look at, or could not tell."""
    features: Mapping[str, float] = NOTHING
    """Plain measurements for a learner, nearly all between 0 and 1, named `check.what`."""
    detail: str = ""
    """What is the matter and where, in words; empty where the check held."""
    ran: bool = True
    """Whether the check came to an end; one that failed on the answer says nothing of it."""


def finding(check: str, held: bool | None, features: Mapping[str, float], detail: str = "") -> Finding:
    """Return a finding whose features are named after their check."""
    named = {f"{check}.{name}": float(value) for name, value in features.items()}
    return Finding(check=check, held=held, features=named, detail=detail)
