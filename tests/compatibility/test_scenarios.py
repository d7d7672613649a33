"""What users of workflow 1 do, through real HTTP and the unchanged SDK: every way in which an answer comes about."""

import hashlib
from typing import Any

import openai
import pytest
from harness import RECALL, SOLVER, RunningGateway, base, running_gateway, specialist
from sdk_clients import client_of

from guardian_cluster.contract.snapshot import ApiKey, Price
from guardian_cluster.documents.block import Document, Passage
from guardian_cluster.simulation import Answer, ModelServer, Status
from guardian_cluster.simulation.request import ModelRequest

WRONG = "17 * 24 = 398 bottles. 398 - 39 = 359, so 359 bottles are left."
RIGHT = "17 * 24 = 408 bottles. 408 - 39 = 369, so 369 bottles are left."
CRATES = "A crate holds 24 bottles. Sam has 17 full crates and sells 39 bottles. How many bottles are left?"
THREE = "Compute 17*23, tell me what our handbook says about leave, and write a haiku about spring."
HAIKU = "Spring rain on the roof.\nA cat sleeps through all of it.\nThe kettle begins."
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


async def said(client: openai.AsyncOpenAI, question: str, *, stream: bool, **options: Any) -> str:
    """Return what the SDK makes of an answer, whole or put together from its pieces."""
    fields: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": question}], **options}
    if not stream:
        return (await client.chat.completions.create(**fields)).choices[0].message.content or ""
    pieces: list[str] = []
    async for chunk in await client.chat.completions.create(**fields, stream=True):
        pieces += [choice.delta.content or "" for choice in chunk.choices]
    return "".join(pieces)


async def put_handbook(gateway: RunningGateway, text: str, tenant: str = "default") -> None:
    passage = Passage(text, ("Leave",), 3, 3)
    await gateway.cluster.memory.put_document(
        tenant, Document(f"/{tenant}.md", ("handbook.md",), text, 1.0, len(text), (passage,))
    )


def key(tenant: str) -> ApiKey:
    return ApiKey(
        id=tenant, sha256=hashlib.sha256(f"sk-{tenant}".encode()).hexdigest(), tenant=tenant, created=0.0
    )


def remembers(request: ModelRequest) -> Answer:
    """Say the name of the dog, if it stands in anything that was sent."""
    named = any("Rex" in str(message.get("content")) for message in request.messages)
    return Answer(text="Your dog is called Rex." if named else "Nobody has told me.")


@BOTH
async def test_one_specialist_answers_what_it_is_asked(stream: bool):
    async with (
        ModelServer("All is well.") as model,
        running_gateway(base(SOLVER, RECALL, specialist("writer", model.url))) as gateway,
        client_of(gateway) as client,
    ):
        assert await said(client, "How are you today?", stream=stream) == "All is well."

    (record,) = gateway.collected.requests
    assert (record.specialist, record.outcome, record.parts) == ("writer", "ok", ())
    assert (record.quality, record.intent_alignment) == (1.0, 1.0)


@BOTH
async def test_a_wrong_sum_is_caught_before_it_leaves_and_asked_again_higher_up(stream: bool):
    async with ModelServer(WRONG) as small, ModelServer(RIGHT) as large:
        cheap = specialist("small", small.url, price=Price(input_usd=0.1, output_usd=0.1))
        strong = specialist("large", large.url, tier=3, price=Price(input_usd=2.0, output_usd=10.0))
        async with running_gateway(base(cheap, strong)) as gateway, client_of(gateway) as client:
            answer = await said(client, CRATES, stream=stream)

    (record,) = gateway.collected.requests
    assert answer == RIGHT
    first = record.assessments[0]
    assert (first.specialist, first.decision) == ("small", "escalate")
    assert "arithmetic" in first.failed
    assert [attempt.specialist for attempt in record.attempts] == ["small", "large"]
    assert record.cost_usd == pytest.approx(sum(attempt.cost_usd for attempt in record.attempts))


@BOTH
async def test_three_specialists_answer_side_by_side_as_one(stream: bool):
    async with (
        ModelServer(HAIKU) as model,
        running_gateway(base(SOLVER, RECALL, specialist("writer", model.url))) as gateway,
        client_of(gateway) as client,
    ):
        await put_handbook(gateway, "Everybody has 25 days of leave a year.")
        answer = await said(client, THREE, stream=stream)

    (record,) = gateway.collected.requests
    places = [
        answer.index(words) for words in ("391", "`solver`", "25 days", "`recall`", "Spring rain", "`writer`")
    ]
    assert places == sorted(places)
    assert [(part.specialist, part.outcome) for part in record.parts] == [
        ("solver", "ok"), ("recall", "ok"), ("writer", "ok"),
    ]  # fmt: skip
    assert record.intent_alignment == 1.0


@BOTH
async def test_a_part_that_fails_is_named_and_the_rest_is_answered(stream: bool):
    async with (
        ModelServer(faults=Status(500)) as model,
        running_gateway(base(SOLVER, specialist("writer", model.url))) as gateway,
        client_of(gateway) as client,
    ):
        answer = await said(client, "Compute 17*23. Also, write a haiku about spring.", stream=stream)

    (record,) = gateway.collected.requests
    assert "391" in answer
    assert "This part could not be answered" in answer
    assert [(part.specialist, part.outcome) for part in record.parts] == [("solver", "ok"), (None, "failed")]


@BOTH
async def test_a_conversation_is_remembered_and_another_knows_nothing_of_it(stream: bool):
    async with (
        ModelServer(remembers) as model,
        running_gateway(base(specialist("writer", model.url))) as gateway,
        client_of(gateway) as client,
    ):
        monday, tuesday = ({"extra_headers": {"x-session-id": name}} for name in ("monday", "tuesday"))
        await said(client, "My dog is called Rex.", stream=stream, **monday)
        recalled = await said(client, "What is my dog called?", stream=stream, **monday)
        elsewhere = await said(client, "What is my dog called?", stream=stream, **tuesday)

    first, second, third = (record.context for record in gateway.collected.requests)
    assert (recalled, elsewhere) == ("Your dog is called Rex.", "Nobody has told me.")
    assert [(c.history, c.remembered) for c in (first, second, third) if c] == [
        (0, True),
        (2, True),
        (0, True),
    ]


async def test_a_tenant_never_sees_anothers_documents_or_conversations():
    async with ModelServer(remembers) as model:
        serving = base(SOLVER, RECALL, specialist("writer", model.url), keys=[key("red"), key("blue")])
        async with (
            running_gateway(serving) as gateway,
            client_of(gateway, api_key="sk-red") as red,
            client_of(gateway, api_key="sk-blue") as blue,
        ):
            await put_handbook(gateway, "The red team has 25 days of leave a year.", "red")
            session = {"extra_headers": {"x-session-id": "shared-id"}}
            await said(red, "My dog is called Rex.", stream=False, **session)
            question = "What does our handbook say about leave?"
            quoted = await said(red, question, stream=False, model="recall")
            empty = await said(blue, question, stream=False, model="recall")
            guessed = await said(blue, "What is my dog called?", stream=False, **session)
            with pytest.raises(openai.NotFoundError):
                await blue.get(f"/requests/{gateway.collected.requests[0].id}", cast_to=object)

    assert "25 days" in quoted
    assert "25 days" not in empty
    assert guessed == "Nobody has told me."
