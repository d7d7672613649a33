"""What failure a withheld answer is."""

import pytest

from guardian_cluster.domain.verdict import Action, Verdict
from guardian_cluster.request.findings import BLOCKED, withheld


def verdict(detector: str, rule: str, action: Action = "retry") -> Verdict:
    return Verdict(detector=detector, rule=rule, action=action)


EMPTY, OBSERVED = verdict("answer", "empty"), verdict("answer", "repetition", "observe")


def test_a_withheld_answer_names_its_rules_and_leaves_its_endpoint_alone():
    failure = withheld([verdict("deny", "b"), verdict("deny", "a"), verdict("deny", "c", "observe")])

    assert (failure.code, failure.rests, failure.message) == (
        BLOCKED,
        False,
        "The answer broke the rule a, b.",
    )


@pytest.mark.parametrize("verdicts", [[EMPTY], [EMPTY, EMPTY], [OBSERVED, EMPTY]])
def test_an_empty_answer_is_its_endpoints_failure(verdicts: list[Verdict]):
    failure = withheld(verdicts)

    assert (failure.code, failure.rests) == ("upstream_empty", True)


@pytest.mark.parametrize(
    "verdicts",
    [
        [EMPTY, verdict("answer", "format-json")],
        [verdict("answer", "format-json")],
        [verdict("deny", "empty")],
        [],
    ],
)
def test_an_answer_withheld_for_more_than_emptiness_is_not(verdicts: list[Verdict]):
    failure = withheld(verdicts)

    assert (failure.code, failure.rests) == (BLOCKED, False)
