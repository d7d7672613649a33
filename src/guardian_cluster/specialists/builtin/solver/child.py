"""One solver process as the event loop sees it: bytes out, whole messages in, and when it is gone."""

import asyncio
import contextlib
import os
import sys
from collections import deque
from typing import Final, cast

import msgspec

from guardian_cluster.specialists.builtin.solver.frames import Message, take_frame

_MODULE: Final = "guardian_cluster.specialists.builtin.solver.worker_main"

_END_S = 5.0
"""How long a killed process may take to be gone; the system needs milliseconds."""


class ChildGone(Exception):
    """The solver's process has ended, or talks nonsense."""


class Child(asyncio.SubprocessProtocol):
    """The pipes of one process; made by `start_child`."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._gone = asyncio.Event()
        self._has_exited = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)

    @property
    def is_alive(self) -> bool:
        """Whether the process can still take a message."""
        return self._transport is not None and not self._has_exited

    @property
    def pid(self) -> int | None:
        """The process id, while there is one."""
        return self._transport.get_pid() if self._transport is not None else None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport over; uvloop's only looks like asyncio's, so that it cannot be checked."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Collect messages; end a process whose messages cannot be read."""
        self._buffer += data
        try:
            while (body := take_frame(self._buffer)) is not None:
                self._messages.append(self._decoder.decode(body))
        except (ValueError, msgspec.DecodeError):
            self.kill()
        self._arrived.set()

    def process_exited(self) -> None:
        """Note that no message will come any more."""
        self._has_exited = True
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that process and pipes are gone."""
        self._has_exited = True
        self._arrived.set()
        self._gone.set()

    def send(self, data: bytes) -> None:
        """Hand bytes over to the process; raise `ChildGone` if it has ended."""
        pipe = self._input()
        if self._has_exited or pipe is None or pipe.is_closing():
            raise ChildGone("the solver's process has ended")
        pipe.write(data)

    async def receive(self) -> Message:
        """Wait for the next message, cancellable; raises `ChildGone` if the process ends first."""
        while not self._messages:
            if self._has_exited:
                raise ChildGone("the solver's process ended before it answered")
            self._arrived.clear()
            await self._arrived.wait()
        return self._messages.popleft()

    def kill(self) -> None:
        """End the process at once."""
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()
        self._has_exited = True
        self._arrived.set()

    async def end(self) -> None:
        """End the process at once and wait until nothing of it is left."""
        self.kill()
        if (pipe := self._input()) is not None:
            pipe.close()
        # A process that even SIGKILL does not end is stuck in the system; waiting longer would not help.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await self._gone.wait()
        if self._transport is not None:
            self._transport.close()

    def _input(self) -> asyncio.WriteTransport | None:
        pipe = self._transport.get_pipe_transport(0) if self._transport is not None else None
        return cast("asyncio.WriteTransport | None", pipe)


async def start_child(memory_mb: int, time_s: float) -> Child:
    """Start a process; its first message will be `Ready` or `Broken`.

    It gets no environment but the paths of our own modules: whatever secrets the gateway has, it does not.
    """
    loop = asyncio.get_running_loop()
    paths = os.pathsep.join(path for path in sys.path if os.path.isabs(path))
    # A fixed seed: the same problem takes the same way through SymPy in every process.
    environment = {"PYTHONPATH": paths, "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"}
    _, child = await loop.subprocess_exec(
        Child,
        sys.executable,
        *("-P", "-s", "-m", _MODULE, str(memory_mb), str(time_s)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        cwd="/",
        # Ctrl-C in a terminal reaches the gateway alone, which then drains and ends the process itself.
        start_new_session=True,
    )
    return child
