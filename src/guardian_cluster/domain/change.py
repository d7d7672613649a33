"""Something that was changed, or that happened to an endpoint, at a known time: what a fault may have come from."""

from typing import Literal

import msgspec

ChangeKind = Literal[
    "variant",
    "model",
    "endpoint",
    "setting",
    "watch",
    "threshold",
    "routing",
    "limits",
    "documents",
    "upgrade",
    "endpoint_ejected",
    "endpoint_readmitted",
    "overloaded",
    "worker_restarted",
]


class ChangeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One change. Of a new revision of the configuration there is one for each thing that differs."""

    id: str
    at: float
    """Unix time in seconds."""
    kind: ChangeKind
    subject: str
    """What was changed, as a path: `specialists.writer.timeouts.total_s`, `endpoints.writer/1`."""
    specialist: str = ""
    """Whom it concerns; empty is everybody."""
    endpoint: str = ""
    tenant: str = ""
    rev: int = 0
    """The revision that brought it; 0 where none did."""
    before: str = ""
    """As JSON, secrets left out; shortened. Also `after`."""
    after: str = ""
