"""The endpoints of one case: simulated models that are struck and lifted, and keep who asked them when."""

import random
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import trustme

from benchmarks.resilience_world.suite import Case
from benchmarks.resilience_world.wording import mark_of, script_of_endpoint
from guardian_cluster.simulation import UNRESOLVED_URL, Fault, ModelServer, Pace, Refuse, Schedule, Script
from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.reply import Piece, Reply, Step
from guardian_cluster.simulation.request import ModelRequest

PACE = Pace(first_token_s=0.05, between_chunks_s=0.02, characters_per_chunk=24, spread=0.2)
"""A small model on a fast machine: some half a second for an answer."""

CERTIFICATES = trustme.CA()
"""Signs the endpoints that speak TLS; a gateway is told to trust it (`SSL_CERT_FILE`)."""


@dataclass(slots=True)
class Attempt:
    """One request that came to an endpoint."""

    endpoint: str
    mark: str
    """Of the client's request that it belongs to; empty for a probe."""
    began: float
    met: bool
    """Whether it met a fault."""
    after_content: bool = False
    """Whether words had been sent by then."""
    ended: float | None = None
    """When the last of its body was sent; `None` where none was."""


@dataclass(frozen=True, slots=True)
class Noted(Fault):
    """Play another fault, or none, and note that the request came and when its reply ended."""

    inner: Fault | None
    endpoint: str
    note: Callable[[Attempt], None]

    def change_answer(self, answer: Answer) -> Answer:
        return self.inner.change_answer(answer) if self.inner else answer

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        attempt = Attempt(self.endpoint, mark_of(request), time.monotonic(), self.inner is not None)
        self.note(attempt)
        changed = self.inner.change_reply(request, reply) if self.inner else reply
        return replace(changed, body=_followed(changed.body, attempt))


def _followed(body: Iterable[Step], attempt: Attempt) -> Iterator[Step]:
    for step in body:
        attempt.after_content |= isinstance(step, Piece) and step.kind == "content"
        attempt.ended = time.monotonic()
        yield step


class Watched(ModelServer):
    """A server that keeps when somebody left before it had ended its reply."""

    def __init__(self, said: Script, **options: Any) -> None:
        super().__init__(said, **options)
        self.left: list[float] = []

    def _note_change(self) -> None:
        super()._note_change()
        self.left += [time.monotonic()] * (self.cancelled - len(self.left))


class Stage:
    """Starts the endpoints of a case; `urls` are what a gateway is configured with."""

    def __init__(self, case: Case, seed: int) -> None:
        self.case = case
        self._seed = seed
        self.attempts: list[Attempt] = []
        self._rng = random.Random(f"{seed}:{case.name}")
        self._exits = AsyncExitStack()
        names = ("a", "b", "fallback") if case.has_fallback else ("a", "b")
        self.servers = {name: self._server(name) for name in names}

    @property
    def name(self) -> str:
        """The specialist's name in a gateway's configuration."""
        return self.case.name

    @property
    def urls(self) -> Mapping[str, str]:
        """The base address of each endpoint."""
        urls = {name: server.url for name, server in self.servers.items()}
        return urls | {"a": UNRESOLVED_URL} if self.case.is_unresolved else urls

    def strike(self) -> None:
        """Let the fault begin."""
        for name, made in self.case.strikes.items():
            server, fault = self.servers[name], made(self._rng)
            server.pace = self.case.pace or PACE
            if isinstance(fault, Fault) and fault.on_connect != "accept":
                server.fault = Refuse()  # also ends what is open, so that nothing goes on over it
                server.fault = fault
            else:
                server.fault = self._noted(name, fault)

    def lift(self) -> None:
        """Let the fault end."""
        for name, server in self.servers.items():
            server.pace = PACE
            server.fault = self._noted(name, None)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:
            for server in self.servers.values():
                await starting.enter_async_context(server)
            self._exits = starting.pop_all()
        self.lift()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    def _server(self, name: str) -> Watched:
        tls = self.case.has_tls and name == "a"
        return Watched(
            script_of_endpoint(name, self._seed),
            name=name,
            pace=PACE,
            tls=_server_context() if tls else None,
            rng=random.Random(self._rng.getrandbits(63)),
            keeps_requests=False,
        )

    def _noted(self, name: str, fault: Fault | Schedule | None) -> Schedule:
        def chosen(number: int) -> Fault:
            inner = fault.fault_for(number) if isinstance(fault, Schedule) else fault
            return Noted(inner, name, self.attempts.append)

        return Schedule(chosen)


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATES.issue_cert("127.0.0.1").configure_cert(context)
    return context
