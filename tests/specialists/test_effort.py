"""Which answers are read in one go, by what they hold; no clock is asked."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.effort import (
    MAX_EFFORT_US,
    UNCOUNTED_BYTES,
    effort_us,
    refuse_costly,
)

PROGRAM = 'if (a["x"] == {1, [2]}) { b = "\\\\"; }\n'


def answer(**fields: Any) -> bytes:
    return json.dumps({"id": "1", "choices": [{"index": 0, "message": {"content": "x"}}], **fields}).encode()


async def is_refused(text: bytes) -> bool:
    try:
        await refuse_costly(text)
    except AttemptFailed as failure:
        return failure.code == "upstream_answer_too_large"
    return False


@pytest.mark.parametrize(
    "dense",
    [[[]] * 3_000, [{}] * 3_000, [1] * 250_000, ["a"] * 25_000, {str(n): 1 for n in range(25_000)}],
    ids=["lists", "objects", "numbers", "strings", "keys"],
)
async def test_dense_structure_is_refused(dense: Any):
    assert await is_refused(answer(x=dense))


async def test_a_string_of_nothing_but_escapes_is_refused():
    assert await is_refused(answer(x="\n" * 600_000))


@pytest.mark.parametrize(
    "said",
    ["A" * 7_900_000, PROGRAM * 5_000, json.dumps([{"a": []}] * 9_000), '\\"' * 50_000],
    ids=["image", "program", "json", "escapes"],
)
async def test_words_are_read_whatever_they_hold(said: str):
    assert not await is_refused(answer(said=said))


async def test_structure_behind_many_words_is_found():
    assert await is_refused(answer(said=PROGRAM * 5_000, x=[{}] * 3_000))


async def test_a_hundred_tool_calls_are_read():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": PROGRAM * 20}}
    assert not await is_refused(answer(tool_calls=[call] * 100))


async def test_others_run_while_it_is_looked_at():
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await is_refused(answer(x=['"'] * 20_000 + [[]] * 3_000))
    counting.cancel()

    assert turns > 20_000 // 500


@pytest.mark.parametrize("dense", ["{},", "[],", '"",', "1,", '"\\n",'])
def test_what_is_not_counted_is_little_whatever_it_holds(dense: str):
    text = (dense.encode() * UNCOUNTED_BYTES)[:UNCOUNTED_BYTES]

    assert effort_us(text, 0, len(text)) <= MAX_EFFORT_US


@given(st.text('[]{}",\\:ab \n', min_size=1, max_size=300), st.integers(0, 300))
def test_the_effort_of_a_text_is_that_of_its_parts(said: str, at: int):
    text = said.encode()
    at = min(at, len(text))

    whole = effort_us(text, 0, len(text))

    assert whole == pytest.approx(effort_us(text, 0, at) + effort_us(text, at, len(text)))
