"""The scores of an answer as it leaves: what is scored, in which pieces, and what follows."""

import itertools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_answers import chunk, policy, request, whole

from guardian_cluster.contract.snapshot import DetectorThreshold
from guardian_cluster.domain.request import Message, UserRequest
from guardian_cluster.domain.verdict import MonitoringReport
from guardian_cluster.watcher import answer_scores
from guardian_cluster.watcher.answer_scores import LONGEST, MAX_SCORED_CHARACTERS, ScoredText
from guardian_cluster.watcher.watch import Watch
from guardian_cluster.watcher.watcher import Watcher

DOCUMENT = "The bridge in Porto was opened in 1886. It is 385 metres long and spans the Douro."
TOLD = "The bridge in Porto was opened in 1886."
INVENTED = "A tower of Gustave Eiffel fell in Lyon in 1901."
ASKED = [Message(role="tool", content=DOCUMENT), Message(role="user", content="Tell me of it.")]


def finished(
    *chunks: dict[str, Any],
    messages: Sequence[Message] = ASKED,
    thresholds: dict[str, float] | None = None,
    may_retry: bool = False,
    **fields: Any,
) -> tuple[MonitoringReport, Watch]:
    watch = Watch(policy(**fields), request(), thresholds or {})
    scores = watch.score(lambda: messages)
    for each in chunks:
        released = watch.feed([each])
        if scores is not None:
            scores.take(released)
            scores.step()
    return watch.finish(may_retry=may_retry), watch


def values(report: MonitoringReport) -> dict[str, float]:
    return {score.detector: score.value for score in report.scores}


def cut(text: str, cuts: Iterator[int]) -> Iterator[str]:
    at = 0
    for size in cuts:
        if at >= len(text):
            return
        yield text[at : at + size]
        at += size


class Sentences:
    """Keeps what it is read."""

    detector = "kept"

    def __init__(self) -> None:
        self.read_so_far: list[str] = []

    def read(self, sentence: str) -> None:
        self.read_so_far.append(sentence)

    def value(self) -> float | None:
        return None


def sentences(pieces: Sequence[str]) -> list[str]:
    """Return the sentences of a text that comes in pieces, as soon as they are there."""
    text, found = ScoredText([Sentences()]), list[str]()
    for number, piece in enumerate([*pieces, ""]):
        text.take(piece)
        while (sentence := text.sentence(is_whole=number == len(pieces))) is not None:
            found.append(sentence)
    return found


@given(
    st.lists(
        st.sampled_from([TOLD, "Why? ", "\n", "x" * 300, "日本語。", "a b c ", '"So."  ', "\ud800"])
    ).map("".join),
    st.lists(st.integers(min_value=1, max_value=400), min_size=1),
)
def test_where_a_text_is_cut_depends_on_the_text_alone(text: str, sizes: list[int]):
    cuts = sentences(list(cut(text, itertools.cycle(sizes))))

    assert cuts == sentences([text])
    assert "".join(cuts) == text
    assert all(0 < len(each) <= LONGEST for each in cuts)


def test_a_text_is_cut_at_the_ends_of_sentences():
    text = f"{TOLD} Yes. It is long, they say. Nobody knows.\n- And this is a list\n- of two items or three."

    assert sentences([text]) == [
        f"{TOLD} ",
        "Yes. It is long, they say. ",
        "Nobody knows.\n- And this is a list\n",
        "- of two items or three.",
    ]


def test_what_stands_in_the_documents_scores_lower_than_what_does_not():
    told, _ = finished(whole({"content": TOLD}))
    invented, _ = finished(whole({"content": INVENTED}))

    assert values(told)["ungrounded"] < 0.1
    assert values(invented)["ungrounded"] > 0.8
    assert set(values(told)) == {"ungrounded"}


def test_a_stream_scores_as_its_whole_does():
    text = f"{TOLD} {INVENTED} " * 9
    pieces = [chunk({"content": text[at : at + 7]}) for at in range(0, len(text), 7)]

    streamed, _ = finished(*pieces, chunk({}, reason="stop"), on_harm="observe")

    assert streamed.scores == finished(whole({"content": text}), on_harm="observe")[0].scores
    assert set(values(streamed)) == {"harm", "ungrounded"}


def test_content_in_parts_is_scored_and_of_choices_the_worst():
    parts = [{"type": "text", "text": TOLD}, {"type": "image"}]

    report, _ = finished(
        chunk({"content": parts}, reason="stop"),
        chunk({"content": INVENTED}, index=1, reason="stop"),
        thresholds={"ungrounded": 0.8},
    )

    assert [(verdict.rule, verdict.choice) for verdict in report.verdicts] == [("ungrounded", 1)]


@pytest.mark.parametrize(
    ("messages", "fields"),
    [([Message(role="user", content="hi")], {}), (ASKED, {"on_ungrounded": "ignore"})],
)
def test_where_nothing_is_asked_for_nothing_is_scored(messages: list[Message], fields: dict[str, Any]):
    report, watch = finished(whole({"content": INVENTED}), messages=messages, **fields)

    assert (watch.scores, report.scores) == (None, ())


def test_messages_are_not_read_where_no_documents_are_looked_for():
    def never() -> list[Message]:
        raise AssertionError("they were read")

    watch = Watch(policy(on_ungrounded="ignore", on_harm="observe"), request())

    assert watch.score(never) is not None
    assert watch.finish(may_retry=False).verdicts == ()


def test_an_answer_of_no_words_has_no_scores():
    assert finished(whole({"content": None, "refusal": "no"}), on_harm="observe")[0].scores == ()


def test_what_was_taken_out_is_not_scored():
    seen = list[str]()

    class Seeing(answer_scores.Ungroundedness):
        def read(self, sentence: str) -> None:
            seen.append(sentence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_scores, "Ungroundedness", Seeing)
        finished(whole({"content": "my key is AKIAIOSFODNN7ABCDEFG ok"}), on_secret="redact")

    assert len(seen) == 1
    assert "AKIA" not in seen[0]


def test_without_a_threshold_nothing_is_reported():
    assert finished(whole({"content": INVENTED}), on_ungrounded="retry", may_retry=True)[0].verdicts == ()


@pytest.mark.parametrize(
    ("action", "may_retry", "done"),
    [("observe", True, "observe"), ("retry", True, "retry"), ("retry", False, "observe")],
)
def test_a_score_above_its_threshold_is_reported_as_the_policy_says(action: str, may_retry: bool, done: str):
    report, watch = finished(
        whole({"content": INVENTED}),
        thresholds={"ungrounded": 0.5},
        may_retry=may_retry,
        on_ungrounded=action,
    )

    (verdict,) = report.verdicts
    assert (verdict.detector, verdict.rule, verdict.action) == ("score", "ungrounded", done)
    assert watch.retry_wanted == (done == "retry")


def test_a_score_below_its_threshold_is_not_reported():
    assert finished(whole({"content": TOLD}), thresholds={"ungrounded": 0.5})[0].verdicts == ()


def test_a_score_exactly_at_its_threshold_is_reported():
    (score,) = finished(whole({"content": INVENTED}))[0].scores

    assert finished(whole({"content": INVENTED}), thresholds={"ungrounded": score.value})[0].verdicts


def test_an_answer_that_is_broken_off_has_no_scores():
    _, watch = finished(chunk({"content": INVENTED}))

    assert watch.break_off().scores == ()


def test_a_scorer_that_fails_fails_alone_and_is_noted_once():
    class Failing(answer_scores.Ungroundedness):
        def read(self, sentence: str) -> None:
            raise RuntimeError(sentence)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answer_scores, "Ungroundedness", Failing)
        report, _ = finished(
            whole({"content": f"{TOLD} {INVENTED}"}), on_harm="observe", on_ungrounded="retry"
        )

    assert [(each.detector, each.rule, each.action) for each in report.verdicts] == [
        ("failed", "ungrounded", "observe")
    ]
    assert set(values(report)) == {"harm"}


def test_messages_that_cannot_be_read_are_no_fault_of_the_answer():
    watch = Watch(policy(), request())

    assert watch.score(lambda: [None]) is None  # type: ignore[list-item]
    assert [verdict.rule for verdict in watch.verdicts] == ["ungrounded"]


def test_what_goes_on_beyond_a_bound_is_not_scored():
    filler = whole({"content": f"{TOLD} " * (MAX_SCORED_CHARACTERS // len(TOLD)) + INVENTED * 99})

    assert values(finished(filler)[0])["ungrounded"] < 0.1


@pytest.mark.parametrize(
    "text",
    [
        "7" * MAX_SCORED_CHARACTERS,
        "a.b!" * (MAX_SCORED_CHARACTERS // 4),
        "[1]" * 30_000,
        "\n" * MAX_SCORED_CHARACTERS,
        "1,2 is 3 x " * 9_000,
    ],
    ids=["digits", "signs", "marks", "lines", "values"],
)
def test_hostile_answers_take_linear_time_in_small_steps(text: str):
    watch = Watch(policy(on_harm="observe"), request())
    scores = watch.score(lambda: ASKED)
    assert scores is not None
    scores.take([whole({"content": text})])

    times = [time.process_time()]
    times += [time.process_time() for _ in scores.steps()]

    assert times[-1] - times[0] < 10.0
    assert sorted(later - one for one, later in itertools.pairwise(times))[len(times) // 2] < 0.02


def test_a_watcher_reports_by_the_thresholds_of_the_tenant_who_asked():
    thresholds = [
        DetectorThreshold(detector="ungrounded", specialist="writer", tenant="strict", value=0.5),
        DetectorThreshold(detector="ungrounded", specialist="other", tenant="", value=0.0),
    ]
    watcher = Watcher("writer", policy(), {}, thresholds)

    def rules(tenant: str) -> list[str]:
        body = {"model": "m", "messages": [{"role": "tool", "content": DOCUMENT}]}
        asked = UserRequest(body=body, tenant=tenant)
        watch = watcher.monitor_execution(asked)
        scores = watch.score(lambda: asked.chat.messages)
        assert scores is not None
        scores.take(watch.feed([whole({"content": INVENTED})]))
        return [verdict.rule for verdict in watch.finish(may_retry=False).verdicts]

    assert (rules("strict"), rules("default")) == (["ungrounded"], [])


def test_many_choices_are_concluded_one_at_a_time_and_once():
    watch = Watch(policy(), request())
    scores = watch.score(lambda: ASKED)
    assert scores is not None
    scores.take([chunk({"content": TOLD}, index=index) for index in range(20)])

    steps = len(list(scores.steps()))

    assert steps == 2 + 20 + 20  # what was said to the model, the sentences, the ends
    assert [(each.detector, each.choice) for each in scores.finish()] == [("ungrounded", 0)]
    assert list(scores.steps()) == []
