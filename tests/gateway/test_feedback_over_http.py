"""What callers may say of answers, through real HTTP: late, twice, of others' requests, and hostile."""

import hashlib
from typing import Any

import msgspec
import pytest
from gateway_client import Reply, chat, send
from harness import RunningGateway, base, running_gateway, specialist

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.snapshot import ApiKey, Base, Limits, Tenant
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.observation import Observation
from guardian_cluster.gateway.feedback import read_feedback
from guardian_cluster.monitoring.signals import observation_of
from guardian_cluster.simulation import ModelServer

DAY_S = 86_400.0
NOWHERE = specialist("smart", "http://127.0.0.1:9/v1")


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer sk-gc-{name}-secret"}


def serving(
    url: str = "http://127.0.0.1:9/v1", limits: Limits | None = None, tenant_limits: Limits | None = None
) -> Base:
    keys = [
        ApiKey(
            id=name,
            sha256=hashlib.sha256(f"sk-gc-{name}-secret".encode()).hexdigest(),
            tenant=f"{name}s",
            created=0.0,
            limits=limits or Limits(),
        )
        for name in ("ann", "bob")
    ]
    return base(
        specialist("smart", url), keys=keys, tenants=[Tenant(name="anns", limits=tenant_limits or Limits())]
    )


async def say(gateway: RunningGateway, body: Any, who: str = "ann") -> Reply:
    return await send(gateway, "POST", "/v1/feedback", body, bearer(who))


def heard(gateway: RunningGateway) -> list[Feedback]:
    return [report for report in gateway.collected.reports if isinstance(report, Feedback)]


def seen(gateway: RunningGateway, record: RequestRecord) -> Observation:
    observation = observation_of(record, heard(gateway))
    assert observation is not None
    return observation


async def test_the_last_mark_counts_however_late_and_however_often():
    clock = ManualClock()
    async with ModelServer("All is well.") as server, running_gateway(serving(server.url), clock) as gateway:
        asked = await chat(gateway, bearer("ann"))
        id = asked.headers["x-request-id"]
        for score, later_s in ((1.0, 0.0), (1.0, 0.0), (0.25, 9 * DAY_S)):
            clock.advance(later_s)
            assert (await say(gateway, {"request_id": id, "score": score})).status == 200
        observation = seen(gateway, await gateway.collected.request())

    assert len(heard(gateway)) == 3
    assert (observation.feedback, observation.losses["quality"]) == (0.25, 0.75)


async def test_another_tenant_has_no_say():
    async with ModelServer("All is well.") as server, running_gateway(serving(server.url)) as gateway:
        asked = await chat(gateway, bearer("ann"))
        reply = await say(gateway, {"request_id": asked.headers["x-request-id"], "score": 0}, "bob")
        observation = seen(gateway, await gateway.collected.request())

    assert reply.status == 200  # whether there is such a request is nobody else's to know
    assert (observation.feedback, observation.losses["quality"]) == (None, 0.0)


async def test_a_request_that_nobody_knows_may_be_another_gateways():
    async with running_gateway(serving()) as gateway:
        reply = await say(gateway, {"request_id": "req_of_another_gateway", "score": 0})

    assert reply.status == 200
    assert [each.request_id for each in heard(gateway)] == ["req_of_another_gateway"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b'{"request_id": "r", "score": NaN}', 400, None),
        (b'{"request_id": "r", "score": Infinity}', 400, None),
        (b'{"request_id": "r", "score": 1e400}', 400, "score"),
        (b'{"request_id": "r", "score": 1.0000001}', 400, "score"),
        (b'{"request_id": "r", "score": -1e-9}', 400, "score"),
        (b'{"request_id": "r", "score": true}', 400, "score"),
        (b'{"request_id": "r", "score": "1"}', 400, "score"),
        (b'{"request_id": "r", "comment": "\\ud800"}', 400, None),
        (b'{"request_id": "r", "comment": "\xff"}', 400, None),
        (b'{"request_id": "r\\u0000", "score": 1}', 400, "request_id"),
        (b'{"request_id": "r\\u001b[2J", "score": 1}', 400, "request_id"),
        (b'{"request_id": "", "score": 1}', 400, "request_id"),
        (b'{"request_id": "%b", "score": 1}' % (b"r" * 201), 400, "request_id"),
        (b'{"request_id": "r", "label": "%b"}' % (b"l" * 201), 400, "label"),
        (b'{"request_id": "r", "comment": "%b"}' % (b"c" * 4_001), 400, "comment"),
        (b'{"request_id": "r", "comment": "%b"}' % (b"c" * 70_000), 413, None),
        (b'{"request_id": "r", "tenant": "bobs", "score": 1}', 400, None),
        (b'{"request_id": "r"}', 400, "score"),
        (b"[" * 60_000, 400, None),
        (b"", 400, None),
    ],
)
async def test_what_is_no_feedback_is_refused_and_not_kept(body: bytes, status: int, param: str | None):
    async with running_gateway(base(NOWHERE)) as gateway:
        reply = await send(gateway, "POST", "/v1/feedback", body)

    assert reply.status == status
    assert param is None or reply.error["param"] == param
    assert heard(gateway) == []


async def test_words_are_kept_without_characters_that_a_terminal_would_obey():
    said = {"request_id": "r", "label": "bad\x1b[31m", "comment": "so\x00 bad\n\tindeed\u202e ü"}
    async with running_gateway(base(NOWHERE)) as gateway:
        await send(gateway, "POST", "/v1/feedback", said)

    (kept,) = heard(gateway)
    assert (kept.label, kept.comment) == ("bad\ufffd[31m", "so\ufffd bad\n\tindeed\ufffd ü")


@pytest.mark.parametrize("of_tenant", [False, True])
async def test_a_flood_is_limited_as_other_requests_are(of_tenant: bool):
    limits = Limits(requests_per_minute=3)
    clock = ManualClock()
    whose: Any = {"tenant_limits": limits} if of_tenant else {"limits": limits}
    async with running_gateway(serving(**whose), clock) as gateway:
        replies = [await say(gateway, {"request_id": "r", "score": 0}) for _ in range(5)]
        asked = await chat(gateway, bearer("ann"))
        others = await say(gateway, {"request_id": "r", "score": 0}, "bob")
        clock.advance(61.0)
        later = await say(gateway, {"request_id": "r", "score": 0})

    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert replies[-1].error["code"] == "requests_per_minute_exceeded"
    assert float(replies[-1].headers["retry-after"]) > 0
    assert (asked.status, others.status, later.status) == (429, 200, 200)
    assert len(heard(gateway)) == 5


async def test_a_budget_that_is_used_up_keeps_nobody_from_saying_what_it_got_for_it():
    spent = Limits(budget_usd_per_month=0.0, tokens_per_minute=1)
    async with running_gateway(serving(limits=spent)) as gateway:
        reply = await say(gateway, {"request_id": "r", "score": 0})

    assert reply.status == 200


@pytest.mark.parametrize("id", ["r\n", "r\r\n", "r s", "r\x1b", "é"])
def test_an_id_that_a_terminal_would_obey_is_refused(id: str) -> None:
    with pytest.raises(InvalidRequest, match="request_id"):
        read_feedback(msgspec.json.encode({"request_id": id, "score": 1.0}))
