from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.choice import Option
from guardian_cluster.request.escalation import Accept, Escalate, SecondOpinion, decide, gain, revised


def somebody(name: str, success: float, cost_usd: float) -> Option:
    return Option(name, success, 1.0, cost_usd)


HERE = somebody("small", 0.64, 1e-5)
STRONG = somebody("large", 0.945, 2e-3)
OTHER = somebody("other", 0.7, 1e-5)


def test_a_good_answer_goes_and_a_bad_one_is_escalated():
    assert decide(0.05, HERE, [STRONG], mistake_usd=0.01) == Accept()
    assert decide(0.7, HERE, [STRONG], mistake_usd=0.01) == Escalate("large")


def test_nobody_is_asked_beyond_the_budget():
    assert decide(0.9, HERE, [STRONG], mistake_usd=0.01, budget_left_usd=0.001) == Accept()


def test_a_cheap_opinion_comes_before_an_expensive_answer():
    dear = somebody("large", 0.945, 4e-3)

    assert decide(0.5, HERE, [OTHER, dear], mistake_usd=0.01) == SecondOpinion("other")


def test_the_same_specialist_is_never_its_own_second_opinion():
    assert decide(0.9, HERE, [HERE], mistake_usd=1.0) == Accept()


@given(st.floats(0, 1), st.floats(0, 1))
def test_agreement_calms_and_disagreement_alarms(p_wrong: float, success: float):
    if success > 0.2:
        assert revised(p_wrong, success, agreed=True) <= p_wrong + 1e-9
        assert revised(p_wrong, success, agreed=False) >= min(p_wrong, 0.0)
    assert -1.0 <= gain(p_wrong, success) <= 1.0
