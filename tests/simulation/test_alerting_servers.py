"""The servers that alerts are rehearsed with take what the real ones take, and nothing else."""

import asyncio
import hmac
import smtplib
from base64 import b64encode
from typing import Any

import aiohttp
import msgspec
import pytest

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.simulation.alerting import (
    AlertmanagerServer,
    MailServer,
    PagerDutyServer,
    Receiver,
    SlackServer,
    WebhookServer,
    first_of_all,
    hangs,
    says,
)

KEY = "R" * 32
T0 = 1_700_000_000.0


async def posted(
    server: Receiver, body: Any, path: str = "", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    content = {"content-type": "application/json"} | (headers or {})
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.url + path, data=msgspec.json.encode(body), headers=content) as response,
    ):
        return response.status, await response.text()


def trigger(**changes: Any) -> dict[str, Any]:
    payload = {"summary": "s", "source": "here", "severity": "error"}
    return {"routing_key": KEY, "event_action": "trigger", "dedup_key": "k", "payload": payload} | changes


@pytest.mark.parametrize(
    "event",
    [
        "no object",
        trigger(routing_key="wrong"),
        trigger(event_action="open"),
        trigger(dedup_key="k" * 256),
        trigger(payload={"summary": "s", "source": "here"}),
        trigger(payload={"summary": "s" * 1_025, "source": "here", "severity": "error"}),
        trigger(payload={"summary": "s", "source": "here", "severity": "fatal"}),
        trigger(payload={"summary": "s", "source": "here", "severity": "error", "timestamp": "noon"}),
        trigger(unknown=1),
        {"routing_key": KEY, "event_action": "resolve"},
    ],
)
async def test_pagerduty_takes_no_event_that_is_not_right(event: Any):
    async with PagerDutyServer(routing_key=KEY) as server:
        status, body = await posted(server, event, "/v2/enqueue")

    assert (status, server.pages) == (400, [])
    assert '"invalid event"' in body


async def test_pagerduty_calls_again_once_an_alert_was_resolved():
    async with PagerDutyServer(routing_key=KEY) as server:
        for action in ("trigger", "trigger", "acknowledge", "trigger", "resolve", "resolve", "trigger"):
            assert (await posted(server, trigger(event_action=action), "/v2/enqueue"))[0] == 202

    assert server.pages == ["k", "k"]


@pytest.mark.parametrize(
    "alerts",
    [
        {"labels": {"a": "b"}},
        [{"labels": {}}],
        [{"labels": {"a-b": "c"}}],
        [{"labels": {"a": 1}}],
        [{"labels": {"a": "b"}, "startsAt": "2026-01-01T00:00:01Z", "endsAt": "2026-01-01T00:00:00Z"}],
        [{"labels": {"a": "b"}, "startsAt": "yesterday"}],
    ],
)
async def test_alertmanager_takes_no_alert_that_is_not_right(alerts: Any):
    async with AlertmanagerServer() as server:
        assert (await posted(server, alerts, "/api/v2/alerts"))[0] == 400


async def test_alertmanager_ends_what_is_not_said_again():
    clock = ManualClock(T0)
    async with AlertmanagerServer(clock=clock) as server:
        await posted(server, [{"labels": {"a": "b"}}], "/api/v2/alerts")
        clock.advance(301)
        assert server.firing == []
        await posted(server, [{"labels": {"a": "b"}}], "/api/v2/alerts")

    assert len(server.pages) == 2


async def test_slack_says_what_is_wrong_and_counts_mentions():
    async with SlackServer() as server:
        assert await posted(server, {"text": ""}) == (400, "no_text")
        assert await posted(server, {"words": "a"}) == (400, "invalid_payload")
        assert await posted(server, {"text": "<!here> @channel", "link_names": True}) == (200, "ok")

    assert server.markup == ["!here", "channel"]


async def test_a_webhook_is_taken_only_with_a_signature_that_is_right_and_new():
    event = {"specversion": "1.0", "id": "i", "source": "s", "type": "t", "time": "2026-01-01T00:00:00Z"}

    def headers(at: float, key: bytes) -> dict[str, str]:
        digest = hmac.digest(key, f"i.{at:.0f}.".encode() + msgspec.json.encode(event), "sha256")
        signed = {"webhook-id": "i", "webhook-timestamp": f"{at:.0f}"}
        signed |= {"webhook-signature": f"v1,{b64encode(digest).decode()}", "idempotency-key": "i"}
        return signed | {"content-type": "application/cloudevents+json"}

    async with WebhookServer(secret="k", clock=ManualClock(T0)) as server:
        assert (await posted(server, event, headers=headers(T0, b"wrong")))[0] == 401
        assert (await posted(server, event, headers=headers(T0 - 301, b"k")))[0] == 401
        assert (await posted(server, event, headers=headers(T0 + 301, b"k")))[0] == 401
        for _ in range(2):
            assert (await posted(server, event, headers=headers(T0 - 299, b"k")))[0] == 200

    assert list(server.events) == ["i"]


async def test_servers_fail_as_told():
    async with SlackServer(troubles=first_of_all(1, says(429, retry_after="7", said="slowly"))) as server:
        assert await posted(server, {"text": "a"}) == (429, "slowly")
        assert await posted(server, {"text": "a"}) == (200, "ok")
        server.troubles = hangs
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await posted(server, {"text": "a"})
        await server.until_received(3)

    assert (len(server.received), len(server.taken)) == (3, 1)


async def test_mail_needs_its_commands_in_order():
    def talk(port: int) -> list[int]:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="here", timeout=5) as client:
            codes = [client.docmd("DATA")[0], client.docmd("RCPT", "TO:<a@b>")[0], client.docmd("NOOP")[0]]
            client.sendmail("a@b", ["c@d"], b"Subject: x\r\n\r\n.dot\r\n")
            return codes

    async with MailServer() as server:
        codes = await asyncio.to_thread(talk, int(server.url.rpartition(":")[2]))

    assert codes == [503, 503, 250]
    assert server.mails[0].message.get_content().strip() == ".dot"
