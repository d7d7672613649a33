"""Incidents, policies and sinks that the tests of alerts share."""

from collections.abc import Callable, Sequence

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, EscalationStep, Sink
from guardian_cluster.domain.alert import Alert, AlertState, Delivery
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.incident import Entry, Incident
from guardian_cluster.recovery.alerts.memory_outbox import MemoryOutbox
from guardian_cluster.recovery.alerts.settling import Outcome
from guardian_cluster.recovery.alerts.system import AlertSystem

T0 = 1_700_000_000.0

HOSTILE = 'x\r\nBcc: all@example.com\x1b[31m <!channel> @here <@U1> </script> & "q" \u202e\u0000 @everyone'


def incident(id: str = "i1", **changes: object) -> Incident:
    fields: dict[str, object] = {
        "id": id,
        "key": f"key-{id}",
        "specialist": "writer",
        "signal": "error",
        "where": (("endpoint", "writer/2"),),
        "cause": "upstream_errors",
        "severity": "critical",
        "state": "escalated",
        "opened": T0 - 30,
        "updated": T0,
        "onset": T0 - 60,
        "summary": "Every second request fails.",
        "history": (Entry(at=T0 - 10, said="writer/2 was drained"),),
    } | changes
    return Incident(**fields)  # pyright: ignore[reportArgumentType]


def alert(state: AlertState = "trigger", **changes: object) -> Alert:
    fields: dict[str, object] = {
        "incident_id": "i1",
        "key": "key-i1",
        "state": state,
        "severity": "critical",
        "at": T0,
        "opened": T0 - 30,
        "specialist": "writer",
        "title": "writer: upstream errors in endpoint=writer/2",
        "text": "Every second request fails.",
        "facts": (("cause", "upstream_errors"), ("came back", "2 times")),
    } | changes
    return Alert(**fields)  # pyright: ignore[reportArgumentType]


def delivery(
    state: AlertState = "trigger", id: str = "d1", sink: str = "oncall", **changes: object
) -> Delivery:
    said = alert(state, **changes)
    return Delivery(id=id, incident_id=said.incident_id, sink=sink, alert=said, due=said.at)


def hostile(state: AlertState = "trigger") -> Delivery:
    return delivery(
        state, title=HOSTILE * 50, text=HOSTILE * 500, specialist=HOSTILE, facts=((HOSTILE, HOSTILE),)
    )


def policy(
    *names: str, escalation: Sequence[tuple[float, tuple[str, ...]]] = (), **changes: object
) -> AlertPolicy:
    sinks = {name: Sink(kind="slack", url=Secret("http://127.0.0.1:1/")) for name in names or ("oncall",)}
    steps = tuple(EscalationStep(after_s=after_s, sinks=to) for after_s, to in escalation)
    return AlertPolicy(**({"sinks": sinks, "escalation": steps} | changes))  # pyright: ignore[reportArgumentType]


class Recording:
    """A sink that answers as told, and keeps what it was sent."""

    def __init__(self, answers: Callable[[int], Outcome] | None = None) -> None:
        self.sent: list[Delivery] = []
        self.answers = answers or (lambda number: Outcome(state="accepted"))

    async def send(self, delivery: Delivery, now: float) -> Outcome:
        self.sent.append(delivery)
        return self.answers(len(self.sent) - 1)

    def said(self) -> list[tuple[str, str]]:
        return [(each.alert.state, each.incident_id) for each in self.sent]


class House:
    """An AlertSystem over an outbox in memory, with a clock that is moved by hand."""

    def __init__(self, policy: AlertPolicy) -> None:
        self.policy = policy
        self.clock = ManualClock(T0)
        self.store = MemoryOutbox()
        self.system = AlertSystem(lambda: self.policy, self.store, self.clock)

    async def kept(self, *states: AlertState) -> list[Delivery]:
        """Return what was put into the outbox, oldest first."""
        found = reversed(await self.store.deliveries(limit=100_000))
        return [each for each in found if each.alert.state in (states or (each.alert.state,))]
