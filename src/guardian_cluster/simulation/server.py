"""A simulated model behind a real socket: plays replies, keeps what it was asked, breaks as told."""

import asyncio
import ssl
from collections.abc import Callable
from random import Random
from types import TracebackType
from typing import Self

import msgspec

from guardian_cluster.domain.clock import Clock, SystemClock
from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.connection import Connection, RawRequest
from guardian_cluster.simulation.fault import Fault
from guardian_cluster.simulation.http_server import HttpServer
from guardian_cluster.simulation.model import Model
from guardian_cluster.simulation.pace import Pace
from guardian_cluster.simulation.playing import play
from guardian_cluster.simulation.reply import Reply
from guardian_cluster.simulation.request import ModelRequest, object_of
from guardian_cluster.simulation.schedule import Schedule
from guardian_cluster.simulation.script import Script, script_of


class ModelServer:
    """An OpenAI-compatible server on a free port of 127.0.0.1.

    `said` is a script, one answer for every request, or a text that an obliging model says. `script`,
    `pace` and `fault` may be changed while it runs; requests that have begun keep what they began with.
    Leaving the `async with` drops every connection, and raises what a script raised. For long runs
    `keeps_requests=False` leaves `requests` empty.
    """

    def __init__(
        self,
        said: Script | Answer | str = "All is well.",
        *,
        name: str = "simulated",
        faults: Schedule | Fault | None = None,
        pace: Pace | None = None,
        models: tuple[str, ...] = ("simulated-1",),
        api_key: str | None = None,
        tls: ssl.SSLContext | None = None,
        rng: Random | None = None,
        clock: Clock | None = None,
        keeps_requests: bool = True,
    ) -> None:
        self.name = name
        self.requests: list[ModelRequest] = []
        self.received = 0  # requests so far, also those that are not kept
        self.open_requests = 0  # begun and not yet ended
        self.answered = 0  # replies played to their end, faulty or not
        self.cancelled = 0  # requests whose client left before the reply ended
        self._model = Model(
            script_of(said),
            name=name,
            models=models,
            api_key=api_key,
            pace=pace or Pace(),
            rng=rng or Random(name),
            clock=clock or SystemClock(),
        )
        self._keeps_requests = keeps_requests
        self._scheme = "https" if tls else "http"
        self._http = HttpServer(self._answer, self._note_change, tls)
        self._changed = asyncio.Event()
        self._script_errors: list[Exception] = []
        self._fault = faults
        self._schedule_began = 0
        self._is_running = False

    @property
    def url(self) -> str:
        """The base URL for clients, with `/v1`."""
        return f"{self._scheme}://127.0.0.1:{self.port}/v1"

    @property
    def port(self) -> int:
        """The port, which stays the same while the server refuses connections."""
        return self._http.port

    @property
    def connections_opened(self) -> int:
        """How many connections were accepted so far."""
        return self._http.connections_opened

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return self._http.open_connections

    @property
    def script(self) -> Script:
        """What is said from the next request on."""
        return self._model.script

    @script.setter
    def script(self, said: Script | Answer | str) -> None:
        self._model.script = script_of(said)

    @property
    def pace(self) -> Pace:
        """How fast it is said from the next request on."""
        return self._model.pace

    @pace.setter
    def pace(self, pace: Pace) -> None:
        self._model.pace = pace

    @property
    def fault(self) -> Schedule | Fault | None:
        """The fault from now on; setting it starts a schedule's count anew."""
        return self._fault

    @fault.setter
    def fault(self, fault: Schedule | Fault | None) -> None:
        self._fault = fault
        self._schedule_began = self.received
        if self._is_running:
            self._meet_connections()

    async def start(self) -> None:
        """Take a free port and serve; the port is ready when this returns."""
        self._is_running = True
        self._http.accept()
        self._meet_connections()

    async def stop(self) -> None:
        """Give the port back and drop every connection; nothing is left running afterwards.

        Raises an ExceptionGroup of what scripts raised.
        """
        self._is_running = False
        await self._http.stop()
        if self._script_errors:
            raise ExceptionGroup(f"the script of {self.name} failed", self._script_errors)

    async def until(self, holds: Callable[[], bool], timeout_s: float = 5.0) -> None:
        """Wait until a claim about this server holds, such as `lambda: server.cancelled == 1`.

        Raises TimeoutError when it does not hold in time.
        """
        async with asyncio.timeout(timeout_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _meet_connections(self) -> None:
        meeting = self._fault.on_connect if isinstance(self._fault, Fault) else "accept"
        {"accept": self._http.accept, "refuse": self._http.refuse, "garble": self._http.garble}[meeting]()

    def _note_change(self) -> None:
        self._changed.set()

    async def _answer(self, connection: Connection, raw: RawRequest) -> None:
        request = _request_of(raw, self.received)
        self.received += 1
        if self._keeps_requests:
            self.requests.append(request)
        self.open_requests += 1
        self._note_change()
        try:
            await play(connection, self._reply(request), closes=not raw.keeps_alive)
            self.answered += 1
        except Exception as error:
            # What a script or schedule raised is raised by `stop`, where the one who wrote it sees it.
            self._script_errors.append(error)
            connection.abort()
        finally:
            self.cancelled += connection.client_has_left
            self.open_requests -= 1
            self._note_change()

    def _reply(self, request: ModelRequest) -> Reply:
        fault = self._fault
        if isinstance(fault, Schedule):
            fault = fault.fault_for(request.number - self._schedule_began)
        fault = fault or Fault()
        return fault.change_reply(request, self._model.reply(request, fault.change_answer))


def _request_of(raw: RawRequest, number: int) -> ModelRequest:
    path, _, query = raw.target.partition("?")
    try:
        body = object_of(msgspec.json.decode(raw.body))
    except msgspec.DecodeError:
        body = {}
    return ModelRequest(
        number=number,
        method=raw.method,
        path=path,
        query=query,
        headers=raw.headers,
        raw=bytes(raw.body),
        body=body,
        on_reused_connection=not raw.is_first,
    )
