"""Asks one specialist behind one gateway, as its users do, and says what they see."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, TypeVar

from guardian_cluster.cli.drill.forms import Form
from guardian_cluster.cli.drill.scenery import KEY, Place, reachable
from guardian_cluster.cli.drill.seen import Seen
from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.simulation.observation import Observation
from guardian_cluster.simulation.observer import observe, recorded
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock
from guardian_cluster.simulation.request import objects_of, text_of
from guardian_cluster.simulation.strikes import Strike

T = TypeVar("T")

CLIENT_LEAVES_S = 600.0
"""What OpenAI's clients wait by default."""

HISTORY = 24
"""Answers in each manner that every endpoint has given before a fault: from about 20 on it is known what is late."""

_HEADERS = {"authorization": f"Bearer {KEY}"}

_REHEARSED_AGAIN = 2
"""So many times as many requests where a fault comes and goes: a burst of five must be seen to end."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The requests of one rehearsal."""

    place: Place
    url: str
    specialist: Specialist
    strike: Strike
    _numbers: "count[int]" = field(default_factory=count)

    def within_reach(self) -> list[str]:
        """Return the endpoints that could answer."""
        return [endpoint.id for endpoint in reachable(self.place.base, self.specialist)]

    async def serve_before(self, forms: Sequence[Form]) -> None:
        """Have every endpoint give answers in both manners: a gateway that has just started knows nobody's ways.

        Where there is nobody else to ask, nothing follows from them.
        """
        if len(self.within_reach()) == 1:
            return
        streamed = [form for form in forms if form.streamed]
        whole = [form for form in forms if not form.streamed]
        for form in (*streamed[:1], *whole[:1]):
            times = HISTORY * len(self.specialist.endpoints)
            await self._at_once([partial(self._observe, form)] * times, 2 * len(self.specialist.endpoints))

    async def ask_under_fault(self, form: Form) -> list[Seen]:
        """Ask as often as was wished, and often enough that the fault is met.

        Whoever is asked first is struck, but where a fault meets connections the first endpoint is: then all at once
        are asked, which spreads them.
        """
        times = self.place.requests * (_REHEARSED_AGAIN if self.strike.passes else 1)
        if self.strike.meets_connections:
            return await self.ask_at_once(form, max(times, len(self.specialist.endpoints)))
        return [await self.ask(form) for _ in range(times)]

    async def ask_at_once(self, form: Form, times: int) -> list[Seen]:
        """Ask several times at the same time, or as many times as the configuration lets through at once."""
        return await self._at_once([partial(self.ask, form)] * times, times)

    async def ask(self, form: Form) -> Seen:
        """Ask once, and read back what was recorded."""
        observation = await self._observe(form)
        request_id = observation.heard.headers.get("x-request-id", "")
        record = await recorded(self.url, request_id, headers=_HEADERS) if request_id else None
        return self._seen(form, observation, record or {})

    async def _at_once(self, asking: Sequence[Callable[[], Awaitable[T]]], most: int) -> list[T]:
        limits = (most, self.specialist.max_concurrency, self.place.base.limits.max_concurrency)
        size = min(limit for limit in limits if limit is not None)
        found: list[T] = []
        for at in range(0, len(asking), size):
            found += await asyncio.gather(*(ask() for ask in asking[at : at + size]))
        return found

    async def _observe(self, form: Form) -> Observation:
        return await observe(
            self.url,
            form.body(self.specialist.name, next(self._numbers)),
            form.expected,
            headers=_HEADERS,
            limit_s=CLIENT_LEAVES_S,
            clock=RehearsalClock(self.place.loop),
        )

    def _struck(self) -> frozenset[str]:
        spoilt = {self.specialist.endpoints[0].id} if self.strike.address != "ours" else set[str]()
        return self.place.servers.struck | spoilt

    def _seen(self, form: Form, found: Observation, record: dict[str, Any]) -> Seen:
        attempts = objects_of(record.get("attempts"))
        asked = tuple(text_of(attempt.get("endpoint")) for attempt in attempts)
        answering = [attempt for attempt in attempts if attempt.get("outcome") in ("ok", "cut")]
        struck = self._struck()
        # Half a call of a tool is nothing that anybody could go on with.
        is_spent = found.verdict == "in_band_error" and bool(found.heard.tool_calls)
        return Seen(
            form=form.name,
            verdict=found.verdict,
            status=found.heard.status,
            code=found.error_code,
            first_content_s=found.first_content_s if form.streamed else None,
            total_s=found.total_s,
            attempts=asked,
            answered_by=text_of(answering[-1].get("endpoint")) if answering else None,
            met=bool(struck & set(asked)),
            could_be_answered=bool(set(self.within_reach()) - struck) and not is_spent,
            text=found.heard.text,
        )
