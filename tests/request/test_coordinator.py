"""Several specialists at work on one request: at the same time, each on its own, answering as one."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from assurance import ScriptedAssurance
from clusters import running_cluster
from harness import SOLVER, base, specialist
from teams import GatedServer, Given, Team, option_of, side_by_side, team

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.snapshot import DenyRule, Endpoint, Price, Specialist, Variant, WatchPolicy
from guardian_cluster.documents.block import Document
from guardian_cluster.documents.formats import format_named
from guardian_cluster.documents.reading import names_of
from guardian_cluster.documents.splitting import split
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request import sharing
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.results import QUALITY_ASSURANCE
from guardian_cluster.simulation import Answer, FalseUsage, ModelServer, Status

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
RECALL = Specialist(
    name="recall",
    kind="recall",
    variants=(Variant(id="builtin"),),
    endpoints=(Endpoint(id="recall/1", url="builtin:recall", model="recall"),),
)
TEXTS = ("One is here.", "Two is here.", "Three is here.")
DONE = "\n\n".join(
    f"**{number}. Question {number}?**\n\n{text}\n\n— `{name}`"
    for number, text, name in zip((1, 2, 3), TEXTS, ("first", "second", "third"), strict=True)
)


def working(*said: Any, **settings: Any) -> AbstractAsyncContextManager[Team]:
    assurance = settings.pop("assurance", None) or ScriptedAssurance()
    return team(side_by_side, assurance, *(said or TEXTS), **settings)


async def work(*said: Any, stream: bool = False, fields: Any = None, **settings: Any) -> Given:
    async with working(*said, **settings) as running:
        return await running.ask(stream=stream, **(fields or {}))


def gated() -> list[GatedServer]:
    return [GatedServer(text) for text in TEXTS]


async def arrived(servers: Sequence[GatedServer]) -> None:
    """Wait until each of them is asked, though none has answered."""
    for server in servers:
        await server.until(lambda server=server: server.waiting == 1)
    assert not any(server.answered for server in servers)


def broken(place: int, fault: Any) -> list[ModelServer]:
    return [ModelServer(text, faults=fault if n == place else None) for n, text in enumerate(TEXTS)]


@BOTH
async def test_parts_are_answered_as_one_that_says_what_came_from_whom(stream: bool):
    seen = await work(stream=stream)

    assert (seen.text, seen.error) == (DONE, None)
    assert (seen.record.outcome, seen.record.status, seen.record.finish_reason) == ("ok", 200, "stop")
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in seen.chunks}) == 1


@BOTH
async def test_all_parts_are_asked_for_at_the_same_time(stream: bool):
    servers = gated()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(stream=stream))
        await arrived(servers)
        for server in servers:
            server.gate.set()
        seen = await asking

    assert seen.text == DONE


async def test_each_part_is_asked_for_alone():
    async with working() as running:
        await running.ask()

    asked = [[message["content"] for message in server.requests[0].messages] for server in running.servers]
    assert asked == [["Question 1?"], ["Question 2?"], ["Question 3?"]]


async def test_the_checks_of_all_parts_are_derived_before_there_is_any_answer():
    servers, assurance = gated(), ScriptedAssurance()
    async with working(*servers, assurance=assurance) as running:
        asking = asyncio.create_task(running.ask())
        await arrived(servers)
        derived = list(assurance.questions)
        for server in servers:
            server.gate.set()
        await asking

    assert derived == ["Question 1?", "Question 2?", "Question 3?"]
    assert sorted(assurance.assessed) == [
        (f"Question {number}?", name, "stop") for number, name in enumerate(("first", "second", "third"), 1)
    ]


@BOTH
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
async def test_parts_keep_their_order_whichever_is_ready_first(stream: bool, order: tuple[int, ...]):
    servers = gated()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(stream=stream))
        await arrived(servers)
        for place in order:
            servers[place].gate.set()
            await servers[place].until(lambda place=place: servers[place].answered == 1)
        seen = await asking

    assert seen.text == DONE


async def test_a_section_leaves_as_soon_as_it_and_those_before_it_are_ready():
    servers, given = gated(), Given()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(stream=True, given=given))
        await arrived(servers)
        servers[0].gate.set()
        await given.until("— `first`")
        assert (servers[1].answered, servers[2].answered) == (0, 0)

        servers[1].gate.set()
        await given.until("— `second`")
        assert servers[2].answered == 0

        servers[2].gate.set()
        await asking

    assert given.text == DONE


@BOTH
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_part_that_fails_is_named_and_the_rest_is_answered(stream: bool, place: int):
    seen = await work(*broken(place, Status(401)), stream=stream)

    assert f"**{place + 1}. Question {place + 1}?**\n\nThis part could not be answered: " in seen.text
    assert [text in seen.text for text in TEXTS] == [n != place for n in range(3)]
    assert (seen.record.outcome, seen.record.status) == ("ok", 200)
    assert [part.outcome for part in seen.record.parts] == [
        "failed" if n == place else "ok" for n in range(3)
    ]
    assert seen.record.parts[place].specialist is None
    assert seen.record.parts[place].error == "upstream_credentials_rejected"
    assert seen.record.intent_alignment is not None
    assert seen.record.intent_alignment <= 2 / 3


@BOTH
async def test_when_all_parts_fail_the_first_ones_error_is_the_answers(stream: bool):
    servers = [ModelServer(faults=Status(status)) for status in (503, 429, 500)]
    seen = await work(*servers, stream=stream)

    assert seen.error is not None
    assert (seen.error.http_status, seen.chunks) == (503, [])
    assert (seen.record.outcome, seen.record.status, seen.record.error) == ("error", 503, seen.error.code)
    assert [part.outcome for part in seen.record.parts] == ["failed"] * 3


async def test_nothing_of_a_stream_leaves_before_one_part_is_answered():
    servers, given = [ModelServer(faults=Status(401)), *gated()[1:]], Given()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(stream=True, given=given))
        await arrived(running.servers[1:])
        await servers[0].until(lambda: servers[0].answered == 1)
        assert given.chunks == []
        for server in running.servers[1:]:
            server.gate.set()
        await asking

    assert given.text.startswith("**1. Question 1?**\n\nThis part could not be answered: ")


@BOTH
async def test_a_part_that_takes_far_longer_than_all_others_is_given_up(stream: bool, monkeypatch: Any):
    monkeypatch.setattr(sharing, "LEAST_PATIENCE_S", 0.05)
    servers = gated()
    async with working(*servers, clock=ManualClock()) as running:
        servers[0].gate.set()
        servers[2].gate.set()
        seen = await running.ask(stream=stream)
        await servers[1].until(lambda: servers[1].left == 1)

    assert "This part could not be answered: it took far longer than all other parts" in seen.text
    part = seen.record.parts[1]
    assert (part.outcome, part.error, part.specialist) == ("late", "part_late", None)
    assert (seen.record.outcome, TEXTS[0] in seen.text, TEXTS[2] in seen.text) == ("ok", True, True)


async def test_patience_is_measured_by_how_long_the_others_took(monkeypatch: Any):
    monkeypatch.setattr(sharing, "LEAST_PATIENCE_S", 0.0)
    servers, clock, given = gated(), ManualClock(), Given()
    async with working(*servers, clock=clock) as running:
        asking = asyncio.create_task(running.ask(stream=True, given=given))
        await arrived(servers)
        clock.advance(100.0)  # the others take that long, so the last has three times as much
        servers[0].gate.set()
        servers[1].gate.set()
        await given.until("— `second`")
        servers[2].gate.set()
        await asking

    assert [part.outcome for part in given.record.parts] == ["ok"] * 3


@BOTH
async def test_being_cancelled_ends_the_work_on_all_parts(stream: bool):
    servers, given = gated(), Given()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(stream=stream, given=given))
        await arrived(servers)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        for server in servers:
            await server.until(lambda server=server: server.left == 1)

    assert (given.chunks, given.record.outcome) == ([], "cancelled")
    assert [attempt.outcome for attempt in given.record.attempts] == ["cancelled"] * 3


@BOTH
async def test_what_may_not_leave_is_redacted_also_where_only_joining_makes_it(stream: bool):
    forbidden = "here.\n\n— `first`\n\n**2. Question"
    watch = WatchPolicy(deny=(DenyRule(name="house", text=forbidden, action="redact"),))
    seen = await work(stream=stream, watch=watch)

    assert forbidden not in seen.text
    assert seen.text.startswith("**1. Question 1?**\n\nOne is ")
    assert TEXTS[1] in seen.text
    assert (seen.error, seen.record.outcome) == (None, "ok")


@BOTH
async def test_a_cut_of_the_joined_answer_ends_it_in_good_order(stream: bool):
    watch = WatchPolicy(deny=(DenyRule(name="house", text="here.\n\n— `second`", action="cut"),))
    seen = await work(stream=stream, watch=watch)

    assert seen.text.endswith("Two is ")
    assert seen.chunks[-1]["choices"][0]["finish_reason"] == "content_filter"
    assert (seen.error, seen.record.outcome) == (None, "cut")


@BOTH
async def test_the_usage_is_that_of_all_parts(stream: bool):
    servers = [ModelServer(text, faults=FalseUsage(n, 10 * n)) for n, text in enumerate(TEXTS, 1)]
    options = {"stream_options": {"include_usage": True}} if stream else {}
    seen = await work(*servers, stream=stream, fields=options, price=Price(input_usd=1e6, output_usd=2e6))

    shown = seen.chunks[-1]["usage"]
    assert shown == {"prompt_tokens": 6, "completion_tokens": 60, "total_tokens": 66}
    assert (seen.record.input_tokens, seen.record.output_tokens) == (6, 60)
    assert seen.record.cost_usd == pytest.approx(126.0)


async def test_the_result_and_report_of_each_and_of_the_validation_are_there():
    assurance = ScriptedAssurance(coverage=0.5)
    seen = await work(assurance=assurance)

    assert seen.response is not None
    *parts, validation = seen.response.results
    named = [
        (each.execution_metadata.specialist, each.result["choices"][0]["message"]["content"])
        for each in parts
    ]
    assert named == list(zip(("first", "second", "third"), TEXTS, strict=True))
    assert [each.monitoring_report.characters for each in parts] == [len(text) for text in TEXTS]
    assert {each.monitoring_report.quality for each in parts} == {0.75}
    assert validation.execution_metadata.specialist == QUALITY_ASSURANCE
    assert [each["number"] for each in validation.result["parts"]] == [1, 2, 3]
    report = validation.monitoring_report
    assert (report.quality, report.intent_alignment, report.verdicts) == (0.5, 1.0, ())


async def test_the_validations_own_watcher_says_which_part_could_not_be_checked():
    seen = await work(*broken(1, Status(401)))

    assert seen.response is not None
    report = seen.response.results[-1].monitoring_report
    assert [(verdict.detector, verdict.rule) for verdict in report.verdicts] == [
        ("validation", "not-checked")
    ]
    assert report.intent_alignment == pytest.approx(2 / 3)


async def test_what_watchers_told_one_another_is_in_the_record_of_each_part():
    servers, given = gated(), Given()
    async with working(*servers) as running:
        asking = asyncio.create_task(running.ask(stream=True, given=given))
        await arrived(servers)
        for server, name in zip(servers, ("first", "second", "third"), strict=True):
            server.gate.set()
            await given.until(f"— `{name}`")
        await asking

    first, second, third = (part.shared for part in given.record.parts)
    assert first == ()
    assert [told.startswith("performance: part 1 answered by first in ") for told in second] == [True]
    assert [told.partition(" answered by ")[0] for told in third] == [
        "performance: part 1",
        "performance: part 2",
    ]


async def test_a_part_whose_answer_is_likely_wrong_goes_to_somebody_stronger():
    def with_a_step(
        request: UserRequest, members: Sequence[contract.Specialist]
    ) -> list[SpecialistAssignment]:
        one, two = side_by_side(request, members[:2])
        third = members[2]
        climbing = msgspec.structs.replace(one, reserve=(third,), ladder=(option_of(third),))
        return [climbing, two]

    async with team(with_a_step, ScriptedAssurance({"One": 0.9}), *TEXTS) as running:
        seen = await running.ask()

    assert seen.text.startswith(f"**1. Question 1?**\n\n{TEXTS[2]}\n\n— `third`\n\n**2. ")
    assert [(each.part, each.specialist, each.decision) for each in seen.record.assessments] == [
        (1, "first", "escalate"),
        (1, "third", "accept"),
        (2, "second", "last"),
    ]


async def test_a_part_that_is_likely_wrong_is_shown_with_what_its_checks_found():
    assurance = ScriptedAssurance({"Two": 0.9}, doubts=("17 * 23 is 391",))
    seen = await work(assurance=assurance)

    assert "Two is here.\n\n— `second` (to be checked: 17 * 23 is 391)" in seen.text
    assert seen.text.count("to be checked") == 1


async def test_a_part_that_was_cut_short_cuts_the_whole_short():
    seen = await work(TEXTS[0], Answer("Two is", finish_reason="length"), TEXTS[2])

    assert seen.chunks[0]["choices"][0]["finish_reason"] == "length"
    assert seen.record.finish_reason == "length"


async def test_the_record_names_each_part_and_its_specialist():
    seen = await work()

    assert [(part.number, part.requirement, part.specialist) for part in seen.record.parts] == [
        (1, "general", "first"),
        (2, "general", "second"),
        (3, "general", "third"),
    ]
    assert seen.record.specialist is None
    assert len(seen.record.attempts) == 3


async def test_the_time_of_parts_that_wait_side_by_side_counts_once():
    servers, clock = gated(), ManualClock()
    async with working(*servers, clock=clock) as running:
        asking = asyncio.create_task(running.ask())
        await arrived(servers)
        clock.advance(5.0)
        for server in servers:
            server.gate.set()
        seen = await asking

    assert (seen.record.duration_ms, seen.record.overhead_ms) == (5_000.0, 0.0)


DEAR = Price(input_usd=10.0, output_usd=30.0)
HANDBOOK = "# Leave\n\nEmployees have 30 days of paid leave a year. Leave is asked for two weeks ahead.\n"
THREE = (
    "compute 17*23, tell me what the handbook says about paid leave, "
    "and write a Python function that reverses a string"
)


async def put_handbook(cluster: LLMGuardianCluster) -> None:
    path = Path("/docs/handbook.md")
    passages = split(format_named(path).read(HANDBOOK))
    document = Document(str(path), names_of(path), "1", 1.7e9, len(HANDBOOK), passages)
    await cluster.memory.put_document("default", document)


@BOTH
async def test_the_solver_memory_and_a_model_answer_one_request_together(stream: bool):
    async with ModelServer(Answer("def reverse(text):\n    return text[::-1]")) as server:
        members = [specialist("coder", server.url, price=DEAR), SOLVER, RECALL]
        async with running_cluster(base(*members)) as running:
            await put_handbook(running.cluster)
            messages = [{"role": "user", "content": THREE}]
            seen = await running.ask(stream=stream, model="auto", messages=messages)

    assert [(part.requirement, part.specialist, part.outcome) for part in seen.record.parts] == [
        ("exact", "solver", "ok"),
        ("retrieval", "recall", "ok"),
        ("code", "coder", "ok"),
    ]
    places = [seen.text.index(said) for said in ("391", "30 days of paid leave", "text[::-1]")]
    assert places == sorted(places)
    assert any("context quality: part 2" in told for told in seen.record.parts[1].shared)
    assert {attempt.specialist for attempt in seen.record.attempts} == {"solver", "recall", "coder"}


@BOTH
async def test_what_the_watch_over_the_validation_finds_is_in_the_record(stream: bool):
    question = "compute 17*23 and tell me what the handbook says about the colour of the office dog in Lisbon"
    async with running_cluster(base(SOLVER, RECALL)) as running:
        await put_handbook(running.cluster)
        messages = [{"role": "user", "content": question}]
        seen = await running.ask(stream=stream, model="auto", messages=messages)

    assert [part.specialist for part in seen.record.parts] == ["solver", "recall"]
    assert ("validation", "weak-context") in {(each.detector, each.rule) for each in seen.record.verdicts}
