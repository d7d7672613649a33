"""What must hold of an answer that several specialists gave: its records, its reader, its doubts."""

import asyncio
from typing import Any

import pytest
from assurance import ScriptedAssurance
from teams import Given, side_by_side, team
from test_coordinator import BOTH, TEXTS, arrived, gated, work, working

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy

JOINED = "here.\n\n— `first`\n\n**2. Question"


def forbidding(action: Any) -> WatchPolicy:
    return WatchPolicy(deny=(DenyRule(name="house", text=JOINED, action=action),))


@BOTH
async def test_what_the_watch_over_the_joined_answer_found_is_recorded(stream: bool):
    seen = await work(stream=stream, watch=forbidding("redact"))

    assert [(verdict.rule, verdict.action) for verdict in seen.record.verdicts] == [("house", "redact")]


@BOTH
async def test_the_finish_reason_of_a_joined_answer_that_was_cut_is_the_one_its_caller_saw(stream: bool):
    seen = await work(stream=stream, watch=forbidding("cut"))

    assert seen.chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert seen.record.finish_reason == "content_filter"


@BOTH
async def test_a_part_that_is_not_in_what_left_is_counted_as_missing(stream: bool):
    assurance = ScriptedAssurance(intent_alignment=None)
    seen = await work(stream=stream, watch=forbidding("cut"), assurance=assurance)

    assert TEXTS[1] not in seen.text  # it was cut off before that
    assert TEXTS[2] not in seen.text
    assert seen.record.intent_alignment is not None
    assert seen.record.intent_alignment <= 1 / 3


async def test_a_part_is_said_to_have_been_told_only_what_was_known_while_it_ran():
    servers, given = gated(), Given()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(given=given))
        await arrived(servers)
        for place in (2, 1, 0):
            servers[place].gate.set()
            await servers[place].until(lambda place=place: servers[place].answered == 1)
        await asking

    told = {part.number: " ".join(part.shared) for part in given.record.parts}
    heard = {number: {other for other in told if f"part {other} " in said} for number, said in told.items()}
    assert sorted(map(len, heard.values())) == [0, 1, 2]  # whoever ended before anybody else was told nothing


@BOTH
async def test_an_answer_that_a_second_one_confirmed_is_no_longer_taken_for_likely_wrong(stream: bool):
    assurance = ScriptedAssurance({"One": 0.6}, second_opinion=True)

    def with_a_step(request: Any, members: Any) -> Any:
        import msgspec
        from teams import option_of

        one, two = side_by_side(request, members[:2])
        third = members[2]
        return [msgspec.structs.replace(one, reserve=(third,), ladder=(option_of(third),)), two]

    async with team(with_a_step, assurance, TEXTS[0], TEXTS[1], TEXTS[0]) as running:
        seen = await running.ask(stream=stream)

    assert seen.record.assessments[1].agreed
    assert "to be checked" not in seen.text


async def test_the_reader_of_a_stream_that_fails_is_told_of_its_own_error():
    class Gone(Exception):
        pass

    async def gone(batch: Any) -> None:
        raise Gone

    from guardian_cluster.domain.request import UserRequest

    async with working() as running:
        body = {"model": "auto", "messages": [{"role": "user", "content": "hi"}], "stream": True}
        with pytest.raises(Gone):
            await running.workflow.open(UserRequest(body=body)).run(gone)
