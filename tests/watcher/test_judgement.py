"""What is said of an answer when it has ended."""

from typing import Any

import pytest
from watched_answers import chunk, deny, policy, request, watched, whole

from guardian_cluster.domain.request import JsonSchema, ResponseFormat
from guardian_cluster.domain.verdict import MonitoringReport
from guardian_cluster.watcher.watch import Watch

OBJECT = ResponseFormat(type="json_object")
PERSON = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema={"required": ["age"]}))


def judged(
    *chunks: dict[str, Any], fields: dict[str, Any] | None = None, **rules: Any
) -> tuple[MonitoringReport, Watch]:
    watch = Watch(policy(**rules), request(**fields or {}))
    watch.feed(list(chunks))
    return watch.finish(), watch


def findings(report: MonitoringReport) -> set[tuple[str, str]]:
    return {(verdict.rule, verdict.action) for verdict in report.verdicts}


def test_a_sound_answer_has_nothing_said_of_it():
    report, watch = judged(whole({"content": "hi"}))

    assert report == MonitoringReport(quality=1.0, intent_alignment=1.0, characters=2)
    assert not watch.retry_wanted


@pytest.mark.parametrize(
    "message", [{}, {"content": None}, {"content": ""}, {"content": []}, {"role": "assistant"}]
)
def test_an_answer_without_a_word_is_empty(message: dict[str, Any]):
    report, watch = judged(whole(message))

    assert findings(report) == {("empty", "retry")}
    assert watch.retry_wanted


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"refusal": "no"}, "stop"),
        ({"reasoning": "hm"}, "stop"),
        ({"audio": {"data": "AAAA"}}, "stop"),
        ({"content": [{"type": "image_url", "image_url": {"url": "u"}}]}, "stop"),
        ({"tool_calls": [{"function": {"name": "f"}}]}, "tool_calls"),
        ({"content": ""}, "content_filter"),
    ],
)
def test_an_answer_with_something_else_than_words_is_not_empty(message: dict[str, Any], reason: str):
    report, _ = judged(whole(message, reason=reason))

    assert findings(report) == set()


def test_an_answer_that_was_broken_off_is_truncated():
    report, watch = judged(whole({"content": "and then"}, reason="length"))

    assert findings(report) == {("truncated", "observe")}
    assert not watch.retry_wanted


def test_what_can_no_longer_be_done_is_recorded_as_observed():
    report, _ = judged(whole({"content": "and"}, reason="length"), on_truncated="cut")

    assert findings(report) == {("truncated", "observe")}
    assert not report.tripped


def test_an_answer_that_lacks_its_form_is_asked_for_again():
    report, watch = judged(whole({"content": "{}"}), fields={"response_format": PERSON})

    assert findings(report) == {("format-schema", "retry")}
    assert watch.retry_wanted
    assert not report.tripped
    assert report.intent_alignment == 0.5


def test_the_form_is_checked_over_all_chunks_and_parts():
    parts = [{"type": "text", "text": '"a": 1'}]
    chunks = [chunk({"content": "{"}), chunk({"content": parts}), chunk({"content": "}"}, reason="stop")]

    assert findings(judged(*chunks, fields={"response_format": OBJECT})[0]) == set()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"content": None, "refusal": "I cannot."}, "stop"),
        ({"tool_calls": [{"function": {"name": "f"}}]}, "tool_calls"),
        ({"content": "{"}, "length"),
        ({"content": "{"}, "content_filter"),
    ],
)
def test_the_form_is_not_asked_of_what_is_no_full_answer(message: dict[str, Any], reason: str):
    report, _ = judged(
        whole(message, reason=reason), fields={"response_format": OBJECT}, on_truncated="observe"
    )

    assert findings(report) <= {("truncated", "observe")}


def test_the_form_is_not_asked_of_an_answer_that_was_cut():
    outcome = watched(
        policy(*deny("x", action="cut")), [chunk({"content": "{x"}, reason="stop")], response_format=OBJECT
    )

    assert {rule for rule, *_ in outcome.found} == {"cut-0"}


def test_an_answer_too_long_to_be_kept_is_not_held_against_its_form():
    pieces = [chunk({"content": "x" * 300_000}) for _ in range(4)]

    report, _ = judged(*pieces, chunk({}, reason="stop"), fields={"response_format": OBJECT})

    assert not any(rule.startswith("format") for rule, _ in findings(report))


def test_fewer_choices_than_asked_for_are_less_than_was_asked_for():
    report, _ = judged(whole({"content": "hi"}), fields={"n": 2})

    assert report.intent_alignment == 0.0


def test_only_an_answer_that_was_ended_by_a_rule_is_tripped():
    compiled = policy(*deny("secret", action="cut"), *deny("word"))

    ended = watched(compiled, [chunk({"content": "a secret"}, reason="stop")]).watch
    whole_one = watched(compiled, [chunk({"content": "a word"}, reason="stop")]).watch

    assert ended.finish().tripped
    assert not whole_one.finish().tripped
