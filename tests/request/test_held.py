"""What is held of a stream that says nothing."""

import json
from typing import Any

import pytest
from clusters import TEXT, Seen, running_cluster
from harness import base, specialist

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.held import MAX_HELD_BYTES, MAX_HELD_CHUNKS, Held
from guardian_cluster.simulation import ModelServer, Raw

SAID_NOTHING: dict[str, Any] = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant"}}]}


def chunk(size: int = 0) -> dict[str, Any]:
    return {**SAID_NOTHING, "note": "x" * size}


async def opening_with(*chunks: dict[str, Any]) -> Seen:
    """Ask a model that sends these and then its answer, with a healthy one beside it."""
    said = {"index": 0, "delta": {"content": "at last"}, "finish_reason": "stop"}
    events = [*chunks, {"id": "1", "choices": [said]}]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    async with ModelServer(faults=Raw((head + body).encode())) as server, ModelServer(TEXT) as healthy:
        smart = specialist("smart", server.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", healthy.url))) as running:
            return await running.ask(stream=True)


async def test_an_opening_of_many_chunks_is_let_pass():
    seen = await opening_with(*[chunk()] * 512)

    assert (seen.text, seen.outcomes) == ("at last", [("smart/1", "ok", None)])


@pytest.mark.parametrize(("count", "size"), [(MAX_HELD_CHUNKS + 64, 0), (30, MAX_HELD_BYTES // 25)])
async def test_a_stream_that_says_nothing_for_too_long_is_answered_from_elsewhere(count: int, size: int):
    seen = await opening_with(*[chunk(size)] * count)

    assert seen.text == TEXT
    assert seen.outcomes == [("smart/1", "failed", "upstream_malformed"), ("backup/1", "ok", None)]


def test_the_bounds_are_kept_to_the_letter():
    held = Held()
    held.add([chunk()] * MAX_HELD_CHUNKS, bounded=True)

    with pytest.raises(AttemptFailed, match="without any content"):
        held.add([chunk()], bounded=True)


def test_a_whole_answer_is_not_bounded_here():
    held = Held()
    held.add([chunk(MAX_HELD_BYTES)], bounded=False)

    assert len(held.take()) == 1
    assert held.take() == []
