"""The solver's process: reads problems from standard input, one at a time, and writes their solutions.

Run as `python -m guardian_cluster.specialists.builtin.solver.worker_main MEMORY_MB TIME_S`; it ends when its
input does.
"""

import os
import sys
import time

import msgspec

from guardian_cluster.specialists.builtin.solver.confinement import (
    allow_cpu,
    confine,
    die_with_parent,
    peak_memory_mb,
)
from guardian_cluster.specialists.builtin.solver.frames import (
    Broken,
    Message,
    Ready,
    Reply,
    Task,
    frame,
    take_frame,
)
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve

_READ_BYTES = 65536

_RECYCLED_AT = 0.5
"""The share of its memory limit at which the process ends after a reply, to make room for a fresh one."""


class _Channel:
    """Standard input and output as streams of messages; what is printed goes nowhere."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._output = os.dup(1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        self._decoder = msgspec.msgpack.Decoder(Task)

    def receive(self) -> Task | None:
        """Return the next task, or None when the other end has closed."""
        while (body := take_frame(self._buffer)) is None:
            data = os.read(0, _READ_BYTES)
            if not data:
                return None
            self._buffer += data
        return self._decoder.decode(body)

    def send(self, message: Message) -> None:
        """Write a message completely."""
        data = memoryview(frame(message))
        while data:
            data = data[os.write(self._output, data) :]


def main() -> None:
    """Load the methods, give up every right that is not needed, and solve until the input ends."""
    memory_mb, time_s = int(sys.argv[1]), float(sys.argv[2])
    started = time.perf_counter()
    die_with_parent()
    channel = _Channel()
    try:
        from guardian_cluster.specialists.builtin.solver.methods.solve import solve
    except Exception as error:
        channel.send(Broken(f"{type(error).__name__}: {error}"))
        return
    confine(memory_mb)
    channel.send(Ready(time.perf_counter() - started, peak_memory_mb()))
    while (task := channel.receive()) is not None:
        allow_cpu(time_s)
        try:
            result = solve(task.problem)
        except MemoryError:
            result = CannotSolve(f"it needs more than {memory_mb} MB of memory")
            channel.send(Reply(task.id, result, peak_memory_mb()))
            return
        channel.send(Reply(task.id, result, peak_memory_mb()))
        if peak_memory_mb() > _RECYCLED_AT * memory_mb:
            return


if __name__ == "__main__":
    main()
