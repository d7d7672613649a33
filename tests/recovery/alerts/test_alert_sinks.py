"""Each sink against a server that takes alerts as strictly as the real one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme
from alert_samples import T0, delivery, hostile

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, Sink
from guardian_cluster.domain.alert import AlertState, Delivery
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.recovery.alerts.sinks.alertmanager import FIRES_S, RESEND_S
from guardian_cluster.recovery.alerts.sinks.making import ConfiguredSinks, made
from guardian_cluster.recovery.alerts.sinks.slack import escaped
from guardian_cluster.simulation.alerting import (
    AlertmanagerServer,
    PagerDutyServer,
    Receiver,
    SlackServer,
    WebhookServer,
    hangs,
    loses,
    says,
)
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport

ROUTING_KEY = "R" * 32
SECRET = "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"


@pytest.fixture
async def transport() -> AsyncIterator[HttptoolsTransport]:
    made = HttptoolsTransport()
    yield made
    await made.close()


Server = tuple[Receiver, Sink]


def servers(clock: ManualClock) -> dict[str, Callable[[], Receiver]]:
    return {
        "pagerduty": lambda: PagerDutyServer(routing_key=ROUTING_KEY, clock=clock),
        "alertmanager": lambda: AlertmanagerServer(clock=clock),
        "slack": lambda: SlackServer(clock=clock),
        "webhook": lambda: WebhookServer(secret=SECRET, clock=clock),
    }


KEYS = {"pagerduty": ROUTING_KEY, "webhook": SECRET}


def sink_of(kind: str, server: Receiver, **changes: object) -> Sink:
    key = Secret(KEYS[kind]) if kind in KEYS else None
    return Sink(**({"kind": kind, "url": Secret(server.url), "key": key} | changes))  # pyright: ignore[reportArgumentType]


async def sent(
    server: Receiver, kind: str, transport: HttptoolsTransport, *deliveries: Delivery, now: float = T0
) -> list[Outcome]:
    sink = made("oncall", sink_of(kind, server), transport)
    return [await sink.send(each, now) for each in deliveries]


each_kind = pytest.mark.parametrize("kind", ["pagerduty", "alertmanager", "slack", "webhook"])


@each_kind
async def test_what_is_sent_is_right_whatever_its_words(kind: str, transport: HttptoolsTransport):
    states: list[AlertState] = ["trigger", "acknowledge", "resolve"]
    said = [delivery(state, id=state) for state in states] + [hostile(state) for state in states]
    if kind in ("pagerduty", "webhook"):
        said += [delivery("change", id="c", key="change:a"), hostile("change")]
    if kind == "alertmanager":
        said = [each for each in said if each.alert.state != "acknowledge"]
    async with servers(ManualClock(T0))[kind]() as server:
        outcomes = await sent(server, kind, transport, *said)

        assert server.refused == []
        assert {each.state for each in outcomes} == {"accepted"}
        assert len(server.taken) == len(said)


STATUSES = [
    (400, "refused"),
    (401, "refused"),
    (403, "refused"),
    (404, "refused"),
    (302, "refused"),
    (408, "again"),
    (429, "again"),
    (500, "again"),
    (503, "again"),
]


@each_kind
@pytest.mark.parametrize(("status", "state"), STATUSES)
async def test_a_status_says_whether_it_is_worth_to_try_again(
    kind: str, status: int, state: str, transport: HttptoolsTransport
):
    async with servers(ManualClock(T0))[kind]() as server:
        server.troubles = says(status, said=f"no such key {KEYS.get(kind, server.url)}" + "x" * 100_000)
        (outcome,) = await sent(server, kind, transport, delivery())

    assert outcome.state == state
    assert outcome.said.startswith(f"status {status}: no such key ••••")
    assert len(outcome.said) < 5_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        (format_datetime(datetime.fromtimestamp(T0 + 90, UTC), usegmt=True), 90.0),
        ("1000000", 3_600.0),
        ("soon", None),
    ],
)
async def test_a_sink_that_asks_for_time_is_heard(
    header: str, seconds: float | None, transport: HttptoolsTransport
):
    async with SlackServer(troubles=says(429, retry_after=header)) as server:
        (outcome,) = await sent(server, "slack", transport, delivery())

    assert (outcome.state, outcome.after_s) == ("again", seconds)


@each_kind
async def test_a_server_that_is_gone_or_breaks_off_is_tried_again(
    kind: str, transport: HttptoolsTransport, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    async with servers(ManualClock(T0))[kind]() as server:
        server.troubles = loses
        (lost,) = await sent(server, kind, transport, delivery())
        server.refuse()
        (gone,) = await sent(server, kind, transport, delivery())
        path = server.PATH or "/never"

    assert (lost.state, lost.said) == ("again", "the connection broke")
    assert (gone.state, gone.said) == (
        "again",
        "The endpoint oncall cannot be reached: the connection was refused.",
    )
    assert not any(path in str(record.__dict__) for record in caplog.records)


async def test_a_server_that_hangs_is_left_when_the_time_is_over(transport: HttptoolsTransport):
    async with SlackServer(troubles=hangs) as server:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await sent(server, "slack", transport, delivery())


@pytest.mark.parametrize("trusts", [True, False])
async def test_a_certificate_is_verified(trusts: bool, transport: HttptoolsTransport, tmp_path: Path):
    import ssl

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with SlackServer(tls=context) as server:
        ca_file = str(tmp_path / ("ca.pem" if trusts else "other.pem"))
        sink = made("oncall", sink_of("slack", server, ca_file=ca_file), transport)
        outcome = await sink.send(delivery(), T0)

    assert outcome.state == ("accepted" if trusts else "again")


async def test_pagerduty_calls_once_and_goes_with_the_incident(transport: HttptoolsTransport):
    async with PagerDutyServer(routing_key=ROUTING_KEY) as server:
        await sent(server, "pagerduty", transport, delivery(), delivery(), delivery(id="second"))
        assert (server.pages, server.open) == (["key-i1"], {"key-i1": "triggered"})
        await sent(server, "pagerduty", transport, delivery("acknowledge"))
        assert server.open == {"key-i1": "acknowledged"}
        await sent(server, "pagerduty", transport, delivery("resolve"), delivery("change", key="change:a"))

    assert server.open == {}
    assert [change["summary"] for change in server.changes] == [
        "writer: upstream errors in endpoint=writer/2"
    ]
    event = server.taken[0].body
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["custom_details"]["cause"] == "upstream_errors"


async def test_pagerduty_is_asked_where_it_is_unless_told_otherwise():
    sent_to: list[str] = []

    class Listening(HttptoolsTransport):
        async def send(self, call):  # pyright: ignore
            sent_to.append(call.url)
            raise asyncio.CancelledError

    sink = made("oncall", Sink(kind="pagerduty", key=Secret(ROUTING_KEY)), Listening())
    with pytest.raises(asyncio.CancelledError):
        await sink.send(delivery(), T0)

    assert sent_to == ["https://events.pagerduty.com/v2/enqueue"]


async def test_alertmanager_fires_as_long_as_it_is_told_and_ends_when_told(transport: HttptoolsTransport):
    clock = ManualClock(T0)
    async with AlertmanagerServer(clock=clock) as server:
        (outcome,) = await sent(server, "alertmanager", transport, delivery())
        assert outcome.repeat_s == RESEND_S
        clock.advance(FIRES_S - 1)
        assert [each["alertname"] for each in server.firing] == ["LLMGuardianIncident"]
        await sent(server, "alertmanager", transport, delivery(), now=clock.now())
        assert len(server.pages) == 1
        clock.advance(60)
        (last,) = await sent(
            server,
            "alertmanager",
            transport,
            delivery("resolve", at=clock.now(), title="now"),
            now=clock.now(),
        )

        assert last.repeat_s is None
        assert server.firing == []
        server.forget()
        assert len(server.pages) == 1


async def test_alertmanager_takes_no_end_before_the_beginning(transport: HttptoolsTransport):
    async with AlertmanagerServer(clock=ManualClock(T0)) as server:
        await sent(server, "alertmanager", transport, delivery("resolve", at=T0 - 100, opened=T0))

        assert server.refused == []


async def test_slack_shows_words_as_they_stand_and_calls_nobody(transport: HttptoolsTransport):
    async with SlackServer() as server:
        await sent(server, "slack", transport, hostile(), delivery("resolve"))

    assert server.markup == []
    assert "<!channel>" not in server.taken[0].raw.decode()
    assert "<!\u2060channel>" not in server.shown[0]
    assert "@here" not in server.shown[0]
    assert server.shown[1].startswith("[resolved] writer: upstream errors in endpoint=writer/2\nEvery second")


def test_slack_text_that_was_escaped_already_is_shown_as_it_was():
    assert escaped("a &lt; b <c> @Channel") == "a &amp;lt; b &lt;c&gt; @\u2060Channel"


async def test_a_webhook_is_signed_and_says_the_same_under_the_same_id(transport: HttptoolsTransport):
    clock = ManualClock(T0)
    async with WebhookServer(secret=SECRET, clock=clock) as server:
        for _ in range(3):
            await sent(server, "webhook", transport, delivery(), now=clock.now())
            clock.advance(400)

        assert server.refused == []
        (event,) = server.events.values()
        assert (event["type"], event["subject"]) == ("guardian.incident.triggered", "key-i1")
        assert event["data"]["facts"]["cause"] == "upstream_errors"
        # The same event signed long ago is not taken.
        (late,) = await sent(server, "webhook", transport, delivery(), now=clock.now() - 301)
        assert late.state == "refused"


async def test_a_webhook_that_is_changed_on_its_way_is_not_taken(transport: HttptoolsTransport):
    async with WebhookServer(secret="another", clock=ManualClock(T0)) as server:
        (outcome,) = await sent(server, "webhook", transport, delivery())

    assert outcome.state == "refused"
    assert "the signature is not right" in outcome.said


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        (Sink(kind="pagerduty"), "it cannot work without key"),
        (Sink(kind="slack", url=Secret("")), "it cannot work without url"),
        (Sink(kind="email", url=Secret("smtp://a")), "it cannot work without sender, to"),
        (Sink(kind="webhook", url=Secret("http://a"), key=Secret("whsec_?")), "no base64 follows"),
    ],
)
def test_a_sink_that_lacks_something_says_so(sink: Sink, said: str, transport: HttptoolsTransport):
    sinks = ConfiguredSinks(lambda: AlertPolicy(sinks={"a": sink}), transport)

    with pytest.raises(ValueError, match=said):
        sinks("a")
    assert sinks("b") is None
