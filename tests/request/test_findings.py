"""Which findings of a watch are recorded, and as what."""

import pytest

from guardian_cluster.contract.snapshot import DenyRule, WatchPolicy
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.domain.verdict import Action, MonitoringReport, Verdict
from guardian_cluster.request.findings import BLOCKED, found_so_far, too_late, withheld
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch


def verdict(detector: str, rule: str, action: Action = "retry") -> Verdict:
    return Verdict(detector=detector, rule=rule, action=action)


def watch_of(text: str) -> Watch:
    """Return the watch over an answer that has not come to its end."""
    policy = WatchPolicy(deny=(DenyRule(name="house", text="SECRET"),), on_repetition="observe")
    watch = Watch(CompiledPolicy(policy), ChatRequest(model="m", messages=[]))
    watch.feed([{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}])
    return watch


@pytest.mark.parametrize("rule", ["empty", "truncated", "format-json", "format-schema"])
def test_what_only_the_end_shows_is_too_late_after_content(rule: str):
    report = too_late(MonitoringReport(verdicts=(verdict("answer", rule),), quality=0.5))

    assert (report.verdicts[0].action, report.quality) == ("observe", 0.5)


@pytest.mark.parametrize(
    "found",
    [verdict("deny", "house"), verdict("answer", "repetition"), verdict("answer", "empty", "observe")],
)
def test_what_was_acted_on_stays_as_it_is(found: Verdict):
    report = MonitoringReport(verdicts=(found,))

    assert too_late(report) is report


@pytest.mark.parametrize(
    ("text", "rules"),
    [("", []), ("SECRET and then", ["house"]), ("well " * 100, ["repetition"]), ("a start", [])],
)
def test_an_answer_that_broke_off_is_not_said_to_be_empty(text: str, rules: list[str]):
    assert [found.rule for found in found_so_far(watch_of(text))] == rules


def test_a_withheld_answer_names_its_rules_and_leaves_its_endpoint_alone():
    failure = withheld([verdict("deny", "b"), verdict("deny", "a"), verdict("deny", "c", "observe")])

    assert (failure.code, failure.rests, failure.message) == (
        BLOCKED,
        False,
        "The answer broke the rule a, b.",
    )


def test_an_empty_answer_is_its_endpoints_failure():
    failure = withheld([verdict("answer", "empty")])

    assert (failure.code, failure.rests) == ("upstream_empty", True)
