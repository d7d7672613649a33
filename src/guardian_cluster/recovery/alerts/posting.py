"""A POST to a sink over HTTP, and what its answer means. TLS is verified, redirects are not followed."""

from collections.abc import Mapping

import msgspec

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.specialists.failures import retry_after_s
from guardian_cluster.specialists.transport import Call, Response, Transport

CONNECT_S = 5.0

MAX_READ = 4_096
"""Bytes read of an answer: enough for what every sink says of a mistake."""

MAX_WAIT_S = 3_600.0
"""A sink that asks to be left alone for longer is asked after an hour all the same."""

_MAY_PASS = frozenset({408, 409, 425, 429})
"""Below 500, what the same request may not meet a moment later. Everything else is wrong with the request, the key or
the address, and stays so."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a sink."""

    sink: str
    url: str
    body: bytes
    headers: Mapping[str, str] = {}
    ca_file: str | None = None
    hidden: tuple[str, ...] = ()
    """Secrets, of which an answer may say nothing in logs and tables though it repeats them."""


async def post(transport: Transport, what: Post, now: float) -> Outcome:
    """Send it, and return what the sink made of it. Takes as long as it takes: whoever calls sets the limit."""
    call = Call(
        url=what.url,
        headers={"content-type": "application/json", "accept": "application/json", **what.headers},
        body=what.body,
        connect_timeout_s=CONNECT_S,
        endpoint=what.sink,
        ca_file=what.ca_file,
        hides_path=True,
    )
    try:
        response = await transport.send(call)
        try:
            said = (await _read(response)).decode("utf-8", "replace")
        finally:
            response.close()
    except AttemptFailed as failure:
        broke = failure.code == "upstream_disconnected"
        return Outcome(state="again", said="the connection broke" if broke else failure.message)
    wait = retry_after_s({"retry-after": response.header("retry-after")}, now=now, most_s=MAX_WAIT_S)
    return outcome_of(response.status, _without(said, what.hidden), wait)


def outcome_of(status: int, said: str, wait_s: float | None) -> Outcome:
    """Return what a status means for an alert (RFC 9110, section 15, and the sinks' own pages)."""
    if 200 <= status < 300:
        return Outcome(state="accepted")
    state = "again" if status in _MAY_PASS or status >= 500 else "refused"
    return Outcome(state=state, said=f"status {status}: {said}", after_s=wait_s)


async def _read(response: Response) -> bytes:
    """Read as much as tells what was wrong; a longer answer ends with its connection."""
    read = b""
    while len(read) < MAX_READ and (block := await response.read()):
        read += block
    return read[:MAX_READ]


def _without(said: str, hidden: tuple[str, ...]) -> str:
    for secret in filter(None, hidden):
        said = said.replace(secret, "••••")
    return said
