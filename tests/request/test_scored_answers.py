"""The scores of answers, from documents in a request to what is recorded and done about it."""

from typing import Any

import msgspec
import pytest
from clusters import Seen, running_cluster
from harness import base, specialist
from test_coordinator import work

from guardian_cluster.contract.snapshot import DetectorThreshold, Overlay, WatchPolicy
from guardian_cluster.domain.errors import AnswerBlocked
from guardian_cluster.domain.request import Message, UserRequest
from guardian_cluster.domain.verdict import Score
from guardian_cluster.request.recording import facts, score_record
from guardian_cluster.request.showing import messages_shown
from guardian_cluster.simulation import Hang, ModelServer
from guardian_cluster.specialists.specialist import Context
from guardian_cluster.watcher import answer_scores

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
DOCUMENT = "The bridge in Porto was opened in 1886. It is 385 metres long and spans the Douro."
TOLD = "The bridge in Porto was opened in 1886. It is 385 metres long."
INVENTED = "A tower of Gustave Eiffel fell in Lyon in 1901. Some 4711 visitors of Harbin were there."
ASKED: list[dict[str, Any]] = [
    {"role": "user", "content": "What do you know of the bridge in Porto?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": DOCUMENT},
]
HALF = DetectorThreshold(detector="ungrounded", specialist="smart", tenant="", value=0.5)


async def asked(
    said: str,
    *thresholds: DetectorThreshold,
    stream: bool = False,
    backup: str = TOLD,
    messages: list[dict[str, Any]] = ASKED,
    **watch: Any,
) -> Seen:
    """Ask a specialist that has another one behind it."""
    async with ModelServer(said) as one, ModelServer(backup) as two:
        smart = specialist("smart", one.url, fallback=("backup",))
        serving = base(smart, specialist("backup", two.url), watch=WatchPolicy(**watch))
        async with running_cluster(serving, Overlay(thresholds=thresholds)) as running:
            return await running.ask(stream=stream, messages=messages)


def scores(seen: Seen) -> dict[str, float]:
    """Return those of the answer."""
    return {score.detector: score.value for score in seen.record.scores if score.detector != "injection"}


@BOTH
async def test_an_answer_from_the_documents_scores_low_and_an_invented_one_high(stream: bool):
    told, invented = await asked(TOLD, stream=stream), await asked(INVENTED, stream=stream)

    assert scores(told)["ungrounded"] < 0.1
    assert scores(invented)["ungrounded"] > 0.8
    assert (told.record.verdicts, invented.record.verdicts) == ((), ())


async def test_streamed_and_whole_answers_score_the_same():
    streamed, whole = await asked(INVENTED * 30, stream=True), await asked(INVENTED * 30)

    assert scores(streamed) == scores(whole)


async def test_numbered_passages_are_documents():
    prompt = f"Answer from these:\n[1] {DOCUMENT}\n\nWhen was it opened?"

    seen = await asked(TOLD, messages=[{"role": "user", "content": prompt}])

    assert scores(seen)["ungrounded"] < 0.1


@BOTH
@pytest.mark.parametrize(
    ("messages", "watch"),
    [([{"role": "user", "content": "hi"}], {}), (ASKED, {"on_ungrounded": "ignore"})],
)
async def test_without_documents_or_where_nobody_asks_there_are_no_scores(
    stream: bool, messages: list[dict[str, Any]], watch: dict[str, Any]
):
    assert scores(await asked(INVENTED, stream=stream, messages=messages, **watch)) == {}


async def test_harm_is_scored_where_it_is_asked_for_without_documents_too():
    seen = await asked("I will kill you.", messages=[{"role": "user", "content": "hi"}], on_harm="observe")

    assert scores(seen)["harm"] > 0.3


@BOTH
async def test_from_its_threshold_on_a_score_is_reported(stream: bool):
    seen = await asked(INVENTED, HALF, stream=stream)

    (verdict,) = seen.record.verdicts
    assert (verdict.detector, verdict.rule, verdict.action) == ("score", "ungrounded", "observe")
    assert seen.text == INVENTED
    assert (await asked(TOLD, HALF, stream=stream)).record.verdicts == ()


async def test_an_answer_that_is_held_is_asked_for_elsewhere():
    seen = await asked(INVENTED, HALF, on_ungrounded="retry")

    assert seen.text == TOLD
    assert seen.outcomes == [("smart/1", "failed", "answer_blocked"), ("backup/1", "ok", None)]
    assert [(each.rule, each.action) for each in seen.record.verdicts] == [("ungrounded", "retry")]
    assert scores(seen)["ungrounded"] < 0.1  # that of the answer that left


async def test_a_streamed_answer_has_left_so_it_is_only_noted():
    seen = await asked(INVENTED, HALF, stream=True, on_ungrounded="retry")

    assert seen.text == INVENTED
    assert [(each.rule, each.action) for each in seen.record.verdicts] == [("ungrounded", "observe")]


async def test_where_everybody_invents_the_answer_is_withheld():
    backup = msgspec.structs.replace(HALF, specialist="backup")

    seen = await asked(INVENTED, HALF, backup, backup=INVENTED, on_ungrounded="retry")

    assert isinstance(seen.error, AnswerBlocked)
    assert "ungrounded" in seen.error.message


@BOTH
async def test_an_answer_outlives_its_scorers(stream: bool, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(answer_scores.Ungroundedness, "read", fails)

    seen = await asked(INVENTED, HALF, stream=stream, on_ungrounded="retry")

    assert (seen.text, seen.error, scores(seen)) == (INVENTED, None, {})
    assert [(each.detector, each.rule) for each in seen.record.verdicts] == [("failed", "ungrounded")]


async def test_an_answer_that_breaks_off_has_no_scores():
    async with ModelServer(INVENTED, faults=Hang(3)) as server:
        quick = specialist("smart", server.url)
        async with running_cluster(base(quick)) as running:
            seen = await running.ask(stream=True, messages=ASKED, timeout_s=0.3)

    assert seen.error is not None
    assert scores(seen) == {}


@BOTH
async def test_of_an_answer_in_parts_the_worst_part_counts(stream: bool):
    seen = await work(stream=stream, watch=WatchPolicy(on_harm="observe"))

    assert len(seen.record.parts) > 1
    assert set(scores(seen)) == {"harm"}


async def test_what_was_found_in_the_request_is_recorded_with_the_answers_scores():
    seen = await asked(INVENTED)

    assert {score.detector for score in seen.record.scores} == {"injection", "ungrounded"}
    assert list(facts(seen.record)["scores"]) == [msgspec.structs.asdict(each) for each in seen.record.scores]


def test_a_score_is_recorded_as_it_is():
    assert msgspec.structs.asdict(score_record(Score("harm", 0.25))) == {"detector": "harm", "value": 0.25}


def test_what_was_remembered_is_shown_as_it_was_stored():
    request = UserRequest(body={"model": "m", "messages": [{"role": "user", "content": "new"}]})
    old = msgspec.Raw(b'{"role":"tool","content":"old","tool_call_id":"c"}')

    shown = messages_shown(Context(messages=[old, {"role": "user", "content": "new"}], history=1), request)

    assert shown == [Message(role="tool", content="old"), Message(role="user", content="new")]
    assert messages_shown(Context(messages=[old]), request) == request.chat.messages
