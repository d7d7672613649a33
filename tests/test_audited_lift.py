import random
from collections.abc import Callable
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.replay.audited_lift import Lift, Logged
from guardian_cluster.statistics.lower_bound import NO_CLAIM

MIX = {"small": 0.5, "large": 0.5}
EVEN = {"small": 0.5, "large": 0.5}
Verdict = Callable[[str, float], float]


def decide(rng: random.Random, wants: str) -> Logged:
    """Return a decision shared evenly between a policy that wants one specialist and the mix, without outcome."""
    learned = {name: float(name == wants) for name in MIX}
    behaviour = {name: (learned[name] + MIX[name]) / 2 for name in MIX}
    chosen = rng.choices(list(behaviour), list(behaviour.values()))[0]
    return Logged(chosen, behaviour, learned, (MIX,), {"small": 0.7, "large": 0.7}, 0.0, 1.0)


def stream(seed: int, verdict: Verdict, *, skill: float, rate: float = 0.2, length: int = 1_500) -> Lift:
    """Return a lift after requests that one of two answers well; the policy knows which with some skill."""
    rng, lift = random.Random(seed), Lift(rate)
    for _ in range(length):
        able = rng.choice(list(MIX))
        decision = decide(rng, able if rng.random() < (1 + skill) / 2 else next(n for n in MIX if n != able))
        truth = float(decision.chosen == able) if rng.random() < 0.9 else 0.5
        decision = decision._replace(verdict=verdict(decision.chosen, truth))
        decision = decision._replace(audit_probability=lift.audit_probability(decision))
        if rng.random() < decision.audit_probability:
            decision = decision._replace(truth=truth)
        lift.add(decision)
    return lift


def honest(chosen: str, truth: float) -> float:
    return truth


def reversed_(chosen: str, truth: float) -> float:
    return 1.0 - truth


def partial(chosen: str, truth: float) -> float:
    return 1.0 if chosen == "large" else truth


def test_a_true_lift_is_claimed():
    assert stream(1, honest, skill=0.8).lower_bound() > 0.0


@pytest.mark.parametrize("verdict", [honest, reversed_, partial, lambda chosen, truth: 1.0])
def test_the_estimate_is_right_whatever_the_verdicts_are_worth(verdict: Verdict):
    lifts = [stream(seed, verdict, skill=0.4, length=600).mean() for seed in range(10)]

    assert fmean(lifts) == pytest.approx(0.9 * 0.4 / 2, abs=0.05)


@pytest.mark.parametrize("verdict", [honest, reversed_, partial, lambda chosen, truth: 1.0])
def test_a_policy_that_is_worse_is_not_said_to_be_better(verdict: Verdict):
    claims = [stream(seed, verdict, skill=-0.05, length=400).lower_bound() > 0.0 for seed in range(20)]

    assert sum(claims) <= 1


def test_nothing_is_claimed_without_an_audit():
    lift = Lift(0.1)
    rng = random.Random(1)

    for _ in range(500):
        decision = decide(rng, "large")
        verdict = float(decision.chosen == "large")
        lift.add(decision._replace(verdict=verdict, audit_probability=0.1))

    assert lift.lower_bound() == NO_CLAIM


def test_flattery_that_audits_contradict_is_not_believed():
    def flattering(chosen: str, truth: float) -> float:
        return 1.0

    assert stream(3, flattering, skill=0.0).lower_bound() <= 0.0


def test_the_claim_is_against_the_mix_that_is_beaten_least():
    rng, lift = random.Random(4), Lift(1.0, incumbents=2)
    for _ in range(800):
        decision = decide(rng, "large")._replace(incumbents=(MIX, {"small": 0.0, "large": 1.0}))
        truth = float(decision.chosen == "large")
        lift.add(decision._replace(verdict=truth, truth=truth))

    assert lift.mean() == pytest.approx(0.0, abs=0.05)
    assert lift.lower_bound() <= 0.0


@given(st.floats(0.01, 1.0), st.floats(0.001, 1.0), st.integers(0, 10_000), st.booleans())
def test_no_outcome_falls_below_what_was_announced(rate: float, audited: float, seed: int, praise: bool):
    rng, lift = random.Random(seed), Lift(rate)

    for _ in range(30):
        decision = decide(rng, rng.choice(list(MIX)))
        verdict = float(praise) if rng.random() < 0.8 else rng.random()
        truth = rng.choice((None, 0.0, 1.0))
        lift.add(decision._replace(verdict=verdict, truth=truth, audit_probability=audited))

    assert NO_CLAIM <= lift.lower_bound() <= max(NO_CLAIM, lift.mean())


def test_audits_come_at_about_the_rate_that_was_asked_for():
    lift = stream(5, honest, skill=0.6, rate=0.1, length=3_000)

    assert 0.08 < lift.audited / 3_000 < 0.13


def test_praise_of_the_policy_is_audited_more_than_blame():
    rng, lift = random.Random(6), Lift(0.1)
    wanted = next(d for d in iter(lambda: decide(rng, "large"), None) if d.chosen == "large")

    praised, blamed = (lift.audit_probability(wanted._replace(verdict=verdict)) for verdict in (1.0, 0.0))

    assert praised > 5 * blamed > 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"audit_probability": 0.0},
        {"behaviour": {"small": 0.0, "large": 0.0}},
        {"learned": {"small": 2.0}},
        {"verdict": float("nan")},
        {"truth": 1.5},
        {"baseline": {"small": -0.1}},
    ],
)
def test_a_decision_that_cannot_be_is_refused(change: dict[str, object]):
    decision = decide(random.Random(1), "large")._replace(**change)

    with pytest.raises(ValueError, match=r"between 0 and 1|probability of 0"):
        Lift(0.1).add(decision)


def test_a_log_with_too_rare_choices_is_refused():
    rare = Logged("small", {"small": 1e-4, "large": 0.9999}, {"large": 1.0}, (EVEN,), {}, 1.0, 0.5, 1.0)

    with pytest.raises(ValueError, match="outside of what was announced"):
        Lift(0.1).add(rare)


@pytest.mark.parametrize(("rate", "incumbents"), [(0.0, 1), (1.1, 1), (0.1, 0)])
def test_a_lift_needs_audits_and_a_mix(rate: float, incumbents: int):
    with pytest.raises(ValueError, match="at least one static mix"):
        Lift(rate, incumbents=incumbents)
