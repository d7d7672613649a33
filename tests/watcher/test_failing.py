"""A detector that fails is left out, or ends the answer, as the policy says."""

import logging

import pytest
from watched_answers import chunk, policy, watched

from guardian_cluster.watcher import sensors
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.sensor import Sensor

SECRET = "the text that was looked at"


class Failing(Sensor):
    """Fails at a text, or at the end."""

    def __init__(self, at_end: bool = False) -> None:
        self._at_end = at_end

    def feed(self, text: str) -> int | None:
        if not self._at_end and "two" in text:
            raise ValueError(SECRET)
        return None

    def finish(self) -> int | None:
        raise ValueError(SECRET)


def answer(**fields):
    chunks = [
        chunk({"content": "one "}),
        chunk({"content": "two "}),
        chunk({"content": "three"}, reason="stop"),
    ]
    return watched(policy(**fields), chunks)


@pytest.fixture(params=[False, True], ids=["while it comes", "at its end"])
def _failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "RepetitionDetector", lambda: Failing(request.param))


@pytest.mark.usefixtures("_failing")
def test_an_answer_goes_on_without_a_detector_that_fails(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.ERROR):
        outcome = answer()

    assert outcome.said("content") == "one two three"
    assert [(rule, action) for rule, action, *_ in outcome.found] == [("repetition", "observe")]
    assert "the detector repetition failed with ValueError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("_failing")
def test_an_answer_ends_where_a_detector_fails_that_is_to_fail_closed():
    outcome = answer(fail_closed=("repetition",))

    assert outcome.said("content") in {"one two ", "one two three"}
    assert outcome.reasons == {0: "content_filter"}


@pytest.mark.parametrize(("closed", "left"), [(("rules",), "one "), ((), "one two three")])
def test_a_gate_that_fails_ends_the_answer_unless_it_is_to_fail_open(
    monkeypatch: pytest.MonkeyPatch, closed: tuple[str, ...], left: str
):
    feed = Gate.feed

    def failing(gate: Gate, text: str, *, last: bool = False) -> str:
        if "two" in text:
            raise RuntimeError(SECRET)
        return feed(gate, text, last=last)

    monkeypatch.setattr(Gate, "feed", failing)

    outcome = answer(on_secret="redact", fail_closed=closed)

    assert outcome.said("content") == left
    assert [rule for rule, *_ in outcome.found] == ["rules"]
