"""What a policy does about a finding, told by its name; and the policies that look for everything."""

import pytest

from guardian_cluster.contract.snapshot import DenyRule, InputPolicy, SecretKind, WatchPolicy
from guardian_cluster.watcher.planned import looking_for_all, planned_for_answer, planned_for_input
from guardian_cluster.watcher.policy import CompiledPolicy

OWN = SecretKind(kind="ours", shape="ours-{alnum:12}", action="cut")


@pytest.mark.parametrize(
    ("policy", "detector", "rule", "action"),
    [
        (WatchPolicy(), "secret", "github-token", "redact"),
        (WatchPolicy(ignored_secrets=("github-token",)), "secret", "github-token", "ignore"),
        (WatchPolicy(on_secret="ignore", secrets=(OWN,)), "secret", "ours", "cut"),
        (WatchPolicy(on_secret="ignore", secrets=(OWN,)), "secret", "github-token", "ignore"),
        (WatchPolicy(personal={"email": "cut"}), "personal-data", "email", "cut"),
        (WatchPolicy(personal={"email": "cut"}), "personal-data", "card", "ignore"),
        (WatchPolicy(canaries=("c" * 8,)), "canary", "canary-1", "cut"),
        (WatchPolicy(), "prompt-leak", "system-prompt", "ignore"),
        (WatchPolicy(), "answer", "format-schema", "retry"),
        (WatchPolicy(), "failed", "rules", "cut"),
        (WatchPolicy(), "failed", "repetition", "observe"),
        (WatchPolicy(), "answer", "refusal-opener", "observe"),
        (WatchPolicy(), "answer", "after-the-end", "observe"),
    ],
)
def test_an_answers_finding_has_the_action_of_its_rule(policy, detector, rule, action):
    assert planned_for_answer(policy, detector, rule) == action


def test_of_two_texts_of_one_name_the_first_ones_action_counts():
    policy = WatchPolicy(
        deny=(DenyRule(name="a", text="one", action="cut"), DenyRule(name="a", text="two", action="observe"))
    )

    assert planned_for_answer(policy, "deny", "a") == "cut"
    assert planned_for_answer(policy, "deny", "b") == "ignore"


def test_a_rule_is_known_by_the_name_under_which_it_is_reported():
    policy = WatchPolicy(deny=(DenyRule(name="says Bluebird", text="Bluebird", action="cut"),))

    assert planned_for_answer(policy, "deny", "rule-1") == "cut"


@pytest.mark.parametrize(
    ("detector", "rule", "action"),
    [
        ("deny", "any", "block"),
        ("secret", "github-token", "redact"),
        ("secret", "aws-key", "ignore"),
        ("personal-data", "card", "block"),
        ("personal-data", "email", "ignore"),
        ("answer", "invisible-characters", "observe"),
        ("canary", "canary-1", "ignore"),
        ("answer", "repetition", "ignore"),
    ],
)
def test_what_goes_to_a_model_has_actions_of_its_own(detector, rule, action):
    given = InputPolicy(
        on_deny="block", on_secret="redact", personal={"card": "block"}, on_invisible="observe"
    )
    policy = WatchPolicy(input=given, personal={"email": "cut"}, ignored_secrets=("aws-key",))

    assert planned_for_input(policy, detector, rule) == action


def test_what_looks_for_all_ends_no_answer():
    policy = WatchPolicy(
        deny=(DenyRule(name="a", text="one", action="cut"),), canaries=("c" * 8,), secrets=(OWN,)
    )

    looks = list(looking_for_all(policy))

    assert sum(len(detectors) for detectors, _ in looks) == 7
    for _, each in looks:
        actions = {rule.action for rule in each.deny} | {kind.action for kind in each.secrets}
        assert not {"cut", "retry"} & (actions | {each.on_canary, each.on_secret, *each.personal.values()})
        assert CompiledPolicy(each).rules
