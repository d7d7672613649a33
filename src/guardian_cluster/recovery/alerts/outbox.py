"""The outbox: takes what is due, has its sink send it, and notes what came of it. It never holds up anything."""

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.clock import Clock
from guardian_cluster.recovery.alerts.deciding import held_back
from guardian_cluster.recovery.alerts.settling import Outcome, backoff_s, claimed, given_up, settled
from guardian_cluster.recovery.alerts.sinks.sink import AlertSink
from guardian_cluster.recovery.alerts.turns import turn_of
from guardian_cluster.recovery.alerts.words import cut
from guardian_cluster.recovery.ports import OutboxStore

log = logging.getLogger("guardian.alerts")

LOOKS_S = 1.0
"""How often whoever owns an outbox asks it to send what is due: a page is late by a second at most."""

SEND_S = 15.0
"""One try, connecting included. What hangs for longer is tried again."""

MOST = 1_000
"""Deliveries taken at once. Those of a sink that does not answer are put off together, so they crowd out no others."""

_MOST_KNOWN = 1_000
"""Deliveries of one incident, and all that wait, in which order is looked for."""

_NAMED = 5
"""Incidents that are named where their pages are held back; of the others it is said how many there are."""


@dataclass(slots=True)
class _Rest:
    """How long a sink is left alone that did not take something."""

    failures: int = 0
    until: float = 0.0
    """On the monotonic clock: setting the other one back must not silence a sink."""


class Outbox:
    """Sends deliveries, one after the other to each sink, and to all sinks at once.

    At least once: a delivery is claimed before it is sent and settled afterwards, and a process that ends between the
    two sends it again, with the same id. `sinks` gives a sink by its name, `None` where there is none any more, and
    raises ValueError where it cannot work as configured.
    """

    def __init__(
        self,
        store: OutboxStore,
        sinks: Callable[[str], AlertSink | None],
        clock: Clock,
        rng: random.Random,
        *,
        send_s: float = SEND_S,
    ) -> None:
        self._store = store
        self._sinks = sinks
        self._clock = clock
        self._rng = rng
        self._send_s = send_s
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._rests: dict[str, _Rest] = defaultdict(_Rest)

    async def start_due(self) -> None:
        """Begin to send what is due, and return without waiting for it. A sink that is still busy is left to it."""
        due: dict[str, list[Delivery]] = defaultdict(list)
        for each in await self._store.due(self._clock.now(), limit=MOST):
            due[each.sink].append(each)
        for sink, deliveries in due.items():
            if sink not in self._lanes:
                lane = asyncio.create_task(self._lane(sink, deliveries), name=f"alerts to {sink}")
                self._lanes[sink] = lane
                lane.add_done_callback(lambda done, sink=sink: self._ended(sink, done))

    async def idle(self) -> None:
        """Wait until every try that has begun has ended."""
        while self._lanes:
            await asyncio.wait(self._lanes.values())
            await asyncio.sleep(0)

    async def close(self) -> None:
        """Break off what is being sent; it is sent again later."""
        for lane in self._lanes.values():
            lane.cancel()
        await self.idle()

    def _ended(self, sink: str, lane: asyncio.Task[None]) -> None:
        del self._lanes[sink]
        if not lane.cancelled() and (error := lane.exception()) is not None:
            log.error("alerts could not be noted as sent", extra={"sink": sink}, exc_info=error)

    async def _lane(self, sink: str, deliveries: Sequence[Delivery]) -> None:
        """Send the deliveries of one sink, those first that were tried least: one that is in vain holds up none."""
        waiting = await self._store.deliveries(undelivered_only=True, limit=_MOST_KNOWN)
        for each in sorted(deliveries, key=lambda each: (each.tries, each.alert.at)):
            await self._take(each, sink, waiting)

    async def _take(self, delivery: Delivery, sink: str, waiting: Sequence[Delivery]) -> None:
        """Send one delivery if it is its turn."""
        now = self._clock.now()
        rest_s = self._rests[sink].until - self._clock.monotonic()
        if rest_s > 0:
            await self._put_off(delivery, now + rest_s)
            return
        others = {each.id: each for each in (*waiting, *await self._of_incident(delivery))}
        if others.get(delivery.id, delivery).state != "waiting":
            return  # a later one took its place a moment ago
        turn = turn_of(delivery, others.values())
        for each in turn.replaces:
            await self._store.settle(given_up(each, "more was said of it since", now))
        if turn.dropped:
            await self._store.settle(given_up(delivery, turn.dropped, now))
        elif turn.wait_until is not None:
            await self._put_off(delivery, max(turn.wait_until, now + LOOKS_S))
        else:
            await self._send(delivery, sink, held_back(waiting, delivery.incident_id))

    async def _send(self, delivery: Delivery, sink: str, held: Sequence[str]) -> None:
        mine = claimed(delivery, self._clock.now())
        await self._store.settle(mine)
        outcome = await self._try(_telling(mine, held), sink)
        wait_s = max(backoff_s(mine.tries, self._rng), self._rest_s(sink, outcome))
        done = settled(mine, outcome, self._clock.now(), wait_s)
        await self._store.settle(done)
        if done.state == "given_up":
            facts = {"sink": sink, "incident": done.incident_id, "said": done.said}
            log.error("an alert was given up", extra=facts)

    def _rest_s(self, sink: str, outcome: Outcome) -> float:
        """Let a sink rest that did not take something, and return for how long, in seconds."""
        rest = self._rests[sink]
        if outcome.state != "again":
            rest.failures = 0
            return 0.0
        rest.failures += 1
        rest_s = max(backoff_s(rest.failures, self._rng), outcome.after_s or 0.0)
        rest.until = self._clock.monotonic() + rest_s
        return rest_s

    async def _try(self, delivery: Delivery, name: str) -> Outcome:
        try:
            sink = self._sinks(name)
        except ValueError as error:
            return Outcome(state="refused", said=str(error))
        if sink is None:
            return Outcome(state="refused", said="no sink of this name is configured any more")
        try:
            async with asyncio.timeout(self._send_s):
                return await sink.send(delivery, self._clock.now())
        except TimeoutError:
            return Outcome(state="again", said=f"no answer within {self._send_s:g} s")
        except Exception as error:
            # A fault of ours in one sink: the others, and this one's later alerts, go on.
            log.exception("an alert could not be sent", extra={"sink": name})
            return Outcome(state="again", said=type(error).__name__)

    async def _of_incident(self, delivery: Delivery) -> Sequence[Delivery]:
        if not delivery.incident_id:
            return ()
        return await self._store.deliveries(incident_id=delivery.incident_id, limit=_MOST_KNOWN)

    async def _put_off(self, delivery: Delivery, until: float) -> None:
        await self._store.settle(msgspec.structs.replace(delivery, due=until))


def _telling(delivery: Delivery, held: Sequence[str]) -> Delivery:
    """Return a call that also says whose calls are held back."""
    if delivery.alert.state != "trigger" or not held:
        return delivery
    more = f" and {len(held) - _NAMED} more" if len(held) > _NAMED else ""
    fact = "held back", cut("; ".join(held[:_NAMED]), 600) + more
    return msgspec.structs.replace(
        delivery, alert=msgspec.structs.replace(delivery.alert, facts=(*delivery.alert.facts, fact))
    )
