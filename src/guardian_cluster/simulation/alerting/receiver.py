"""A server that alerts are posted to: reads requests, meets them with trouble, keeps what it took."""

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self, cast

import msgspec

from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.simulation.alerting.trouble import Troubles, well
from guardian_cluster.simulation.connection import Connection, RawRequest
from guardian_cluster.simulation.http_server import HttpServer
from guardian_cluster.simulation.playing import play
from guardian_cluster.simulation.reply import FOREVER_S, Piece, Reply


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes
    body: Any = None
    """As JSON; `None` where it is none."""


class Refusal(Exception):
    """A request that the real server would not take; says with which status, and what it would answer."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request that was taken is answered with."""

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Receiver(ABC):
    """One server on a free port of 127.0.0.1, to be used with `async with`.

    `troubles` may be changed while it runs; numbers go on. `refuse` and `accept` take it from the network and back.
    """

    PATH: ClassVar[str] = ""
    """What stands behind `url` in the address of a sink."""

    def __init__(
        self, *, troubles: Troubles = well, clock: Clock | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.troubles = troubles
        self.clock = clock or SystemClock()
        self.received: list[Received] = []
        """All that came, in order, whatever it met."""
        self.taken: list[Received] = []
        """What the real server would have taken."""
        self.refused: list[str] = []
        """What it would not, and why: a sink that is right causes none."""
        self._scheme = "https" if tls else "http"
        self._http = HttpServer(self._answer, self._note_change, tls)
        self._changed = asyncio.Event()

    @abstractmethod
    def take(self, request: Received) -> Taken:
        """Check a request as the real server does, and keep what it says; raises Refusal for one that is not right."""

    @property
    def url(self) -> str:
        """The address to configure."""
        return f"{self._scheme}://127.0.0.1:{self._http.port}{self.PATH}"

    def refuse(self) -> None:
        """Refuse who connects, and reset connections that are open."""
        self._http.refuse()

    def accept(self) -> None:
        """Serve who connects."""
        self._http.accept()

    async def until_received(self, count: int, timeout_s: float = 5.0) -> None:
        """Wait until so many requests came."""
        async with asyncio.timeout(timeout_s):
            while len(self.received) < count:
                self._changed.clear()
                await self._changed.wait()

    async def __aenter__(self) -> Self:
        self._http.accept()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.stop()

    def _note_change(self) -> None:
        self._changed.set()

    async def _answer(self, connection: Connection, raw: RawRequest) -> None:
        request = Received(raw.target, raw.headers, bytes(raw.body), _json(bytes(raw.body)))
        trouble = self.troubles(len(self.received))
        self.received.append(request)
        self._note_change()
        if trouble is not None and trouble.hangs:
            await asyncio.sleep(FOREVER_S)
        if trouble is not None and trouble.status is not None:
            headers = {} if trouble.retry_after is None else {"retry-after": trouble.retry_after}
            await play(connection, _reply(trouble.status, trouble.said, headers), closes=not raw.keeps_alive)
            return
        reply = self._taken(raw.method, request)
        if trouble is not None and trouble.loses_reply:
            connection.abort()
            return
        await play(connection, reply, closes=not raw.keeps_alive)

    def _taken(self, method: str, request: Received) -> Reply:
        try:
            if method != "POST":
                raise Refusal(405, "only POST")
            taken = self.take(request)
        except Refusal as refusal:
            self.refused.append(str(refusal))
            return _reply(refusal.status, refusal.body, {})
        self.taken.append(request)
        return _reply(taken.status, taken.body, taken.headers)


def object_in(value: object, known: Mapping[str, type], required: tuple[str, ...]) -> dict[str, Any]:
    """Return a JSON object whose fields are all known, of their types, and there if they are required.

    Raises ValueError with what is wrong with it.
    """
    if not isinstance(value, dict):
        raise ValueError("is no object")
    fields = cast("dict[str, Any]", value)
    for name, content in fields.items():
        if name not in known:
            raise ValueError(f"has a field {name!r} that is not known")
        if not isinstance(content, known[name]):
            raise ValueError(f"has a field {name!r} that is no {known[name].__name__}")
    if missing := [name for name in required if not fields.get(name)]:
        raise ValueError(f"lacks {', '.join(missing)}")
    return fields


def _reply(status: int, body: object, headers: Mapping[str, str]) -> Reply:
    is_text = isinstance(body, str)
    content = body.encode() if isinstance(body, str) else msgspec.json.encode(body)
    kind = "text/plain" if is_text else "application/json"
    return Reply(status, {"content-type": kind, **headers}, (Piece(content),), content_length=len(content))


def _json(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return None
