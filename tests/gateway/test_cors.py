"""Which web pages may call the gateway, as a browser finds out."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from harness import SOLVER, RunningGateway, base, running_gateway, specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import ApiKey, Base
from guardian_cluster.gateway import cors
from guardian_cluster.keys import digest
from guardian_cluster.simulation import BreakOff, Fault, ModelServer, Status

PAGE = "https://app.example"
OTHER = "https://other.example"
SUM = {"model": "auto", "messages": [{"role": "user", "content": "1 + 1"}]}
SECRET = "sk-gc-abcdefabcdef-" + "x" * 43
KEY = ApiKey(id="abcdefabcdef", sha256=digest(SECRET), tenant="default", created=0)
WITH_KEY = {"authorization": f"Bearer {SECRET}"}
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
}


class Seen:
    """A response, as far as a browser looks at it."""

    def __init__(self, response: aiohttp.ClientResponse, text: str) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = text

    @property
    def code(self) -> str:
        return json.loads(self.text)["error"]["code"]

    @property
    def cors(self) -> dict[str, str]:
        """The headers of the protocol, by what follows `access-control-`."""
        found = {name.lower(): value for name, value in self.headers.items()}
        prefix = "access-control-"
        return {name[len(prefix) :]: value for name, value in found.items() if name.startswith(prefix)}

    def readable_by(self, origin: str) -> bool:
        """Tell whether a browser gives this response to a page (Fetch standard, CORS check)."""
        return self.cors.get("allow-origin") in ("*", origin)


async def ask(
    gateway: RunningGateway,
    method: str,
    path: str,
    origin: str | None = PAGE,
    *,
    headers: dict[str, str] | None = None,
    **body: Any,
) -> Seen:
    """Ask as a page of this origin does."""
    sent = {**({"origin": origin} if origin else {}), **(headers or {})}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, gateway.origin + path, headers=sent, **body) as response,
    ):
        return Seen(response, await response.text())


async def chat(serving: Base, origin: str | None = PAGE, **fields: Any) -> Seen:
    async with running_gateway(serving) as gateway:
        return await ask(gateway, "POST", "/v1/chat/completions", origin, json={**SUM, **fields})


async def models(serving: Base, origin: str | None = PAGE) -> Seen:
    async with running_gateway(serving) as gateway:
        return await ask(gateway, "GET", "/v1/models", origin)


async def preflight(serving: Base, origin: str | None = PAGE, path: str = "/v1/chat/completions") -> Seen:
    async with running_gateway(serving) as gateway:
        return await ask(gateway, "OPTIONS", path, origin, headers=PREFLIGHT)


async def broken(fault: Fault, **fields: Any) -> Seen:
    """Ask for what ends in an error."""
    async with ModelServer("one two three four five", faults=fault) as model:
        serving = base(specialist("smart", model.url), cors_origins=[PAGE], max_attempts=1)
        return await chat(serving, model="smart", **fields)


async def test_a_page_of_a_configured_origin_may_read_the_answer():
    seen = await chat(base(SOLVER, cors_origins=[OTHER, PAGE]))

    assert seen.status == 200
    assert seen.cors == {"allow-origin": PAGE, "expose-headers": "*"}
    assert seen.headers["vary"] == "origin"


@pytest.mark.parametrize(
    "origin", [OTHER, "http://app.example", f"{PAGE}:444", f"{PAGE}.evil.example", "null", "", PAGE.upper()]
)
async def test_a_page_of_another_origin_may_not(origin: str):
    async with running_gateway(base(SOLVER, keys=[KEY], cors_origins=[PAGE])) as gateway:
        seen = await ask(gateway, "GET", "/v1/models", headers={**WITH_KEY, "origin": origin})

    assert (seen.status, seen.cors) == (200, {})
    assert seen.headers["vary"] == "origin"  # a cache must not give it to the page that may


@pytest.mark.parametrize("origins", [[], [PAGE]])
async def test_a_page_that_asks_without_asking_whether_it_may_spends_nothing(origins: list[str]):
    async with ModelServer() as model:
        serving = base(specialist("smart", model.url), cors_origins=origins)
        async with running_gateway(serving) as gateway:
            body = json.dumps({**SUM, "model": "smart"})
            plain = {"content-type": "text/plain"}  # of the few types that browsers send unasked
            seen = await ask(gateway, "POST", "/v1/chat/completions", OTHER, headers=plain, data=body)

    assert (seen.status, seen.code, seen.cors) == (403, "not_allowed", {})
    assert model.received == 0


@pytest.mark.parametrize("origin", [PAGE, OTHER, "null", "chrome-extension://abc"])
async def test_a_star_is_every_origin(origin: str):
    seen = await models(base(SOLVER, cors_origins=["*"]), origin)

    assert seen.cors == {"allow-origin": "*", "expose-headers": "*"}
    assert "vary" not in seen.headers  # it is the same for all


async def test_no_page_may_use_a_visitors_cookies():
    for origins in ([PAGE], ["*"]):
        assert "allow-credentials" not in (await preflight(base(SOLVER, cors_origins=origins))).cors


async def test_it_is_off_unless_configured():
    seen = await models(base(SOLVER))
    asked = await preflight(base(SOLVER))

    assert (seen.cors, asked.cors) == ({}, {})
    assert "vary" not in seen.headers
    assert (asked.status, asked.code) == (403, "not_allowed")
    assert "gateway.cors_origins" in asked.text


async def test_clients_that_are_no_browser_see_no_difference_but_for_caches():
    seen = await models(base(SOLVER, cors_origins=[PAGE]), None)

    assert (seen.status, seen.cors) == (200, {})


@pytest.mark.parametrize("origins", [[PAGE], ["*"]])
@pytest.mark.parametrize(
    "path", ["/v1/chat/completions", "/v1/models", "/openai/v1/embeddings", "/no/such/path"]
)
async def test_a_preflight_says_what_a_page_may_send(origins: list[str], path: str):
    seen = await preflight(base(SOLVER, cors_origins=origins), path=path)

    assert (seen.status, seen.text) == (200, "")
    assert seen.readable_by(PAGE)
    assert seen.cors["allow-methods"] == "GET, POST"
    assert seen.cors["allow-headers"] == "authorization, *"
    assert seen.cors["max-age"] == str(cors.PREFLIGHT_S)


async def test_a_preflight_of_another_origin_is_refused_and_says_why():
    seen = await preflight(base(SOLVER, cors_origins=[PAGE]), OTHER)

    assert (seen.status, seen.code, seen.cors) == (403, "not_allowed", {})
    assert "gateway.cors_origins" in seen.text


async def test_a_preflight_needs_no_key_and_the_request_after_it_does():
    locked = base(
        SOLVER, keys=[ApiKey(id="k", sha256="0" * 64, tenant="default", created=0)], cors_origins=[PAGE]
    )

    asked, seen = await preflight(locked), await chat(locked)

    assert asked.status == 200
    assert (seen.status, seen.readable_by(PAGE)) == (401, True)


async def test_options_without_a_question_is_a_wrong_method():
    async with running_gateway(base(SOLVER, cors_origins=[PAGE])) as gateway:
        seen = await ask(gateway, "OPTIONS", "/v1/chat/completions")

    assert (seen.status, seen.code, seen.readable_by(PAGE)) == (405, "method_not_allowed", True)


async def test_a_preflight_leaves_the_connection_usable():
    request = "OPTIONS /v1/models HTTP/1.1\r\nhost: g\r\naccess-control-request-method: GET\r\n"
    request += f"origin: {PAGE}\r\n\r\n"
    async with running_gateway(base(SOLVER, cors_origins=[PAGE])) as gateway:
        said = await raw(gateway, (request + request).encode(), answers=2)

    for head in said.split(b"\r\n\r\n")[:2]:
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\r\ncontent-length: 0" in head


async def test_a_stream_carries_the_headers():
    seen = await chat(base(SOLVER, cors_origins=[PAGE]), stream=True)

    assert seen.headers["content-type"].startswith("text/event-stream")
    assert seen.text.endswith("data: [DONE]\n\n")
    assert seen.cors == {"allow-origin": PAGE, "expose-headers": "*"}


async def test_a_stream_that_breaks_carries_the_headers():
    seen = await broken(BreakOff(2), stream=True)

    assert (seen.status, seen.readable_by(PAGE)) == (200, True)
    assert '"error"' in seen.text


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_of_the_model_carries_the_headers(stream: bool):
    seen = await broken(Status(500), stream=stream)

    assert seen.status == 500
    assert seen.cors == {"allow-origin": PAGE, "expose-headers": "*"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("GET", "/v1/chat/completions", None, 405),
        ("POST", "/v1/chat/completions", ["no object"], 400),
        ("POST", "/v1/chat/completions", {**SUM, "model": "unknown"}, 404),
        ("POST", "/v1/chat/completions", {**SUM, "pad": "x" * 2_000}, 413),
        ("GET", "/v1/requests/unknown", None, 404),
    ],
)
async def test_an_error_of_the_gateway_carries_the_headers(method: str, path: str, body: Any, status: int):
    async with running_gateway(base(SOLVER, cors_origins=[PAGE], max_body_bytes=1_000)) as gateway:
        seen = await ask(gateway, method, path, json=body)

    assert (seen.status, seen.readable_by(PAGE)) == (status, True)
    assert seen.headers["vary"] == "origin"


async def test_other_origins_may_be_configured_while_serving():
    async with running_gateway(base(SOLVER, cors_origins=[PAGE])) as gateway:
        gateway.apply(base(SOLVER, cors_origins=[OTHER]))
        before, after = [await ask(gateway, "GET", "/v1/models", origin) for origin in (PAGE, OTHER)]

    assert (before.cors, after.readable_by(OTHER)) == ({}, True)


@pytest.mark.parametrize("origins", [[PAGE], ["*"]])
@pytest.mark.parametrize(
    "name", ["origin", "access-control-request-headers", "access-control-request-method"]
)
async def test_no_header_can_be_put_into_a_response(origins: list[str], name: str):
    head = {"host": "g", "origin": PAGE, "access-control-request-method": "POST"}
    async with running_gateway(base(SOLVER, cors_origins=origins)) as gateway:
        for end in ("\r\n", "\n", "\r", "\r\n ", "\0", "\x0b", "\x7f", "\x85", "%0d%0a"):
            sent = head | {name: f"{head.get(name, 'x-a')}{end}set-cookie: a=1"}
            lines = "".join(f"{key}: {value}\r\n" for key, value in sent.items())
            said = await raw(
                gateway, f"OPTIONS /v1/models HTTP/1.1\r\n{lines}\r\n".encode("latin-1"), answers=1
            )

            assert said.startswith(b"HTTP/1.1 ")
            assert b"cookie" not in said


@given(
    origin=st.binary(max_size=30) | st.sampled_from([PAGE.encode(), b"*"]),
    asked=st.binary(max_size=30),
    origins=st.lists(st.sampled_from(["*", PAGE, OTHER])).map(tuple),
)
def test_nothing_of_a_request_is_repeated_but_a_configured_origin(
    origin: bytes, asked: bytes, origins: tuple[str, ...]
):
    headers = {b"origin": origin, b"access-control-request-headers": asked}

    said = dict(cors.response_headers(headers, origins)).get(b"access-control-allow-origin")

    assert (said is None) == (not cors.is_allowed(headers, origins))
    assert said is None or said.decode() in origins


async def raw(gateway: RunningGateway, request: bytes, *, answers: int) -> bytes:
    """Send bytes and return what comes back, until so many heads have come or the gateway closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(request)
        said = b""
        async with asyncio.timeout(5):
            while said.count(b"\r\n\r\n") < answers and (data := await reader.read(65_536)):
                said += data
        return said
    finally:
        writer.close()
        await writer.wait_closed()
