"""What must hold when a second specialist is asked: the bounds, the first answer, whoever stood in."""

import pytest
from assurance import ScriptedAssurance
from teams import GatedServer, Given
from test_cascade import FINDS_WRONG, RIGHT, WRONG, climb, climbing

from guardian_cluster.contract.snapshot import RoutingPolicy
from guardian_cluster.simulation import ModelServer, Status


@pytest.mark.parametrize("most", [2, 3])
async def test_as_many_are_asked_as_allowed(most: int):
    routing = RoutingPolicy(max_asked=most)
    seen = await climb(ScriptedAssurance({"It": 0.9}), "It is 1.", "It is 2.", "It is 3.", routing=routing)

    assert len({attempt.specialist for attempt in seen.record.attempts}) == most


async def test_who_stood_in_for_the_first_is_not_asked_again():
    assurance = ScriptedAssurance(FINDS_WRONG)
    seen = await climb(assurance, ModelServer(faults=Status(401)), WRONG, RIGHT)

    assert [attempt.specialist for attempt in seen.record.attempts] == ["first", "second", "third"]
    assert seen.text == RIGHT


async def test_a_stream_too_long_to_be_held_leaves_before_its_end():
    long = GatedServer("word " * 30_000)
    long.gate.set()
    given = Given()
    async with climbing(ScriptedAssurance({"word": 0.9}), long, RIGHT) as running:
        await running.ask(stream=True, given=given)

    assert given.text.startswith("word word")
    assert given.record.specialist == "first"
