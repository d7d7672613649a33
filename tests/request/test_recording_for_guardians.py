"""What guardians find in the records of a running cluster: what was asked, and what bad answers and endpoints said."""

from typing import Any

import pytest
from assurance import ScriptedAssurance
from clusters import TEXT, Seen, running_cluster
from harness import base, specialist
from teams import side_by_side, team

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.contract.snapshot import DenyRule, InputPolicy, WatchPolicy
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.fingerprint import fingerprint_of
from guardian_cluster.simulation import Answer, Fault, ModelServer, Refuse, SoftError, Status, StreamError
from guardian_cluster.statistics.word_numbers import word_numbers

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
SOUND = "A load balancer takes the backend with the least requests under way."
ASKED = [
    {"role": "system", "content": "Answer briefly. It is 2026."},
    {"role": "user", "content": "Which backend does a load balancer take?"},
]
FORBIDDEN = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="redact"),))
WITHHELD = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="retry"),))


async def seen_of(
    said: Answer | str = SOUND, faults: Fault | None = None, *, stream: bool = False, **settings: Any
) -> Seen:
    watch = settings.pop("watch", None)
    async with ModelServer(said, faults=faults) as one, ModelServer(SOUND) as two:
        smart = specialist("smart", one.url, fallback=settings.pop("fallback", ()))
        async with running_cluster(base(smart, specialist("backup", two.url), watch=watch)) as running:
            return await running.ask(stream=stream, **({"messages": ASKED} | settings))


async def record_of(*said: Any, **settings: Any) -> RequestRecord:
    return (await seen_of(*said, **settings)).record


def fingerprint(text: str) -> bytes:
    return fingerprint_of(text, word_numbers(""))


@BOTH
async def test_a_record_tells_requests_apart(stream: bool):
    record = await record_of(stream=stream)

    assert (record.model, record.language) == ("simulated-1", "english")
    assert (len(record.template), len(record.words) % 2) == (8, 0)
    assert record.words


@BOTH
async def test_nothing_is_kept_of_a_sound_answer(stream: bool):
    record = await record_of(stream=stream)

    assert (record.outcome, record.quality, record.verdicts) == ("ok", 1.0, ())
    assert record.fingerprint == b""


@BOTH
async def test_a_caller_sees_none_of_it(stream: bool):
    seen = await seen_of(stream=stream, stream_options={"include_usage": True} if stream else None)
    shown = seen.chunks[-1].get("guardian", {})

    assert not {"template", "words", "language", "model", "fingerprint"} & shown.keys()
    assert shown.get("id", seen.record.id) == seen.record.id


@BOTH
async def test_an_answer_in_which_something_was_found_is_known_again(stream: bool):
    said = "The password is SECRET, and it is the one of the house."
    record = await record_of(said, stream=stream, watch=FORBIDDEN)

    assert [each.rule for each in record.verdicts] == ["house"]
    assert record.fingerprint == fingerprint(said.replace("SECRET", "[redacted:house]"))


@BOTH
async def test_an_answer_that_was_withheld_is_known_again_though_another_one_left(stream: bool):
    said = "The password of the house is SECRET, and so on."
    seen = await seen_of(said, stream=stream, watch=WITHHELD, fallback=("backup",), messages=ASKED[1:])

    assert seen.record.attempts[0].error == "answer_blocked"
    assert seen.record.fingerprint not in (b"", fingerprint(SOUND))


async def test_a_refusal_and_a_broken_off_answer_are_known_again():
    refusal = "I'm sorry, but I can't help with that request, because it is against the rules."
    refused, broken = await record_of(refusal), await record_of(SOUND[:30])

    assert ("answer", "refusal-opener") in [(each.detector, each.rule) for each in refused.verdicts]
    assert refused.fingerprint == fingerprint(refusal)
    assert (broken.quality is not None and broken.quality < 1.0, broken.fingerprint) == (
        True,
        fingerprint(SOUND[:30]),
    )


async def test_what_was_found_in_the_request_is_no_fault_of_its_answer():
    watch = WatchPolicy(deny=FORBIDDEN.deny, input=InputPolicy(on_deny="observe"))
    asked = [{"role": "user", "content": "Which backend is SECRET in a load balancer?"}]
    record = await record_of(watch=watch, messages=asked)

    assert [(each.rule, each.channel) for each in record.verdicts] == [("house", "messages[0].content")]
    assert record.fingerprint == b""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Status(500, "CUDA out of memory on gpu 3"), "cuda out of memory on gpu *"),
        (
            Status(429, "Rate limit reached for org-9", code="rate_limit_exceeded"),
            "rate_limit_exceeded / rate limit reached for *",
        ),
        (
            Status(401, "Incorrect API key provided: sk-1", code="invalid_api_key"),
            "invalid_api_key / incorrect api key provided / *",
        ),
        (Status(502, "Bad Gateway nginx/1.18", is_html=True), "* bad gateway *"),
        (SoftError("The engine is overloaded.", code="overloaded"), "overloaded / the engine is overloaded"),
    ],
)
async def test_what_an_endpoint_said_of_its_failure_is_recorded_without_names(fault: Fault, said: str):
    record = await record_of(faults=fault, fallback=("backup",))

    assert [each.outcome for each in record.attempts] == ["failed", "ok"]
    assert (record.attempts[0].said, record.attempts[1].said) == (said, "")


async def test_an_error_in_a_stream_is_recorded_as_well():
    fault = StreamError(2, message="The engine failed while processing.", code=None)
    record = await record_of(TEXT, faults=fault, stream=True)

    assert record.attempts[0].said == "the engine failed while processing"
    assert record.fingerprint != b""


async def test_where_nobody_was_reached_no_endpoint_said_anything():
    record = await record_of(faults=Refuse(), fallback=("backup",))

    assert [(each.outcome, each.said) for each in record.attempts] == [("failed", ""), ("ok", "")]


async def test_a_request_that_nobody_answered_tells_what_was_asked():
    record = await record_of(model="nobody")

    assert (record.model, record.language, record.fingerprint) == (None, "english", b"")
    assert record.template


async def test_embeddings_tell_what_is_embedded_and_have_no_fingerprint():
    async with ModelServer() as server:
        async with running_cluster(base(specialist("smart", server.url))) as running:
            body: Any = {"model": "smart", "input": ["Which backend does the load balancer take?"]}
            response = await running.cluster.process_request(UserRequest(body=body, operation="embeddings"))

    record = response.record
    assert (record.model, record.language, record.template) == ("simulated-1", "english", "")
    assert record.words
    assert record.fingerprint == b""


async def test_a_request_in_parts_has_no_model_of_its_own():
    async with team(side_by_side, ScriptedAssurance(), SOUND, SOUND, SOUND) as running:
        record = (await running.ask()).record

    assert len(record.parts) == 3
    assert record.model is None
    assert record.words
