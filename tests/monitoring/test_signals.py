"""What requests lose on each signal, from records that a running cluster wrote."""

import random
from typing import Any

import msgspec
import pytest
from harness import QUICK, Collected, base, specialist

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import DenyRule, InputPolicy, Price, Snapshot, WatchPolicy
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.observation import Observation, Signal
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.monitoring.signals import Budgets, observation_of
from guardian_cluster.simulation import Answer, Empty, Fault, Hang, ModelServer, Repeats, Status, ToolCall

SOUND = "The bridge in Porto was opened in 1886."
JSON = {"type": "json_object"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}
DOCUMENT = {"role": "tool", "tool_call_id": "c1", "content": f"{SOUND} It is 385 metres long."}
ASKED = {"role": "user", "content": "When was the bridge opened?"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
LEAKING = WatchPolicy(
    deny=(DenyRule(name="house", text="SECRET", action="observe"),),
    canaries=("zx-canary-7",),
    personal={"email": "redact"},
    on_prompt_leak="cut",
)
GENEROUS = Budgets(whole_ms=60_000.0, first_token_ms=60_000.0, cost_usd=1.0)
TIGHT = Budgets(whole_ms=0.0, first_token_ms=0.0, cost_usd=0.0)


async def recorded(
    said: Answer | str = SOUND,
    fault: Fault | None = None,
    *,
    watch: WatchPolicy | None = None,
    operation: Any = "chat",
    **fields: Any,
) -> RequestRecord:
    async with ModelServer(said, faults=fault) as server:
        smart = specialist("smart", server.url, timeouts=QUICK, price=Price(output_usd=1e3))
        snapshot = Snapshot(rev=7, base=base(smart, watch=watch))
        collected, rng = Collected(), random.Random(1)
        async with LLMGuardianCluster(snapshot, sink=collected, rng=rng) as cluster:
            body = {"model": "smart", **({"messages": [ASKED]} if operation == "chat" else {}), **fields}
            await _ask(cluster, UserRequest(body=body, operation=operation))
    return collected.requests[0]


async def _ask(cluster: LLMGuardianCluster, request: UserRequest) -> None:
    try:
        if request.streamed:
            async for _ in cluster.stream_request(request):
                pass
        else:
            await cluster.process_request(request)
    except GuardianError:
        pass  # it is in the record


async def seen(*said: Any, budgets: Budgets = GENEROUS, **settings: Any) -> Observation:
    found = observation_of(await recorded(*said, **settings), budgets=budgets)
    assert found is not None
    return found


def lost(found: Observation) -> set[Signal]:
    """Return the signals on which anything was lost."""
    return {name for name, loss in found.losses.items() if loss > 0.0}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_sound_answer_loses_nothing_and_tells_all_signals_that_apply(stream: bool):
    found = await seen(stream=stream)

    assert lost(found) == set()
    wanted = {"quality", "intent_alignment", "error", "latency", "refusal", "format", "cost", "leak"}
    assert found.losses.keys() == wanted
    assert dict(found.dimensions) | {"template": ""} == {
        "model": "simulated-1", "endpoint": "smart/1", "variant": "v1", "tenant": "default",
        "language": "english", "revision": "7", "template": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("I'm sorry, but I can't help with that request at all.", {}),
        (Answer("No.", finish_reason="content_filter"), {}),
    ],
)
async def test_a_refusal_is_one_whoever_says_it(said: Any, settings: dict[str, Any]):
    assert "refusal" in lost(await seen(said, **settings))


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        (Answer("no JSON here"), {"response_format": JSON}),
        (Answer("[1, 2]"), {"response_format": SCHEMA}),
        (Answer(SOUND, finish_reason="length"), {}),
        (Answer(tool_calls=(ToolCall("other"),)), {"tools": [TOOL]}),
        (Answer(tool_calls=(ToolCall("look", "[1"),)), {"tools": [TOOL]}),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_an_answer_that_has_not_its_form_loses_on_format(said: Any, settings: Any, stream: bool):
    found = await seen(said, stream=stream, **settings)

    assert "format" in lost(found)
    assert "refusal" not in lost(found)


async def test_an_empty_answer_is_an_error_of_its_endpoint_and_has_no_form():
    found = await seen(SOUND, Empty())

    assert (found.error, lost(found)) == ("upstream_empty", {"error", "format"})


@pytest.mark.parametrize(
    "said",
    [
        "It is SECRET.",
        "Say zx-canary-7 to them.",
        "Write to joe.doe@corp-mail.com.",
        "Use AKIAQYLPMN5HHHFPZAM2 now.",
    ],
)
async def test_what_must_not_leave_is_a_leak_attempt_whatever_was_done_about_it(said: str):
    found = await seen(said, watch=LEAKING)

    assert "leak" in lost(found)
    assert "error" not in lost(found)


async def test_what_was_found_in_the_request_is_not_the_specialists():
    policy = WatchPolicy(deny=LEAKING.deny, input=InputPolicy(on_deny="observe", on_secret="redact"))
    asked = {"role": "user", "content": "Is it SECRET? Use AKIAQYLPMN5HHHFPZAM2 then."}
    found = await seen(watch=policy, messages=[asked], metadata={"note": "SECRET"})

    assert lost(found) == set()
    assert set(found.verdicts) == {"request:deny/house", "request:secret/aws-access-key"}


async def test_documents_give_an_answer_its_ground():
    sound = await seen(SOUND, messages=[DOCUMENT, ASKED])
    invented = await seen("A tower of Gustave Eiffel fell in Lyon in 1901.", messages=[DOCUMENT, ASKED])

    assert sound.losses["groundedness"] < 0.2 < 0.5 < invented.losses["groundedness"]
    assert invented.losses["groundedness"] == invented.scores["ungrounded"]


async def test_an_answer_that_goes_in_circles_loses_quality():
    found = await seen("The bridge is long. " * 40)

    assert found.losses["quality"] > 0.0
    assert "answer/repetition" in found.verdicts
    assert found.fingerprint


async def test_an_answer_of_another_form_than_asked_for_loses_alignment():
    noted = WatchPolicy(on_schema_violation="observe")
    found = await seen(Answer("no JSON here"), watch=noted, response_format=JSON)

    assert (found.outcome, found.losses["intent_alignment"]) == ("ok", 0.5)


async def test_a_failure_of_all_is_an_error_of_which_no_answer_is_judged():
    found = await seen(SOUND, Status(500, "CUDA out of memory"))

    assert found.losses == {"error": 1.0, "latency": 0.0, "cost": 0.0, "leak": 0.0}
    assert [(each.outcome, each.said) for each in found.tries] == [("failed", "cuda out of memory")] * 3


async def test_an_answer_that_a_watcher_withheld_is_no_error_and_is_judged():
    policy = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="retry"),))
    found = await seen("It is SECRET.", watch=policy)

    assert (found.error, found.outcome) == ("answer_blocked", "error")
    assert found.losses["error"] == 0.0
    assert {"refusal", "format", "leak"} <= found.losses.keys()
    assert "leak" in lost(found)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_what_takes_more_than_its_budget_loses_on_latency_and_cost(stream: bool):
    found = await seen(stream=stream, budgets=TIGHT)

    assert lost(found) == {"latency", "cost"}
    assert "latency" not in (await seen(stream=stream, budgets=Budgets())).losses


async def test_an_endpoint_that_hangs_is_an_error_and_late():
    budgets = Budgets(whole_ms=100.0, first_token_ms=100.0)

    assert lost(await seen(SOUND, Hang(0), stream=True, budgets=budgets)) == {"error", "latency"}


async def test_embeddings_are_judged_by_service_alone():
    found = await seen(operation="embeddings", input=["a question"])

    assert found.losses.keys() == {"error", "latency", "cost"}


async def test_a_request_that_nobody_was_asked_is_no_observation():
    assert observation_of(await recorded(model="nobody")) is None


async def test_a_reader_who_left_has_seen_what_it_lost_until_then():
    async with ModelServer(SOUND, faults=Hang(3)) as server:
        snapshot = Snapshot(rev=1, base=base(specialist("smart", server.url)))
        collected = Collected()
        async with LLMGuardianCluster(snapshot, sink=collected) as cluster:
            stream = cluster.stream_request(UserRequest(body={"model": "smart", "messages": [ASKED]}))
            await anext(stream)
            await stream.aclose()
            record = await collected.request()

    patient, hasty = observation_of(record, budgets=GENEROUS), observation_of(record, budgets=TIGHT)
    assert patient is not None
    assert hasty is not None
    assert (patient.losses, hasty.losses) == ({}, {"latency": 1.0})


async def test_a_loop_that_a_model_falls_into_is_no_leak():
    found = await seen(SOUND, Repeats())

    assert found.losses["leak"] == 0.0


async def test_what_was_done_about_a_finding_is_kept_and_of_several_the_mildest():
    record = await recorded("Mail ada@example.com, or eve@example.com.", watch=LEAKING)
    (first, *rest) = [each for each in record.verdicts if each.detector == "personal-data"]
    noted = msgspec.structs.replace(first, action="observe")

    redacted = observation_of(record)
    both = observation_of(msgspec.structs.replace(record, verdicts=(first, noted, *rest)))

    assert redacted is not None
    assert both is not None
    assert redacted.done == {"personal-data/email": "redact"}
    assert both.done == {"personal-data/email": "observe"}
    assert set(both.done) == set(both.verdicts)


async def test_an_observation_tells_which_moves_changed_its_way_and_who_was_asked_for():
    record = await recorded()
    moved = msgspec.structs.replace(record, moves=("a1", "a2:trial"), requested_model="auto")
    observation = observation_of(moved)

    assert observation is not None
    assert (observation.moves, observation.requested) == (("a1", "a2:trial"), "auto")
