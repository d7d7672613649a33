"""What decisions rest on and what is said of them: policies, ceilings, headings, who is drained."""

import asyncio
import json
import re
from typing import Any

import msgspec
import pytest
from assurance import ScriptedAssurance
from clusters import running_cluster
from harness import SOLVER, base, specialist
from held_moves import overlay
from hypothesis import given
from hypothesis import strategies as st
from routers import router_of
from teams import GatedServer, Given
from test_cascade import BOTH, FINDS_WRONG, RIGHT, WRONG, climb, climbing
from test_router import ask, divided, named, refusal, said, two_models
from test_synthesis import part
from test_validation import Finished, recalled, validating

from guardian_cluster.cli.main import run
from guardian_cluster.contract.snapshot import (
    BalancingPolicy,
    Price,
    RoutingPolicy,
    Snapshot,
    Timeouts,
)
from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.request.balancing.plan import Candidate, Demand
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.synthesis import heading
from guardian_cluster.simulation import ModelServer, Pace, Status


@BOTH
async def test_when_the_one_to_be_asked_second_is_busy_the_first_answer_stands(stream: bool):
    async with climbing(ScriptedAssurance(FINDS_WRONG), WRONG, RIGHT, max_concurrency=1) as running:
        (second,) = [
            each for each in running.workflow.cluster.snapshot.base.specialists if each.name == "second"
        ]
        impatient = msgspec.structs.replace(
            running.workflow.cluster.snapshot.base, balancing=BalancingPolicy(wait_s=0.2)
        )
        running.workflow.load_balancer.configure(Snapshot(rev=2, base=impatient))
        running.workflow.load_balancer.begin(Candidate(second, second.endpoints[0]), Demand())
        seen = await running.ask(stream=stream)

    assert (seen.text, seen.error) == (WRONG, None)


async def test_a_stream_that_is_held_may_take_longer_than_its_first_word():
    slow = ModelServer("word " * 20, pace=Pace(between_chunks_s=0.05))
    timeouts = Timeouts(first_token_s=0.3, between_chunks_s=0.3, total_s=20.0)
    seen = await climb(ScriptedAssurance(), slow, RIGHT, stream=True, timeouts=timeouts)

    assert seen.error is None
    assert [(attempt.specialist, attempt.outcome) for attempt in seen.record.attempts] == [("first", "ok")]


async def test_the_time_to_the_first_word_of_an_answer_that_was_held_is_when_it_left():
    clock, second, given = ManualClock(), GatedServer(RIGHT, faults=Status(401)), Given()
    async with climbing(ScriptedAssurance(FINDS_WRONG), WRONG, second, clock=clock) as running:
        asking = asyncio.create_task(running.ask(given=given))
        await second.until(lambda: second.waiting == 1)
        clock.advance(5.0)
        second.gate.set()
        await asking

    assert given.text == WRONG
    assert given.record.first_token_ms == 5_000.0


async def test_what_a_second_costs_is_weighed_by_auto():
    experience = Experience()
    experience.of("slow").add(100, 20.0)
    experience.of("quick").add(100, 0.5)
    serving = msgspec.structs.replace(
        base(named("slow"), named("quick")), routing=RoutingPolicy(second_usd=0.01)
    )
    router = router_of(serving, experience=experience)

    (chosen,) = await router.assign_specialists(await router.analyze_request(ask()))

    assert chosen.specialist_id == "quick"


async def test_nothing_is_explored_where_the_operator_wants_none():
    serving = msgspec.structs.replace(base(named("one"), named("two")), routing=RoutingPolicy(explore=0.0))
    (chosen,) = await divided(serving, ask())

    assert chosen.routing is not None
    assert sorted(each.probability for each in chosen.routing.candidates) == [0.0, 1.0]


async def test_all_parts_together_stay_under_the_ceiling():
    code = named("code", price=Price(output_usd=10.0), good_at=("code",))
    serving = msgspec.structs.replace(base(code, SOLVER), routing=RoutingPolicy(max_cost_usd=0.004))
    question = (
        "compute 17*23, write a Python function that reverses a string, and write a SQL query that lists"
        " customers by country"
    )
    found = await divided(serving, said(question))

    dear = [each for each in found if each.specialist_id == "code"]
    assert len(dear) * 300 * 10 / 1e6 <= 0.004  # an answer is expected to have 300 tokens


async def test_a_part_that_nobody_can_serve_is_named_and_the_rest_is_answered():
    found = await divided(base(SOLVER), said("compute 17*23 and who wrote Hamlet?"))

    assert "solver" in {each.specialist_id for each in found}


async def test_what_leaves_nobody_is_said_also_where_the_cheapest_is_drained():
    serving = two_models(routing=RoutingPolicy(max_cost_usd=0.001))
    error = await refusal(serving, ask(), drained={"weak"})

    assert "about 1 tokens" not in error.message  # its messages are short enough for anybody
    assert error.code == "over_cost_ceiling"


MARKS = "\\`*_[]<>!#~|&"


@given(st.text(alphabet=MARKS + "ab ", max_size=40))
def test_nothing_in_a_heading_marks_anything_up(words: str):
    line = heading(part(heading=words))

    assert not set(re.sub(r"\\[!-/:-@\[-`{-~]", "", line)) & set("\\`*_[<")


def test_a_backslash_of_the_users_does_not_undo_the_escape():
    assert heading(part(heading="\\*\\*")) == "\\\\\\*\\\\\\*"


async def test_the_answer_of_a_model_is_not_blamed_for_what_memory_had_not_found():
    validation = validating()
    await validation.assess(2, recalled(0.0))
    assessment = await validation.assess(2, Finished(specialist="model"))

    assert (assessment.p_wrong, assessment.doubts) == (0.05, ())


async def test_the_choice_made_for_a_part_is_recorded_also_where_the_first_part_was_not_chosen():
    question = "compute 17*23 and write a Python function that reverses a string"
    async with ModelServer("def f(s): return s[::-1]") as one:
        members = [specialist("weak", one.url), specialist("strong", one.url, tier=3), SOLVER]
        async with running_cluster(base(*members)) as running:
            seen = await running.ask(
                stream=False, model="auto", messages=[{"role": "user", "content": question}]
            )

    assert len(seen.record.parts) == 2
    assert seen.record.routing is not None  # else neither the pacer nor the learner hears of it


@pytest.fixture
def folder(tmp_path: Any, monkeypatch: Any) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    model = '[specialist.{}]\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\n'
    (tmp_path / "guardian.toml").write_text(model.format("one") + model.format("two"))
    return tmp_path


def test_a_tenant_that_does_not_exist_is_not_explained_as_if_it_did(folder: Any, capsys: Any):
    assert run(["explain", "--tenant", "tpyo", "Why?"]) != 0


def test_who_is_drained_now_is_not_said_to_answer(folder: Any, capsys: Any):
    from guardian_cluster.config import load_config
    from guardian_cluster.contract.snapshot_file import write_snapshot

    (folder / "data").mkdir()
    base, moves = load_config(folder / "guardian.toml").base(), overlay(Drain(specialist="one"))
    write_snapshot(folder / "data", Snapshot(rev=1, base=base, overlay=moves))

    assert run(["explain", "--json", "Why?"]) == 0
    assert json.loads(capsys.readouterr().out)["assignments"][0]["specialist"] == "two"


@pytest.mark.parametrize(("policy", "factor"), [("auto:cheap", 0.1), ("auto:best", 30.0)])
async def test_what_a_mistake_costs_is_the_same_after_the_answer_as_before_it(policy: str, factor: float):
    import random

    from harness import Collected

    from guardian_cluster.domain.request import UserRequest
    from guardian_cluster.request.workflow import RequestProcessingWorkflow

    told: list[float] = []

    class Telling(ScriptedAssurance):
        def decide(self, assessment: Any, option: Any, ladder: Any, mistake_usd: float, left_usd: Any) -> Any:
            told.append(mistake_usd)
            return super().decide(assessment, option, ladder, mistake_usd, left_usd)

    async with ModelServer(RIGHT) as one:
        serving = msgspec.structs.replace(
            base(specialist("a", one.url), specialist("b", one.url)), routing=RoutingPolicy(mistake_usd=0.01)
        )
        async with running_cluster(serving) as running:
            built, checks = running.cluster.workflow, Telling()
            workflow = RequestProcessingWorkflow(
                built.router,
                built.load_balancer,
                built.context_maintainer,
                checks,
                built.cluster,  # type: ignore
                Collected(),
                running.cluster.clock,
                random.Random(1),
            )
            body = {"model": policy, "messages": [{"role": "user", "content": "What is 17 * 23?"}]}
            await workflow.process_request(UserRequest(body=body))

    assert told == [pytest.approx(0.01 * factor)]


@BOTH
async def test_what_memory_found_is_not_replaced_by_a_model_that_has_no_documents(stream: bool):
    from test_coordinator import RECALL as MEMORY
    from test_coordinator import put_handbook

    async with ModelServer("Leave is up to your manager.") as server:
        async with running_cluster(base(specialist("model", server.url), MEMORY)) as running:
            await put_handbook(running.cluster)
            messages = [{"role": "user", "content": "tell me what the handbook says about paid leave"}]
            seen = await running.ask(stream=stream, model="auto", messages=messages)

    assert "30 days of paid leave" in seen.text
    assert seen.record.specialist == "recall"


async def test_what_the_solver_computed_is_not_taken_for_an_answer_that_was_cut_off():
    async with running_cluster(base(SOLVER)) as running:
        messages = [{"role": "user", "content": "compute 17*23"}]
        seen = await running.ask(stream=False, model="auto", messages=messages)

    assert "391" in seen.text
    assert (seen.record.quality, seen.record.intent_alignment) == (1.0, 1.0)
