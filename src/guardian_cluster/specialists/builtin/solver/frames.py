"""What the gateway and the solver's process say to each other: frames of a length and a message."""

from typing import Final

import msgspec

from guardian_cluster.specialists.builtin.solver.problem import Problem
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, Solution

LENGTH_BYTES: Final = 4
"""Of the big-endian length before each message."""

MAX_FRAME_BYTES: Final = 1 << 20
"""Longer frames are a sign of a broken stream; the longest answer is a few kilobytes."""


class Task(msgspec.Struct, frozen=True):
    """A problem to solve, under a number that its reply will carry."""

    id: int
    problem: Problem


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process has loaded everything and waits for tasks."""

    start_s: float
    memory_mb: float


class Broken(msgspec.Struct, frozen=True, tag=True):
    """The process cannot start; `reason` says why."""

    reason: str


class Reply(msgspec.Struct, frozen=True, tag=True):
    """What became of a task; `memory_mb` is the largest resident size the process has had."""

    id: int
    result: Solution | CannotSolve
    memory_mb: float


Message = Ready | Broken | Reply

_encoder = msgspec.msgpack.Encoder()


def frame(message: Task | Message) -> bytes:
    """Return a message as bytes with its length before it."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def take_frame(buffer: bytearray) -> bytes | None:
    """Remove the first complete message from a buffer and return it, or None while it is incomplete.

    Raises `ValueError` if the announced length is beyond `MAX_FRAME_BYTES`.
    """
    if len(buffer) < LENGTH_BYTES:
        return None
    end = LENGTH_BYTES + int.from_bytes(buffer[:LENGTH_BYTES], "big")
    if end > LENGTH_BYTES + MAX_FRAME_BYTES:
        raise ValueError(
            f"a frame of {end - LENGTH_BYTES} bytes is announced; the limit is {MAX_FRAME_BYTES}"
        )
    if len(buffer) < end:
        return None
    body = bytes(buffer[LENGTH_BYTES:end])
    del buffer[:end]
    return body
