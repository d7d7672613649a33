"""Trouble in the gateway's own house, with real processes and the unchanged openai client: requests go on."""

from pathlib import Path

import openai
import pytest
from processes.serving import Served, served, until

from benchmarks.resilience_world.house import trouble
from benchmarks.resilience_world.suite import House
from guardian_cluster.simulation import ModelServer

TEXT = "The night train leaves Alma at nine."
REQUESTS = 12
COUNT = "select count(*) from request"


async def answered(guardian: Served, number: int) -> str:
    """Ask within a conversation, so that memory is needed too; every second answer is streamed."""
    async with openai.AsyncOpenAI(base_url=guardian.url, api_key="key", max_retries=0, timeout=10) as client:
        asked = {
            "model": "local",
            "messages": [{"role": "user", "content": f"{number}: when?"}],
            "extra_headers": {"x-session-id": f"session-{number % 3}"},
        }
        if number % 2:
            return (await client.chat.completions.create(**asked)).choices[0].message.content
        chunks = [chunk async for chunk in await client.chat.completions.create(**asked, stream=True)]
        return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


@pytest.mark.parametrize("kind", ["control_killed", "database_locked", "disk_full"])
async def test_requests_are_answered_all_the_same_and_recorded_in_the_end(tmp_path: Path, kind: House):
    async with ModelServer(TEXT) as model, served(tmp_path, url=model.url) as guardian:
        await until(lambda: guardian.rows("select 1 from gateway_event"))
        async with trouble(kind, guardian.process.pid, guardian.data):
            during = [await answered(guardian, number) for number in range(REQUESTS)]
            recorded = guardian.rows(COUNT)
        after = await answered(guardian, REQUESTS)
        await until(lambda: guardian.rows(COUNT) == [(REQUESTS + 1,)], 30)

    assert {*during, after} == {TEXT}
    assert kind == "control_killed" or recorded == [(0,)], "the trouble was none"
