"""Measures whether a lift is ever claimed falsely when the source of verdicts is wrong, and how often a true one is.

A policy that learns from a source of verdicts is held against the static mix of two arms at the policy's own spend:
every request is given to either with even chances. A share of the answers is audited, at random with known
probability, and an audit finds the truth. `harm_held` is the share of replays in which no bound above 0 was ever
claimed while the true mean lift so far was not above 0. The truth is known, for all arms were recorded.
Sources: GSM8K as published, with its grader's fault; the four-model marks unchanged, too kind to one arm, exchanged
between the arms, mixed with noise, and constant.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from benchmarks.replay.audited_lift import Lift, Logged
from benchmarks.replay.four_models import (
    SALT,
    Arm,
    Learner,
    Request,
    means_of,
    prepared,
    ranked,
    request_of,
    specialists_of,
)
from benchmarks.replay.recordings import Recordings
from guardian_cluster.contract.snapshot import Price as ListPrice
from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.request.choice import Policy, propensities
from guardian_cluster.request.pacing import Pacer
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.statistics.static_mixes import static_mixes

Source = Callable[[Request, str, random.Random], float]
"""The verdict on an arm's answer to a request."""

POLICY = Policy(mistake_usd=10.0)
FULL_REPLAYS, QUICK_REPLAYS = 30, 3
"""For each of seven cases."""
FULL_POWER, QUICK_POWER = 5, 1
LENGTH, QUICK_LENGTH = 700, 300
"""Requests in a replay for harm; those for power use all there are, `PASSES` times in new orders."""
PASSES = 4
LOOK_EVERY = 20
CATCH_UP = 50
"""Requests within which the mix follows the policy's spend, so that both have spent the same in the end."""
AUDIT_RATES = (0.05, 0.10)
FOUR_BUDGET_USD = 3e-4
CHEAP, DEAR = "meta-llama/llama-3.1-8b-instruct", "mistralai/mistral-large-2512"


@dataclass
class Case:
    """Requests with their true outcomes, a source of verdicts, and a target for the spend."""

    requests: Sequence[Request]
    specialists: Sequence[Specialist]
    source: Source
    budget_usd: float


@dataclass
class Outcome:
    """What came of one replay."""

    claimed_at: int | None = None
    """The number of the request at which a lift was first claimed."""
    false: bool = False
    true_lift: float = 0.0
    spend_ratio: float = 1.0
    """The policy's true mean cost over the mix's."""
    audits: float = 0.0
    """Share of answers audited."""

    def look(self, number: int, true_lift: float, lift: Lift) -> None:
        """Note what may be claimed now."""
        if lift.lower_bound() > 0.0:
            self.claimed_at = self.claimed_at or number
            self.false = self.false or true_lift <= 0.0


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return how often the bound held for each source, and how often a true lift was claimed."""
    found: dict[str, float | int] = {}
    held: list[bool] = []
    harmful = claims = 0
    for name, case in cases(data).items():
        runs = [
            trial(case, seed, AUDIT_RATES[seed % 2], length=QUICK_LENGTH if quick else LENGTH)
            for seed in range(QUICK_REPLAYS if quick else FULL_REPLAYS)
        ]
        found[f"harm_held_{name}"] = fmean(not run.false for run in runs)
        found[f"harm_true_lift_{name}"] = fmean(run.true_lift for run in runs)
        held += [not run.false for run in runs]
        harmful += sum(run.true_lift <= 0.0 for run in runs)
        claims += sum(run.claimed_at is not None for run in runs)
    found |= {"harm_held": fmean(held), "harm_replays": len(held), "harm_replays_without_lift": harmful}
    return found | {"harm_claims": claims} | power(data, quick=quick)


def power(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return how often an honest source's true lift was claimed: within the stream, and within four passes."""
    case = cases(data)["honest"]
    length = len(case.requests)
    found: dict[str, float | int] = {}
    for rate in AUDIT_RATES:
        runs = [
            trial(case, seed, rate, length=length if quick else PASSES * length)
            for seed in range(QUICK_POWER if quick else FULL_POWER)
        ]
        key = f"harm_power_{rate:.0%}".replace("%", "")
        found[key] = fmean(run.claimed_at is not None and run.claimed_at <= length for run in runs)
        if not quick:
            found[f"{key}_four_passes"] = fmean(run.claimed_at is not None for run in runs)
        found[f"{key}_true_lift"] = fmean(run.true_lift for run in runs)
        found[f"{key}_audited"] = fmean(run.audits for run in runs)
        found[f"{key}_spend_ratio"] = fmean(run.spend_ratio for run in runs)
    return found


def cases(data: Recordings) -> dict[str, Case]:
    """Return the sources of verdicts that are tried."""
    four = [_two(request) for request in prepared(data.four_models)]
    cheap, dear = (arm.name for arm in four[0].arms)
    specialists = specialists_of(data.four_models)
    school, recorded = _school(data)
    school_budget = fmean(cost for _, cost in means_of(school).values())
    places = {id(request): place for place, request in enumerate(school)}
    sources: Mapping[str, Source] = {
        "honest": lambda request, name, rng: _truth(request, name),
        "kind_to_cheap": lambda request, name, rng: 1.0 if name == cheap else _truth(request, name),
        "kind_to_dear": lambda request, name, rng: (
            min(1.0, _truth(request, name) + 0.3 * (name == dear)) * 0.8
        ),
        "swapped": lambda request, name, rng: _truth(request, dear if name == cheap else cheap),
        "noisy": lambda request, name, rng: rng.random() if rng.random() < 0.7 else _truth(request, name),
        "constant": lambda request, name, rng: 1.0,
    }
    found = {name: Case(four, specialists, source, _budget(four)) for name, source in sources.items()}
    found["gsm8k"] = Case(
        school,
        ranked({name: ListPrice(output_usd=1e6 * usd) for name, (_, usd) in means_of(school).items()}),
        lambda request, name, rng: recorded[places[id(request)]][name],
        school_budget,
    )
    return found


def trial(case: Case, seed: int, audit_rate: float, *, length: int) -> Outcome:
    """Divide one stream between the learned policy and the static mix, and watch what is claimed."""
    rng = random.Random(seed)
    learner, pacer, outcome = Learner(case.specialists), Pacer(case.budget_usd), Outcome()
    lift = Lift(audit_rate)
    costs = {name: cost for name, (_, cost) in means_of(case.requests).items()}
    true_lift = spent = mix_spent = 0.0
    pace = case.budget_usd
    for number, place in enumerate(_order(len(case.requests), length, rng), start=1):
        request = case.requests[place]
        options = learner.options(request)
        learned = propensities(options, POLICY, price=pacer.price())
        planned = sum(learned[option.name] * option.cost_usd for option in options)
        pacer.spent(planned)
        mix = mix_at(costs, pace + (spent - mix_spent) / CATCH_UP)
        behaviour = {name: (learned[name] + mix.get(name, 0.0)) / 2 for name in learned}
        arm = rng.choices(request.arms, [behaviour[each.name] for each in request.arms])[0]
        verdict = case.source(request, arm.name, rng)
        baseline = {option.name: option.success for option in options}
        decision = Logged(arm.name, behaviour, learned, (mix,), baseline, verdict, 1.0)
        decision = decision._replace(audit_probability=lift.audit_probability(decision))
        if rng.random() < decision.audit_probability:
            decision = decision._replace(truth=arm.reward)
        lift.add(decision)
        learner.learn(request, arm, verdict, arm.cost_usd)
        true_lift += sum(
            (learned[each.name] - mix.get(each.name, 0.0)) * each.reward for each in request.arms
        )
        cost = sum(learned[each.name] * each.cost_usd for each in request.arms)
        pace += (cost - pace) / CATCH_UP
        spent += cost
        mix_spent += sum(mix.get(each.name, 0.0) * each.cost_usd for each in request.arms)
        if number % LOOK_EVERY == 0:
            outcome.look(number, true_lift, lift)
    outcome.true_lift, outcome.spend_ratio = true_lift / length, spent / mix_spent
    outcome.audits = lift.audited / length
    return outcome


def _order(size: int, length: int, rng: random.Random) -> list[int]:
    """Return places of requests: all of them in a new order, again and again."""
    order: list[int] = []
    while len(order) < length:
        order += rng.sample(range(size), size)
    return order[:length]


def mix_at(costs: Mapping[str, float], spend_usd: float) -> Mapping[str, float]:
    """Return the mix of two arms that spends this, as far as any does: on the hull, as the dear one is the better."""
    (_, low), (dear, high) = sorted(costs.items(), key=lambda item: item[1])
    mixes = static_mixes(costs, max(low, min(high, spend_usd)))
    return max(mixes, key=lambda mix: mix.get(dear, 0.0))


def _two(request: Request) -> Request:
    """Return a request with the two arms between which the hull lies at a tight budget."""
    named = [arm for arm in request.arms if arm.name in (CHEAP, DEAR)]
    return replace(request, arms=tuple(named or request.arms[:2]))


def _budget(requests: Sequence[Request]) -> float:
    """Return the tight budget where it lies between the arms' costs, else the middle of these."""
    low, high = sorted(cost for _, cost in means_of(requests).values())
    return FOUR_BUDGET_USD if low < FOUR_BUDGET_USD < high else (low + high) / 2


def _truth(request: Request, name: str) -> float:
    return next(arm.reward for arm in request.arms if arm.name == name)


def _school(data: Recordings) -> tuple[list[Request], list[dict[str, float]]]:
    """Return the school problems, their true outcomes as rewards, and the verdicts that were published."""
    hasher, sides = TextHasher(SALT), ("weak", "strong")
    requests = [
        request_of(
            row["prompt"],
            hasher,
            [Arm(side, float(row[side]["correct_reviewed"]), row[side]["est_cost_usd"]) for side in sides],
        )
        for row in data.gsm8k
    ]
    return requests, [{side: float(row[side]["correct_recorded"]) for side in sides} for row in data.gsm8k]
