"""What goes through the pipes: whole messages, however the bytes arrive, and nothing from a broken stream."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.specialists.builtin.solver.child import Child, ChildGone
from guardian_cluster.specialists.builtin.solver.frames import (
    MAX_FRAME_BYTES,
    Ready,
    Reply,
    Task,
    frame,
    take_frame,
)
from guardian_cluster.specialists.builtin.solver.reading.question import understand
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, NotUnderstood, Solution

QUESTIONS = (
    "What is 17% of 2,350?",
    "solve x + y = 3; x - y = 1",
    "integrate e^x from 0 to infinity",
    "5 ft 10 in in cm",
    "gcd of 12, 18 and 30",
    "derivative of |sin(x)| at x = 2",
    "taylor series of e^x",
    "+".join(["1"] * 60),
)

MESSAGES = [
    Ready(1.5, 60.0),
    Reply(1, Solution("4", ("2 + 2 = 4",), "4"), 61.0),
    Reply(2, CannotSolve("it is a poem"), 62.0),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_problem_arrives_as_it_was_sent(question: str) -> None:
    problem = understand(question)
    assert not isinstance(problem, NotUnderstood)

    body = take_frame(bytearray(frame(Task(7, problem))))

    assert body is not None
    assert msgspec.msgpack.decode(body, type=Task) == Task(7, problem)


@given(st.lists(st.integers(1, 40), max_size=30))
async def test_messages_arrive_whole_however_the_bytes_are_cut(lengths: list[int]) -> None:
    data = b"".join(map(frame, MESSAGES))
    child = Child()

    for length in [*lengths, len(data)]:
        child.pipe_data_received(1, data[:length])
        data = data[length:]

    assert [await child.receive() for _ in MESSAGES] == MESSAGES


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02\xc1\xc1", b"\x00\x00\x00\x01\x05"])
async def test_a_process_that_talks_nonsense_counts_as_gone(data: bytes) -> None:
    child = Child()

    child.pipe_data_received(1, data)

    with pytest.raises(ChildGone):
        await child.receive()
    with pytest.raises(ChildGone):
        child.send(b"")


def test_a_frame_beyond_the_limit_is_an_error() -> None:
    with pytest.raises(ValueError, match="the limit is"):
        take_frame(bytearray((MAX_FRAME_BYTES + 1).to_bytes(4, "big")))


@given(st.binary(max_size=100))
def test_any_bytes_are_a_frame_or_incomplete_or_an_error(data: bytes) -> None:
    buffer = bytearray(data)
    try:
        body = take_frame(buffer)
    except ValueError:
        return

    assert body is None or len(body) + len(buffer) + 4 == len(data)
