"""From an incident to what a person is called by: all parts together, against servers on sockets."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from alert_samples import T0, incident

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, EscalationStep, Sink
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.incident import Incident
from guardian_cluster.recovery.alerts.memory_outbox import MemoryOutbox
from guardian_cluster.recovery.alerts.outbox import Outbox
from guardian_cluster.recovery.alerts.settling import LONGEST_WAIT_S
from guardian_cluster.recovery.alerts.sinks.making import ConfiguredSinks
from guardian_cluster.recovery.alerts.system import AlertSystem
from guardian_cluster.recovery.ports import OutboxStore
from guardian_cluster.simulation.alerting import (
    AlertmanagerServer,
    MailServer,
    PagerDutyServer,
    SlackServer,
    WebhookServer,
    first_of_all,
    loses,
    says,
)
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport
from guardian_cluster.storage.state import StateStore

replace = msgspec.structs.replace
KEY = "R" * 32


class Ward:
    """An installation with a sink of each kind, whose clock is moved by hand."""

    def __init__(self, store: OutboxStore, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.pagerduty = PagerDutyServer(routing_key=KEY, clock=clock)
        self.alertmanager = AlertmanagerServer(clock=clock)
        self.slack = SlackServer(clock=clock)
        self.webhook = WebhookServer(secret="s", clock=clock)
        self.mail = MailServer()
        self.servers = (self.pagerduty, self.alertmanager, self.slack, self.webhook)
        self.transport = HttptoolsTransport()
        self.policy = AlertPolicy()
        self.alerts = AlertSystem(lambda: self.policy, store, clock)
        sinks = ConfiguredSinks(lambda: self.policy, self.transport)
        self.outbox = Outbox(store, sinks, clock, random.Random(1), send_s=5)

    def configure(self) -> None:
        mail = {"sender": "guardian@example.com", "to": ("ada@example.com",)}
        self.policy = AlertPolicy(
            sinks={
                "pagerduty": Sink(kind="pagerduty", url=Secret(self.pagerduty.url), key=Secret(KEY)),
                "alertmanager": Sink(kind="alertmanager", url=Secret(self.alertmanager.url)),
                "slack": Sink(kind="slack", url=Secret(self.slack.url)),
                "webhook": Sink(kind="webhook", url=Secret(self.webhook.url), key=Secret("s")),
                "mail": Sink(kind="email", url=Secret(self.mail.url), **mail),  # pyright: ignore[reportArgumentType]
            },
            pages_per_hour=100,
        )

    async def go_on(self, seconds: float, step: float = 1.0) -> None:
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            await self.outbox.start_due()
            await self.outbox.idle()
            self.clock.advance(step)

    async def call(self, what: Incident, key: str) -> bool:
        return await self.alerts.raise_alert(what, "trigger", key=key)

    async def end(self, what: Incident, key: str) -> None:
        await self.alerts.raise_alert(replace(what, state="resolved"), "resolve", key=key)


@pytest.fixture(params=["memory", "database"])
async def ward(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ward]:
    clock = ManualClock(T0)
    async with AsyncExitStack() as stack:
        store: OutboxStore = MemoryOutbox()
        if request.param == "database":
            store = StateStore.open(tmp_path / "state.db", clock)
            stack.push_async_callback(store.close)
        ward = Ward(store, clock)
        for server in (*ward.servers, ward.mail):
            await stack.enter_async_context(server)
        stack.push_async_callback(ward.transport.close)
        stack.push_async_callback(ward.outbox.close)
        ward.configure()
        yield ward


async def test_an_incident_from_call_to_end_at_every_sink(ward: Ward):
    await ward.call(incident(), "t")
    await ward.go_on(130, step=10)
    await ward.alerts.raise_alert(incident(acknowledged=T0, acknowledged_by="ada"), "acknowledge", key="a")
    await ward.go_on(20, step=10)
    assert ward.pagerduty.open == {"key-i1": "acknowledged"}
    assert len(ward.alertmanager.firing) == 1
    await ward.end(incident(), "r")
    await ward.go_on(130, step=10)

    assert ward.pagerduty.pages == ["key-i1"]
    assert ward.pagerduty.open == {}
    assert (ward.alertmanager.firing, len(ward.alertmanager.pages)) == ([], 1)
    assert [text.split("]")[0] for text in ward.slack.shown] == ["[critical", "[acknowledged", "[resolved"]
    assert [event["data"]["state"] for event in ward.webhook.events.values()] == [
        "trigger",
        "acknowledge",
        "resolve",
    ]
    assert len(ward.mail.mails) == 3
    assert all(not server.refused for server in ward.servers)


async def test_flaps_call_a_person_once(ward: Ward):
    what = incident(paged=T0)
    for flap in range(1_000 if isinstance(ward.store, MemoryOutbox) else 50):
        what = replace(what, flaps=flap, paged=None, reopened=ward.clock.now() if flap else None)
        await ward.call(what, f"t{flap}")
        await ward.go_on(1)
        await ward.end(what, f"r{flap}")
        await ward.go_on(1)

    assert ward.pagerduty.pages == ["key-i1"]
    assert (len(ward.slack.shown), len(ward.mail.mails), len(ward.webhook.events)) == (2, 2, 2)
    assert len(ward.alertmanager.pages) == 1


async def test_an_hour_without_any_sink_loses_no_page_and_doubles_none(ward: Ward):
    for server in ward.servers:
        server.refuse()
    ward.mail.troubles = says(451)
    for number in range(6):
        what = incident(f"i{number}")
        await ward.call(what, f"t{number}")
        await ward.go_on(300, step=20)
        if number % 3 == 0:
            await ward.end(what, f"r{number}")
        await ward.go_on(300, step=20)
    for server in ward.servers:
        server.accept()
    ward.mail.troubles = lambda number: None
    await ward.go_on(LONGEST_WAIT_S + 40, step=20)

    still = [f"key-i{number}" for number in (1, 2, 4, 5)]
    assert sorted(ward.pagerduty.pages) == still
    assert sorted(ward.pagerduty.open) == still
    assert sorted(each["incident_key"] for each in ward.alertmanager.firing) == still
    triggers = [each for each in ward.webhook.events.values() if each["data"]["state"] == "trigger"]
    assert sorted(each["subject"] for each in triggers) == still
    assert len([text for text in ward.slack.shown if text.startswith("[critical]")]) == 4
    assert len([mail for mail in ward.mail.mails if mail.message["Subject"].startswith("[critical]")]) == 4
    undelivered = await ward.store.deliveries(undelivered_only=True)
    assert {each.sink for each in undelivered if each.state == "waiting"} == {"alertmanager"}


async def test_replies_that_are_lost_call_nobody_twice(ward: Ward):
    for server in ward.servers:
        server.troubles = first_of_all(3, loses)
    await ward.call(incident(), "t")
    await ward.go_on(60)

    assert ward.pagerduty.pages == ["key-i1"]
    assert len(ward.alertmanager.pages) == 1
    assert len(ward.webhook.events) == 1
    # Slack knows no keys: what it heard, and could not say so, is shown again.
    assert len(ward.slack.shown) == 4


async def test_the_next_is_called_where_nobody_acknowledges(ward: Ward):
    steps = (EscalationStep(sinks=("pagerduty",)), EscalationStep(after_s=60, sinks=("mail",)))
    ward.policy = replace(ward.policy, escalation=steps)
    now = incident(paged=T0)
    await ward.call(now, "t")
    for _ in range(90):
        now = replace(now, escalation=await ward.alerts.escalate(now, ward.clock.now()))
        await ward.go_on(1)

    assert (now.escalation, len(ward.mail.mails)) == (2, 1)
    assert "nobody has acknowledged it yet" in ward.mail.mails[0].message.get_content()
