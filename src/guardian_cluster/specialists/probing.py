"""Whether an endpoint's server answers at all: a question that no model is asked, and nobody pays for."""

import asyncio

from guardian_cluster.contract.snapshot import Endpoint, Specialist
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.transport import Call, Response, Transport

PROBE_S = 5.0
"""At most, connecting included: a list of names takes a server no time, and a request may wait for the verdict."""

MAX_PROBE_BYTES = 262_144
"""Read of the list, so that the connection can be used again; the largest public lists are of that order."""


async def probe(
    transport: Transport, specialist: Specialist, endpoint: Endpoint, *, is_fresh: bool = True
) -> bool:
    """Return whether the endpoint's server answers `GET /models`, whatever it says but that it is broken (5xx).

    401, 403, 404 and the like are answers: what is wrong with them is wrong with the request, or with a server that
    has no such list. It goes over a connection of its own making, or else over one that is open and is open for others
    afterwards; by the specialist's proxy and authority. Never raises but when cancelled; takes at most `PROBE_S`.
    """
    try:
        async with asyncio.timeout(PROBE_S):
            response = await transport.send(_question(specialist, endpoint, is_fresh=is_fresh))
            try:
                await _pass_over(response)
                return response.status < 500
            finally:
                response.close()
    except (AttemptFailed, TimeoutError):
        return False


def _question(specialist: Specialist, endpoint: Endpoint, *, is_fresh: bool) -> Call:
    headers = {"accept": "application/json"}
    if endpoint.api_key is not None and endpoint.api_key.value:
        headers["authorization"] = f"Bearer {endpoint.api_key.value}"
    return Call(
        url=endpoint.url.rstrip("/") + "/models",
        headers=headers,
        body=b"",
        connect_timeout_s=min(specialist.timeouts.connect_s, PROBE_S),
        endpoint=endpoint.id,
        method="GET",
        is_fresh=is_fresh,
        proxy=specialist.proxy.value if specialist.proxy is not None else None,
        ca_file=specialist.ca_file,
    )


async def _pass_over(response: Response) -> None:
    """Read the body as far as it is sensible: a server that hangs within it is dead."""
    size = 0
    while size <= MAX_PROBE_BYTES and (block := await response.read()):
        size += len(block)
