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
    *chunks: dict[str, Any], fields: dict[str, Any] | None = None, may_retry: bool = True, **rules: Any
) -> tuple[MonitoringReport, Watch]:
    watch = Watch(policy(**rules), request(**fields or {}))
    watch.feed(list(chunks))
    return watch.finish(may_retry=may_retry), watch


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
    assert report.tripped
    assert report.intent_alignment == 0.5
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
        policy(*deny("x", action="cut")), [chunk({"content": '{"x'}, reason="stop")], response_format=OBJECT
    )

    assert {rule for rule, *_ in outcome.found} == {"cut-0"}


def test_an_answer_too_long_to_be_kept_is_not_held_against_its_form():
    pieces = [chunk({"content": f'{"" if n else "["}"{n}{"x" * 300_000}", '}) for n in range(4)]

    report, _ = judged(*pieces, chunk({}, reason="stop"), fields={"response_format": OBJECT})

    assert not any(rule.startswith("format") for rule, _ in findings(report))


def test_fewer_choices_than_asked_for_are_less_than_was_asked_for():
    report, _ = judged(whole({"content": "hi"}), fields={"n": 2})

    assert report.intent_alignment == 0.0


def test_only_an_answer_that_was_ended_by_a_rule_is_tripped():
    compiled = policy(*deny("secret", action="cut"), *deny("word"))

    ended = watched(compiled, [chunk({"content": "a secret"}, reason="stop")]).watch
    whole_one = watched(compiled, [chunk({"content": "a word"}, reason="stop")]).watch

    assert ended.finish(may_retry=True).tripped
    assert not whole_one.finish(may_retry=True).tripped


CHOICE: list[tuple[dict[str, Any], str]] = [
    ({"content": "hi"}, "stop"),
    ({"tool_calls": [{"function": {}}]}, "tool_calls"),
    ({"audio": {"data": "AAAA"}}, "stop"),
]


@pytest.mark.parametrize(("message", "reason"), CHOICE, ids=["words", "a call", "a sound"])
def test_an_empty_choice_beside_one_that_says_something_is_observed(message: dict[str, Any], reason: str):
    empty = whole({"content": ""}, index=1)

    report, watch = judged(whole(message, reason=reason), empty, fields={"n": 2})

    assert [(found.rule, found.action, found.choice) for found in report.verdicts] == [
        ("empty", "observe", 1)
    ]
    assert not watch.retry_wanted
    assert report.quality == pytest.approx(5 / 6)


@pytest.mark.parametrize("reason", ["stop", "length"])
def test_an_empty_choice_beside_one_that_says_nothing_either_is_asked_for_again(reason: str):
    report, watch = judged(whole({}, reason=reason), whole({}, index=1), fields={"n": 2})

    assert ("empty", "retry") in findings(report)
    assert ("empty", "observe") not in findings(report)
    assert watch.retry_wanted


def test_an_empty_choice_does_not_keep_another_one_from_its_form():
    said, empty = whole({"content": "{"}), whole({}, index=1)

    report, watch = judged(said, empty, fields={"n": 2, "response_format": OBJECT})

    assert findings(report) == {("empty", "observe"), ("format-json", "retry")}
    assert watch.retry_wanted


@pytest.mark.parametrize(
    ("message", "reason", "found"),
    [
        ({}, "stop", "empty"),
        ({"content": "a"}, "length", "truncated"),
        ({"content": "{"}, "stop", "format-json"),
    ],
)
def test_what_only_the_end_shows_is_too_late_after_content(message: dict[str, Any], reason: str, found: str):
    asked = {"response_format": OBJECT} if found == "format-json" else {}

    late, watch = judged(whole(message, reason=reason), fields=asked, may_retry=False, on_truncated="retry")
    early, _ = judged(whole(message, reason=reason), fields=asked, on_truncated="retry")

    assert (findings(late), findings(early)) == ({(found, "observe")}, {(found, "retry")})
    assert not watch.retry_wanted
    assert (late.quality, late.intent_alignment) == (early.quality, early.intent_alignment)


def test_what_was_acted_on_before_the_end_stays_as_it_is():
    looped, _ = judged(whole({"content": "well " * 200}), may_retry=False, on_repetition="retry")
    denied = watched(policy(*deny("SECRET", action="retry")), [whole({"content": "a SECRET"})]).watch

    assert findings(looped) == {("repetition", "retry")}
    assert findings(denied.finish(may_retry=False)) == {("retry-0", "retry")}
    assert denied.retry_wanted


@pytest.mark.parametrize(
    ("text", "rules"),
    [("", []), ('["SECRET and then', ["redact-0"]), ('["' + "well " * 100, ["repetition"]), ("{", [])],
)
def test_an_answer_that_broke_off_is_not_said_to_be_empty_or_formless(text: str, rules: list[str]):
    watch = Watch(policy(*deny("SECRET")), request(response_format=OBJECT))
    watch.feed([chunk({"content": text})])

    report = watch.break_off()

    assert [found.rule for found in report.verdicts] == rules
    assert (report.quality, report.intent_alignment) == (None, None)
    assert not watch.retry_wanted
