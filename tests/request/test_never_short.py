"""Whatever an endpoint does, wherever it does it: an answer is whole, or it is an error."""

import asyncio
from dataclasses import dataclass

import pytest
from clusters import TEXT, Seen, running_cluster
from harness import base, specialist
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import Timeouts
from guardian_cluster.simulation import (
    BreakOff,
    CleanCut,
    Drip,
    Fault,
    Hang,
    Malformed,
    ModelServer,
    NoDone,
    NoFinish,
    Reset,
    StaleConnection,
    Status,
    StreamError,
    TruncatedText,
    first,
)
from guardian_cluster.simulation.reply import Piece, Reply
from guardian_cluster.simulation.request import ModelRequest

IMPATIENT = Timeouts(connect_s=1, first_token_s=0.03, between_chunks_s=0.03, total_s=0.3)


@dataclass(frozen=True, slots=True)
class CutAtByte(Fault):
    """End a reply in good order after so many bytes of its body, wherever that is in a line."""

    bytes_sent: int

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        data = b"".join(step.data for step in reply.body if isinstance(step, Piece))[: self.bytes_sent]
        length = None if reply.is_streamed else len(data)
        return Reply(reply.status, reply.headers, (Piece(data),), content_length=length)


places = st.sampled_from(["headers", 0, 1, 2, 3, 4, 5, 6])
chunks = st.integers(0, 6)
faults = st.one_of(
    places.map(Reset),
    places.map(BreakOff),
    places.map(CleanCut),
    places.map(Hang),
    places.map(StreamError),
    places.map(Malformed),
    chunks.map(TruncatedText),
    st.integers(0, 2_500).map(CutAtByte),
    st.sampled_from([NoDone(), NoFinish(), Status(500), Status(200), StaleConnection(), Reset("request")]),
)
cuttings = st.sampled_from([Fault(), Drip(1), Drip(7), Drip(50)])


def is_whole(seen: Seen) -> bool:
    return seen.error is None and seen.text == TEXT and seen.record.finish_reason == "stop"


def is_an_error(seen: Seen) -> bool:
    return (
        seen.error is not None and TEXT.startswith(seen.text) and seen.record.outcome in ("error", "refused")
    )


async def ask(fault: Fault, *, stream: bool, with_backup: bool, timeouts: Timeouts = IMPATIENT) -> Seen:
    async with ModelServer(TEXT, faults=first(1, fault)) as faulty, ModelServer(TEXT) as healthy:
        smart = specialist(
            "smart", faulty.url, timeouts=timeouts, fallback=("backup",) if with_backup else ()
        )
        serving = base(smart, specialist("backup", healthy.url), max_attempts=2 if with_backup else 1)
        async with running_cluster(serving) as running:
            return await running.ask(stream=stream)


@settings(max_examples=70)
@given(faults, cuttings, st.booleans())
def test_a_stream_is_whole_or_an_error(fault: Fault, cutting: Fault, with_backup: bool):
    seen = asyncio.run(ask(fault & cutting, stream=True, with_backup=with_backup))

    assert is_whole(seen) or is_an_error(seen)


@settings(max_examples=50)
@given(faults, st.booleans())
def test_a_whole_answer_is_whole_or_an_error(fault: Fault, with_backup: bool):
    seen = asyncio.run(ask(fault, stream=False, with_backup=with_backup))

    assert is_whole(seen) or is_an_error(seen)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_longest_cut_is_none(stream: bool):
    assert is_whole(await ask(CutAtByte(10**6), stream=stream, with_backup=False, timeouts=Timeouts()))
