"""The faults a drill can name, each with one representative setting."""

from collections.abc import Mapping
from types import MappingProxyType

from guardian_cluster.simulation.answer_faults import Empty, Giant, Repeats
from guardian_cluster.simulation.connection_faults import (
    BreakOff,
    Drip,
    GarbleHandshake,
    Hang,
    Refuse,
    Reset,
    Slow,
)
from guardian_cluster.simulation.fault import Fault
from guardian_cluster.simulation.reply_faults import (
    CleanCut,
    Malformed,
    NoDone,
    NoFinish,
    SoftError,
    Status,
    StreamError,
    TruncatedText,
    WrongContentType,
)
from guardian_cluster.simulation.schedule import Schedule, first, flapping

# A name that never resolves (RFC 6761): no server can play a failure of name resolution.
UNRESOLVED_URL = "http://no-such-model.invalid/v1"

NAMED_FAULTS: Mapping[str, Fault | Schedule] = MappingProxyType(
    {
        "refuse": Refuse(),
        "tls-failure": GarbleHandshake(),
        "reset-before-headers": Reset("request"),
        "reset-after-headers": Reset("headers"),
        "reset-mid-stream": Reset(3),
        "hang-before-headers": Hang("request"),
        "hang-after-headers": Hang("headers"),
        "hang-mid-stream": Hang(3),
        "slow-drip": Drip(bytes_at_once=1, every_s=0.25),
        "degraded-5x": Slow(factor=5.0),
        "rate-limited": Status(429, code="rate_limit_exceeded"),
        "rate-limited-retry-after": Status(429, code="rate_limit_exceeded", retry_after="2"),
        "server-error": Status(500),
        "server-error-burst": first(5, Status(503)),
        "bad-gateway-page": Status(502, is_html=True),
        "flapping": flapping(Status(503), healthy=5, failing=5),
        "unauthorized": Status(401, code="invalid_api_key"),
        "not-found": Status(404, code="model_not_found"),
        "malformed-json": Malformed(0),
        "malformed-mid-stream": Malformed(3),
        "truncated-utf8": TruncatedText(3),
        "half-body": BreakOff(3),
        "clean-cut": CleanCut(3),
        "no-finish": NoFinish(),
        "no-done": NoDone(),
        "soft-error": SoftError(),
        "stream-error": StreamError(3),
        "wrong-content-type": WrongContentType(),
        "empty": Empty(),
        "repetition": Repeats(),
        "giant": Giant(),
    }
)
