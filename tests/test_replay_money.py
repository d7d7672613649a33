"""The parts of the replays of choice, budget and harm that compute rather than measure."""

import random
from dataclasses import replace

import pytest

from benchmarks.replay import budget, four_models, harm, withdrawal
from benchmarks.replay.four_models import Arm, Request, request_of
from benchmarks.replay.recordings import generated
from guardian_cluster.statistics.hashing import TextHasher

DATA = generated(rows=80)
ARMS = four_models.specialists_of(DATA.four_models)


def asked(*arms: Arm) -> Request:
    return request_of("What is asked here?", TextHasher(b"test"), arms)


REQUESTS = [
    asked(Arm("small", 0.5, 1.0), Arm("mid", 0.6, 2.0), Arm("large", 0.9, 3.0)),
    asked(Arm("small", 0.7, 1.0), Arm("mid", 0.6, 2.0), Arm("large", 1.0, 3.0)),
]


@pytest.mark.parametrize(
    ("spend_usd", "quality"), [(0.5, 0.6), (1.0, 0.6), (2.0, 0.775), (2.5, 0.8625), (3.0, 0.95), (9.0, 0.95)]
)
def test_the_hull_mixes_the_best_pair(spend_usd: float, quality: float):
    assert four_models.hull(REQUESTS, spend_usd) == pytest.approx(quality)


def test_a_replay_asks_every_request_once_and_pays_what_it_cost():
    requests = four_models.prepared(DATA.four_models)

    stream = four_models.replay(requests, ARMS, 1e-3, seed=1)

    assert sorted(stream.by_request) == list(range(80))
    assert sorted(stream.by_request.values()) == sorted(stream.rewards)
    assert all(0.0 <= reward <= 1.0 for reward in stream.rewards)
    assert len(stream.bills_usd) == len(stream.chosen) == 80


def test_a_replay_is_the_same_for_the_same_seed():
    requests = four_models.prepared(DATA.four_models)

    first, again, other = (four_models.replay(requests, ARMS, 1e-3, seed) for seed in (1, 1, 2))

    assert first == again != other


def test_recovery_is_counted_from_the_change():
    bills = [1.0] * 50 + [9.0] * 10 + [0.5] * 400

    assert budget.recovery(bills, 1.0, since=50) == 104
    assert budget.recovery([1.0] * 50 + [1.0] * 20, 1.0, since=50) == 10
    assert budget.recovery([1.0] * 50 + [2.0] * 20, 1.0, since=50) == 20


def test_prices_rise_in_the_middle_for_all_or_for_the_busiest():
    requests = four_models.prepared(DATA.four_models)

    found = budget.cases(requests, ARMS, 1e-3, 40)

    assert found["steady"] is None
    assert found["all"] is not None
    assert found["one"] is not None
    assert [found["all"](number, "small") for number in (39, 40)] == [1.0, 10.0]
    assert sorted(found["one"](40, arm.name) for arm in requests[0].arms) == [1.0, 1.0, 1.0, 10.0]


@pytest.mark.parametrize(("spend_usd", "share"), [(0.5, 0.0), (1.0, 0.0), (2.0, 0.5), (3.0, 1.0), (7.0, 1.0)])
def test_the_mix_spends_what_it_is_told_as_far_as_it_can(spend_usd: float, share: float):
    mix = harm.mix_at({"large": 3.0, "small": 1.0}, spend_usd)

    assert mix.get("large", 0.0) == pytest.approx(share)
    assert sum(mix.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("honest", (0.2, 0.9)),
        ("kind_to_cheap", (1.0, 0.9)),
        ("kind_to_dear", (0.16, 0.8)),
        ("swapped", (0.9, 0.2)),
        ("constant", (1.0, 1.0)),
    ],
)
def test_sources_of_verdicts_are_wrong_as_named(source: str, seen: tuple[float, float]):
    case = harm.cases(DATA)[source]
    request = replace(
        case.requests[0],
        arms=tuple(
            replace(arm, reward=mark) for arm, mark in zip(case.requests[0].arms, (0.2, 0.9), strict=True)
        ),
    )

    verdicts = tuple(case.source(request, arm.name, random.Random(1)) for arm in request.arms)

    assert verdicts == pytest.approx(seen)


def test_a_trial_audits_about_as_asked_and_claims_nothing_on_constant_praise():
    outcome = harm.trial(harm.cases(DATA)["constant"], 1, 0.1, length=160)

    assert outcome.claimed_at is None
    assert not outcome.false
    assert 0.0 < outcome.audits < 0.3


def test_figures_are_found_on_made_recordings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(harm, "QUICK_REPLAYS", 1)
    monkeypatch.setattr(harm, "QUICK_LENGTH", 40)
    monkeypatch.setattr(harm, "QUICK_POWER", 1)
    monkeypatch.setattr(withdrawal, "QUICK_REPLAYS", 1)

    found = {
        name: value
        for module in (four_models, budget, harm, withdrawal)
        for name, value in module.figures(DATA, quick=True).items()
    }

    assert {"four_models_3e-4", "budget_adherence", "budget_recovery_requests", "harm_held"} <= set(found)
    assert {"withdrawn_honest", "withdrawn_swapped_lift"} <= set(found)
    assert found["harm_replays"] == 7
