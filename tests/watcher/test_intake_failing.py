"""A defect on the way in: the request is refused, or goes on without what failed, as the policy says."""

import json
import logging
import random
from typing import Any, cast

import pytest

from guardian_cluster.contract.snapshot import DenyRule, InputPolicy, WatchPolicy
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.watcher import intake, intake_injection
from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.intake import Intake
from guardian_cluster.watcher.intake_injection import KnownScores
from guardian_cluster.watcher.intake_rules import IntakeRules
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.restoration import Budget, Restoration, RestoringLane
from guardian_cluster.watcher.scanner import RuleSet

TEXT = "Write to bob@example.org about Falcon."
MARK = "[email-1-bxkrwqzm]"
ORIGINALS = {MARK: "bob@example.org"}
DENY = (DenyRule(name="house", text="Falcon"),)


def begun(**fields: Any) -> Intake:
    policy = WatchPolicy(deny=DENY, on_secret="ignore", **fields)
    rules = IntakeRules(policy, RuleSet.of(policy).blocking())
    return Intake(rules, None, KnownScores(), SystemClock(), random.Random(1))


def asked(content: str = TEXT, role: str = "user") -> UserRequest:
    return UserRequest(body={"model": "m", "messages": [{"role": role, "content": content}]})


async def fails(*_: Any) -> Any:
    raise ValueError(TEXT)


SEARCHING = InputPolicy(on_deny="redact", personal={"email": "redact"}, on_invisible="redact")


async def test_a_request_is_refused_where_the_search_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(intake, "search", fails)
    each = begun(input=SEARCHING)

    with pytest.raises(GuardianError) as refused:
        await each.admit(asked())

    told = json.dumps(refused.value.body()) + caplog.text
    assert (refused.value.code, refused.value.http_status) == ("intake_failed", 500)
    assert "the detector rules failed with ValueError at fails line" in caplog.text
    assert not any(word in told for word in ("bob@", "Falcon"))
    assert [(v.detector, v.rule, v.action) for v in each.report.verdicts] == [("failed", "rules", "cut")]


@pytest.mark.parametrize("failing", ["search", "invisible_at", "split_list"])
async def test_a_request_goes_on_without_what_fails_where_the_policy_has_it_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failing: str
):
    monkeypatch.setattr(intake, failing, fails)
    each, request = begun(input=SEARCHING, fail_closed=()), asked("a\U000e0041\U000e0042 " + TEXT)

    with caplog.at_level(logging.ERROR):
        went = await each.admit(request)

    content = went.chat.messages[0].text()
    assert ("Falcon" in content, "\U000e0041" in content) == (
        failing != "invisible_at",
        failing != "search",
    )
    (failed,) = [verdict for verdict in each.report.verdicts if verdict.detector == "failed"]
    assert (failed.rule, failed.action) == (
        "invisible-characters" if failing == "invisible_at" else "rules",
        "observe",
    )
    assert caplog.text.count(" failed with ") == 1


async def test_what_is_kept_of_a_conversation_is_not_shown_where_the_search_fails(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(intake, "search", fails)
    message = json.dumps({"role": "user", "content": TEXT}).encode()

    with pytest.raises(GuardianError):
        await begun(input=SEARCHING).of_history(message)
    shown = await begun(input=SEARCHING, fail_closed=()).of_history(message)

    assert json.loads(bytes(shown)) == json.loads(message)


@pytest.mark.parametrize("wanted", ["observe", "mark", "block"])
async def test_a_request_goes_on_without_a_score_that_fails(monkeypatch: pytest.MonkeyPatch, wanted: Any):
    monkeypatch.setattr(intake_injection, "score", fails)
    each, request = begun(input=InputPolicy(on_injection=wanted)), asked(role="tool")

    went = await each.admit(request)

    assert went.chat.messages[0].text() == TEXT
    assert [(v.detector, v.rule, v.action) for v in each.report.verdicts] == [
        ("failed", "injection", "observe")
    ]
    assert each.report.scores == ()


async def test_a_request_that_is_scored_alone_goes_on_whatever_fails(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intake, "split_list", fails)
    each, request = begun(), asked(role="tool")

    assert await each.admit(request) is request
    assert [(v.detector, v.rule, v.action) for v in each.report.verdicts] == [
        ("failed", "injection", "observe")
    ]


@pytest.mark.parametrize("at", [1, 3, 5, 9])
def test_an_answer_keeps_its_placeholders_where_putting_back_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, at: int
):
    feed, fed = Gate.feed, list[str]()

    def failing(gate: Gate, text: str, *, last: bool = False) -> str:
        fed.append(text)
        if len(fed) >= at:
            raise ValueError(TEXT)
        return feed(gate, text, last=last)

    monkeypatch.setattr(Gate, "feed", failing)
    rules = RuleSet.of(WatchPolicy(deny=DENY, on_secret="ignore")).redacting()
    lane = RestoringLane(ORIGINALS, rules, Budget())
    said = f"a {MARK} b Falco {MARK} Fa"

    read = "".join(lane.feed(said[n : n + 7]) for n in range(0, len(said), 7)) + lane.feed("", last=True)

    assert read.replace("bob@example.org", MARK) == said
    assert read.endswith("Fa")
    assert caplog.text.count("the restoration failed with ValueError") == 1
    assert "bob@" not in caplog.text


def test_a_chunk_that_cannot_be_read_leaves_as_it_is(caplog: pytest.LogCaptureFixture):
    odd: dict[str, Any] = {"choices": [cast("Any", None)]}
    fine = {"choices": [{"index": 0, "message": {"content": MARK}}]}

    left = Restoration(ORIGINALS, RuleSet(Patterns(()))).of([odd, fine])

    assert left[0] == odd
    assert left[1]["choices"][0]["message"]["content"] == "bob@example.org"
    assert "a chunk of the answer keeps its placeholders" in caplog.text
