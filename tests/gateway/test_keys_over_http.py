"""Who may do what, and how much of it."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from gateway_client import HELLO, Reply, chat, line_to, request_of, send
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.snapshot import ApiKey, Base, DenyRule, Limits, Price, Tenant, WatchPolicy
from guardian_cluster.simulation import BreakOff, Hang, ModelServer, Reset, Status

CHAT = "/v1/chat/completions"
GUARDED = [
    ("POST", CHAT),
    ("POST", "/v1/embeddings"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/smart"),
    ("GET", "/v1/requests/req_1"),
    ("GET", "/metrics"),
]
OPEN = ["/health", "/status", "/health/live", "/health/liveliness", "/health/readiness"]


@dataclass(frozen=True)
class Holder:
    """Somebody with a key."""

    name: str

    @property
    def secret(self) -> str:
        return f"sk-gc-{self.name}-secret"

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    def key(self, **facts: Any) -> ApiKey:
        digest = hashlib.sha256(self.secret.encode()).hexdigest()
        return ApiKey(id=self.name, sha256=digest, created=0, **{"tenant": "default", **facts})


ANN, BOB, ADMIN = Holder("ann"), Holder("bob"), Holder("admin")


def guarded(url: str = "http://127.0.0.1:9/v1", *, price: Price = Price(), **facts: Any) -> Base:  # noqa: B008 frozen
    keys = [ANN.key(**facts), BOB.key(tenant="other"), ADMIN.key(tenant="house", role="admin")]
    return base(specialist("smart", url, price=price), specialist("small", url, price=price), keys=keys)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def locked() -> AsyncGenerator[RunningGateway]:
    """A gateway with keys, for tests that change nothing in it."""
    async with running_gateway(guarded()) as gateway:
        yield gateway


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "missing_api_key"),
        ({"authorization": ""}, "missing_api_key"),
        ({"authorization": "Bearer "}, "missing_api_key"),
        ({"authorization": "Basic c2VjcmV0"}, "missing_api_key"),
        ({"authorization": "Bearer sk-gc-nobody-secret"}, "invalid_api_key"),
        ({"authorization": f"Bearer {ANN.secret}x"}, "invalid_api_key"),
        ({"authorization": f"Bearer {ANN.key().sha256}"}, "invalid_api_key"),
        ({"x-api-key": "sk-gc-nobody-secret"}, "invalid_api_key"),
        ({"authorization": "Bearer \xff\xfe"}, "invalid_api_key"),
    ],
    ids=str,
)
async def test_without_a_right_key_every_route_is_401(
    locked: RunningGateway, method: str, path: str, headers: dict[str, str], code: str
):
    reply = await send(locked, method, path, HELLO if method == "POST" else None, headers)

    assert (reply.status, reply.error["type"], reply.error["code"]) == (401, "authentication_error", code)
    assert reply.headers["www-authenticate"] == "Bearer"
    assert "secret" not in reply.error["message"]


@pytest.mark.parametrize("path", OPEN)
async def test_health_needs_no_key(locked: RunningGateway, path: str):
    assert (await send(locked, "GET", path)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {ANN.secret}"},
        {"authorization": f"bearer {ANN.secret}"},
        {"authorization": f"BEARER   {ANN.secret} "},
        {"x-api-key": ANN.secret},
        {"authorization": "Basic c2VjcmV0", "x-api-key": ANN.secret},
    ],
    ids=str,
)
async def test_a_key_is_taken_in_every_form_that_clients_send(
    locked: RunningGateway, headers: dict[str, str]
):
    assert (await send(locked, "GET", "/v1/models", headers=headers)).status == 200


async def test_nothing_is_read_of_a_body_without_a_key(locked: RunningGateway):
    async with line_to(locked) as line:
        await line.send(request_of("POST", CHAT, HELLO)[:-10])

        assert (await line.reply()).status == 401


async def test_without_keys_everybody_on_the_machine_is_let_in():
    async with running_gateway(base(specialist("smart", "http://127.0.0.1:9/v1"))) as gateway:
        assert (await send(gateway, "GET", "/metrics")).status == 200


async def test_a_revoked_key_is_401():
    async with running_gateway(guarded(revoked=1.0)) as gateway:
        assert (await send(gateway, "GET", "/v1/models", headers=ANN.bearer)).status == 401


async def test_a_gateway_whose_only_key_is_revoked_is_open_to_nobody():
    async with running_gateway(base(keys=[ANN.key(revoked=1.0)])) as gateway:
        for headers in ({}, ANN.bearer):
            assert (await send(gateway, "GET", "/v1/models", headers=headers)).status == 401


async def test_a_key_revoked_while_the_gateway_runs_is_401_from_then_on():
    async with running_gateway(guarded()) as gateway:
        before = await send(gateway, "GET", "/v1/models", headers=ANN.bearer)
        gateway.apply(guarded(revoked=1.0))
        after = await send(gateway, "GET", "/v1/models", headers=ANN.bearer)

    assert (before.status, after.status) == (200, 401)


async def test_metrics_are_for_administrators():
    async with running_gateway(guarded()) as gateway:
        client = await send(gateway, "GET", "/metrics", headers=ANN.bearer)
        admin = await send(gateway, "GET", "/metrics", headers=ADMIN.bearer)

    assert (client.status, client.error["type"]) == (403, "permission_error")
    assert "guardian key new --role admin" in client.error["message"]
    assert admin.status == 200


async def test_a_key_is_kept_to_its_models_on_every_route():
    async with (
        ModelServer("hello") as server,
        running_gateway(guarded(server.url, models=("small",))) as gateway,
    ):
        listed = await send(gateway, "GET", "/v1/models", headers=ANN.bearer)
        hidden = await send(gateway, "GET", "/v1/models/smart", headers=ANN.bearer)
        refused = await chat(gateway, ANN.bearer)
        served = await chat(gateway, ANN.bearer, model="small")

    assert [model["id"] for model in listed.json["data"]] == ["small"]
    assert (hidden.status, refused.status, served.status) == (404, 403, 200)
    assert "may use: small" in refused.error["message"]


async def test_a_request_is_seen_by_its_own_tenant_and_by_administrators():
    async with ModelServer("hello") as server, running_gateway(guarded(server.url)) as gateway:
        asked = await chat(gateway, ANN.bearer)
        path = f"/v1/requests/{asked.headers['x-request-id']}"
        await gateway.collected.request()
        own, other, admin = [
            await send(gateway, "GET", path, headers=who.bearer) for who in (ANN, BOB, ADMIN)
        ]
        unknown = await send(gateway, "GET", "/v1/requests/req_0", headers=BOB.bearer)

    assert (own.status, other.status, admin.status) == (200, 404, 200)
    assert (own.json["tenant"], own.json["key"]) == ("default", "ann")
    # What another tenant has is answered like what nobody has.
    assert other.error.keys() == unknown.error.keys()
    assert other.error["code"] == unknown.error["code"]


async def test_feedback_carries_the_tenant_of_its_key():
    async with running_gateway(guarded()) as gateway:
        await send(gateway, "POST", "/v1/feedback", {"request_id": "r", "score": 1, "label": "x"}, BOB.bearer)

        (said,) = [report for report in gateway.collected.reports if hasattr(report, "score")]
    assert said.tenant == "other"


async def test_no_key_is_ever_logged_or_recorded(caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    async with ModelServer("hello", faults=Status(500)) as server:
        async with running_gateway(guarded(server.url)) as gateway:
            await chat(gateway, ANN.bearer)
            await chat(gateway, {"authorization": "Bearer sk-gc-wrong-secret"})

    assert "secret" not in caplog.text
    assert "secret" not in repr(gateway.collected.reports)
    assert all(ANN.secret not in str(request.headers) for request in server.requests)


async def limited(limits: Limits, *, count: int, headers: dict[str, str] | None = None) -> list[Reply]:
    async with ModelServer("hello") as server, running_gateway(guarded(server.url, limits=limits)) as gateway:
        replies = [await chat(gateway, headers or ANN.bearer) for _ in range(count)]
    assert server.received == sum(reply.status == 200 for reply in replies)
    return replies


async def test_a_rate_is_429_with_the_time_to_wait():
    first, second, third = await limited(Limits(requests_per_minute=2), count=3)

    assert (first.status, second.status, third.status) == (200, 200, 429)
    assert (third.error["type"], third.error["code"]) == ("rate_limit_error", "requests_per_minute_exceeded")
    assert 58 <= int(third.headers["retry-after"]) <= 60
    assert 58_000 <= int(third.headers["retry-after-ms"]) <= 60_000


async def test_the_headers_count_down():
    replies = await limited(Limits(requests_per_minute=60, tokens_per_minute=100_000), count=2)

    assert [reply.headers["x-ratelimit-limit-requests"] for reply in replies] == ["60", "60"]
    assert [reply.headers["x-ratelimit-remaining-requests"] for reply in replies] == ["59", "58"]
    assert all(reply.headers["x-ratelimit-reset-requests"].endswith("s") for reply in replies)
    assert int(replies[0].headers["x-ratelimit-remaining-tokens"]) < 100_000


async def test_a_token_rate_is_429():
    *_, last = await limited(Limits(tokens_per_minute=1_100), count=12)

    # 1,024 are reserved for each answer, and all but the few it uses given back.
    assert {last.status} <= {200, 429}
    async with ModelServer("hello") as server:
        async with running_gateway(guarded(server.url, limits=Limits(tokens_per_minute=1_500))) as gateway:
            async with line_to(gateway) as line:
                server.fault = Hang("request")
                await line.send(request_of("POST", CHAT, HELLO, ANN.bearer))
                await server.until(lambda: server.open_requests == 1)
                reply = await chat(gateway, ANN.bearer)

    assert (reply.status, reply.error["code"]) == (429, "tokens_per_minute_exceeded")


@pytest.mark.parametrize("fields", [{"max_tokens": 10**6}, {"max_completion_tokens": 10**6}, {"n": 100}])
async def test_a_budget_covers_the_worst_case_before_anybody_is_asked(fields: dict[str, Any]):
    price = Price(output_usd=10.0)
    async with ModelServer("hello") as server:
        serving = guarded(server.url, price=price, limits=Limits(budget_usd_per_month=0.5))
        async with running_gateway(serving) as gateway:
            refused = await chat(gateway, ANN.bearer, **fields)
            served = await chat(gateway, ANN.bearer)

    assert (refused.status, refused.error["code"]) == (429, "budget_exceeded")
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["retry-after"] == "60"
    assert (served.status, server.received) == (200, 1)


async def test_no_number_a_caller_names_gets_round_a_budget():
    async with ModelServer("hello") as server:
        limits = Limits(budget_usd_per_month=0.000001, tokens_per_minute=1_000_000)
        async with running_gateway(
            guarded(server.url, price=Price(output_usd=10.0), limits=limits)
        ) as gateway:
            statuses = [
                (await chat(gateway, ANN.bearer, max_tokens=number)).status
                for number in (-1, -(10**18), 0, 10**18, 10**300)
            ]

    assert (statuses, server.received) == ([429] * 5, 0)


async def test_what_was_spent_stays_spent():
    async with ModelServer("hello " * 40) as server:
        limits = Limits(budget_usd_per_month=0.03)
        async with running_gateway(
            guarded(server.url, price=Price(output_usd=300.0), limits=limits)
        ) as gateway:
            statuses = [(await chat(gateway, ANN.bearer, max_tokens=50)).status for _ in range(10)]
            spent = sum(record.cost_usd for record in gateway.collected.requests)

    assert statuses == sorted(statuses)
    assert {200, 429} == set(statuses)
    assert spent <= 0.03 + 1e-9


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", [Status(500), Reset("request"), BreakOff("headers")], ids=str)
async def test_a_failure_gives_back_what_was_reserved(fault: Any, stream: bool):
    limits = Limits(tokens_per_minute=1_500, budget_usd_per_month=0.02)
    async with ModelServer("hello", faults=fault) as server:
        async with running_gateway(
            guarded(server.url, price=Price(output_usd=10.0), limits=limits)
        ) as gateway:
            await chat(gateway, ANN.bearer, stream=stream)
            server.fault = None

            assert (await chat(gateway, ANN.bearer, stream=stream)).status == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_gives_back_what_was_reserved(stream: bool):
    limits = Limits(tokens_per_minute=1_500, budget_usd_per_month=0.02)
    async with ModelServer("hello", faults=Hang("request")) as server:
        async with running_gateway(
            guarded(server.url, price=Price(output_usd=10.0), limits=limits)
        ) as gateway:
            async with line_to(gateway) as line:
                await line.send(request_of("POST", CHAT, {**HELLO, "stream": stream}, ANN.bearer))
                await server.until(lambda: server.open_requests == 1)
                line.abort()
            await gateway.collected.request()
            server.fault = None

            assert (await chat(gateway, ANN.bearer, stream=stream)).status == 200


async def test_a_client_that_leaves_pays_for_what_it_got():
    async with ModelServer("hello " * 100, faults=Hang(40)) as server:
        limits = Limits(budget_usd_per_month=1.0)
        async with running_gateway(
            guarded(server.url, price=Price(output_usd=1_000.0), limits=limits)
        ) as gateway:
            async with line_to(gateway) as line:
                await line.send(
                    request_of("POST", CHAT, {**HELLO, "stream": True, "max_tokens": 900}, ANN.bearer)
                )
                received = b""
                while received.count(b"delta") < 40:
                    received += await line.reader.read(65_536)
                line.abort()
            record = await gateway.collected.request()
            server.fault = None
            reply = await chat(gateway, ANN.bearer, max_tokens=980)

    assert (record.outcome, record.tokens_estimated) == ("cancelled", True)
    assert record.cost_usd > 0.02
    assert (reply.status, reply.error["code"]) == (429, "budget_exceeded")


async def test_requests_at_once_do_not_spend_the_same_remainder():
    limits = Limits(budget_usd_per_month=0.045)  # for four answers of 1,024 tokens
    async with ModelServer("hello", faults=Hang("request")) as server:
        async with running_gateway(
            guarded(server.url, price=Price(output_usd=10.0), limits=limits)
        ) as gateway:
            asking = [asyncio.create_task(chat(gateway, ANN.bearer)) for _ in range(12)]
            async with asyncio.timeout(5):
                while sum(task.done() for task in asking) < 8:
                    waiting = [task for task in asking if not task.done()]
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            await server.until(lambda: server.received == 4, timeout_s=5)
            statuses = [task.result().status for task in asking if task.done()]
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    assert statuses == [429] * 8
    assert server.received == 4


async def test_a_tenants_limits_count_for_all_its_keys():
    keys = [ANN.key(tenant="shared"), BOB.key(tenant="shared"), ADMIN.key()]
    tenants = [Tenant(name="shared", limits=Limits(requests_per_minute=1))]
    async with ModelServer("hello") as server:
        serving = base(specialist("smart", server.url), keys=keys, tenants=tenants)
        async with running_gateway(serving) as gateway:
            statuses = [(await chat(gateway, who.bearer)).status for who in (ANN, BOB, ADMIN)]

    assert statuses == [200, 429, 200]


async def test_limits_do_not_count_what_is_no_work_for_a_model():
    async with running_gateway(guarded(limits=Limits(requests_per_minute=1))) as gateway:
        statuses = [(await send(gateway, "GET", "/v1/models", headers=ANN.bearer)).status for _ in range(5)]

    assert statuses == [200] * 5


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_was_withheld_is_paid_for_too(stream: bool):
    policy = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="retry"),))
    keys = [ANN.key(limits=Limits(budget_usd_per_month=1.0))]
    async with ModelServer("SECRET " * 30) as dear, ModelServer("hello") as free:
        smart = specialist("smart", dear.url, price=Price(output_usd=10_000.0), fallback=("small",))
        serving = base(smart, specialist("small", free.url), keys=keys, watch=policy)
        async with running_gateway(serving) as gateway:
            served = await chat(gateway, ANN.bearer, stream=stream, max_tokens=99)
            refused = await chat(gateway, ANN.bearer, stream=stream, max_tokens=99)
            record = await gateway.collected.request()

    assert (served.status, served.text) == (200, "hello")
    assert record.cost_usd > 0.01
    assert (refused.status, refused.error["code"]) == (429, "budget_exceeded")


async def test_a_gateway_whose_keys_are_all_revoked_is_closed_to_everybody():
    async with running_gateway(guarded()) as gateway:
        before = (await send(gateway, "GET", "/v1/models", headers=ANN.bearer)).status
        gateway.apply(base(specialist("smart", "http://127.0.0.1:9/v1"), keys=[ANN.key(revoked=1.0)]))
        headers = [ANN.bearer, {}, {"authorization": "Bearer x"}]
        after = {(await send(gateway, "GET", "/v1/models", headers=each)).status for each in headers}

    assert (before, after) == (200, {401})


async def test_a_refusal_says_how_it_stands_with_the_limits():
    async with ModelServer() as server:
        serving = guarded(server.url, limits=Limits(requests_per_minute=1, tokens_per_minute=10_000))
        async with running_gateway(serving) as gateway:
            await chat(gateway, ANN.bearer)
            reply = await chat(gateway, ANN.bearer)

    limits = {name[12:]: said for name, said in reply.headers.items() if name.startswith("x-ratelimit-")}
    assert reply.status == 429
    assert (limits["limit-requests"], limits["remaining-requests"]) == ("1", "0")
    assert limits["limit-tokens"] == "10000"
    assert limits.keys() >= {"reset-requests", "remaining-tokens", "reset-tokens"}
