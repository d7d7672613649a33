"""What is recorded of a request, and what of that its caller may see."""

from typing import Any

import msgspec
import pytest
from clusters import TEXT, running_cluster
from harness import base, specialist
from sample_records import request_record

from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    RequestRecord,
    RoutingRecord,
)
from guardian_cluster.contract.snapshot import Price
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.domain.verdict import Verdict
from guardian_cluster.request.recording import (
    MAX_NAME_CHARACTERS,
    ONLY_FOR_GUARDIANS,
    facts,
    verdict_record,
)
from guardian_cluster.simulation import FalseUsage, Hang, ModelServer, Status

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def recorded(
    server: ModelServer, *, stream: bool = False, model: str = "smart", **fields: Any
) -> RequestRecord:
    async with server:
        members = [
            specialist("smart", server.url, price=Price(output_usd=10.0)),
            specialist("dear", server.url, tier=2, price=Price(output_usd=500.0)),
        ]
        async with running_cluster(base(*members, aliases={"x" * 300: "smart"})) as running:
            return (await running.ask(stream=stream, model=model, **fields)).record


@BOTH
async def test_a_request_by_name_is_recorded_with_who_answered_and_what_it_took(stream: bool):
    record = await recorded(ModelServer(TEXT, faults=FalseUsage(7, 5)), stream=stream)

    assert (record.specialist, record.endpoint, record.variant, record.propensity) == (
        "smart",
        "smart/1",
        "v1",
        1.0,
    )
    assert (record.outcome, record.status, record.error, record.finish_reason) == ("ok", 200, None, "stop")
    assert (record.input_tokens, record.output_tokens, record.cost_usd) == (7, 5, pytest.approx(50e-6))
    assert (record.requested_model, record.streamed, record.rev) == ("smart", stream, 1)
    assert record.first_token_ms is not None
    assert 0 <= record.overhead_ms <= record.duration_ms >= record.first_token_ms > 0
    assert (record.routing, record.parts, record.context) == (None, (), None)


@BOTH
async def test_a_choice_of_the_routers_is_recorded_with_what_is_needed_to_judge_it(stream: bool):
    record = await recorded(ModelServer(TEXT), stream=stream, model="auto")

    assert record.routing is not None
    assert record.routing.policy == "auto"
    assert {each.specialist for each in record.routing.candidates} == {"smart", "dear"}
    chosen = next(
        each for each in record.routing.candidates if each.specialist == record.attempts[0].specialist
    )
    assert record.propensity == chosen.probability
    assert record.routing.features


async def test_a_request_that_nobody_was_chosen_for_was_refused():
    record = await recorded(ModelServer(), model="nobody")

    assert (record.outcome, record.status, record.error) == ("refused", 404, "model_not_found")
    assert (record.specialist, record.attempts, record.routing) == (None, (), None)


@BOTH
async def test_a_request_that_failed_names_the_one_that_was_asked(stream: bool):
    record = await recorded(ModelServer(faults=Status(401)), stream=stream)

    assert (record.outcome, record.status, record.specialist) == ("error", 502, "smart")
    assert record.error == "upstream_credentials_rejected"


async def test_long_names_of_the_callers_are_cut():
    record = await recorded(ModelServer(TEXT), model="x" * 300)

    assert record.requested_model == "x" * MAX_NAME_CHARACTERS


async def test_a_request_whose_reader_left_is_recorded_as_cancelled():
    async with ModelServer(TEXT, faults=Hang(3)) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            body = {"model": "smart", "messages": [{"role": "user", "content": "hi"}]}
            stream = running.cluster.stream_request(UserRequest(body=body))
            await anext(stream)
            await stream.aclose()
            await server.until(lambda: server.cancelled == 1)
            record = await running.collected.request()

    assert (record.outcome, record.specialist) == ("cancelled", "smart")
    assert record.attempts[0].outcome == "cancelled"


def test_a_caller_is_shown_all_but_what_learners_and_guardians_read():
    routing = RoutingRecord(policy="auto", reason="why", features=b"secret")
    assessment = AssessmentRecord(specialist="one", p_wrong=0.5, decision="accept", features=b"secret")
    attempt = AttemptRecord(specialist="one", endpoint="one/1", outcome="failed", said="bad", duration_ms=1.0)
    record = request_record(routing=routing, assessments=(assessment,), attempts=(attempt,), words=b"ab")

    shown = facts(record)

    assert "features" not in shown["routing"] | shown["assessments"][0]
    assert (shown["routing"]["reason"], shown["assessments"][0]["p_wrong"]) == ("why", 0.5)
    assert shown.keys() == set(record.__struct_fields__) - set(ONLY_FOR_GUARDIANS)
    assert "said" not in shown["attempts"][0]
    assert record.routing is not None
    assert record.routing.features == b"secret"


def test_what_is_shown_of_a_request_can_be_written_as_json():
    assert msgspec.json.decode(msgspec.json.encode(facts(request_record())))["id"] == "r1"


def test_a_verdict_is_recorded_without_the_text_it_found():
    verdict = Verdict(detector="deny", rule="house", action="cut", channel="content", choice=1, position=7)

    assert msgspec.structs.asdict(verdict_record(verdict)) == msgspec.structs.asdict(verdict)


async def test_the_end_of_a_stream_carries_the_record_as_it_then_is():
    async with ModelServer(TEXT) as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            seen = await running.ask(stream=True, stream_options={"include_usage": True})

    shown = seen.chunks[-1]["guardian"]
    assert (shown["id"], shown["specialist"], shown["outcome"]) == (seen.record.id, "smart", "ok")
    assert shown["duration_ms"] <= seen.record.duration_ms
