"""Replays requests with the recorded answers of several models: from nothing, seeing only who was asked.

Each stream is the same requests in another order. The router starts without any verdict or bill, knows list prices
only, and learns the mark and the bill of the arm that it chose. Spending is held by the pacer; a mistake costs so
much (10 USD) that the budget alone decides what is spent. The bar is the static mix: the best share of single
models whose mean spend is the same, known with hindsight over all arms of all requests.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from benchmarks.replay.recordings import Recordings, Row
from guardian_cluster.request.choice import Choice, Option, Policy, choose
from guardian_cluster.request.pacing import Pacer
from guardian_cluster.statistics.appraisal import Appraisal, Appraiser
from guardian_cluster.statistics.expense import ExpenseModel
from guardian_cluster.statistics.hashing import Features, TextHasher
from guardian_cluster.statistics.lift import static_mixes
from guardian_cluster.statistics.success_model import SuccessModel

BUDGETS_USD = (3e-4, 1e-3, 3e-3)
POLICY = Policy(mistake_usd=10.0)
LIST_USD_PER_MILLION = {
    "meta-llama/llama-3.1-8b-instruct": (0.02, 0.05),
    "mistralai/mistral-large-2512": (0.5, 1.5),
    "google/gemini-2.5-flash": (0.3, 2.5),
    "google/gemini-2.5-pro": (1.25, 10.0),
}
"""Prices of prompt and answer tokens, as an operator would write them down."""
ANSWER_TOKENS = 300
CHARACTERS_PER_TOKEN = 4
FULL_SEEDS, QUICK_SEEDS = 8, 2

Price = Callable[[int, str], float]
"""By what an arm's bills are multiplied, from the number of the request on."""


@dataclass(frozen=True)
class Arm:
    """What one model would have done with one request."""

    name: str
    reward: float
    cost_usd: float
    list_usd: float


@dataclass(frozen=True)
class Request:
    """A text as the learners see it, and all arms' recorded outcomes."""

    features: Features
    arms: tuple[Arm, ...]


@dataclass
class Stream:
    """What came of one replay."""

    rewards: list[float] = field(default_factory=list[float])
    bills_usd: list[float] = field(default_factory=list[float])
    chosen: list[str] = field(default_factory=list[str])
    by_request: dict[int, float] = field(default_factory=dict[int, float])
    """The reward of each request by its place in the recordings."""


class Learner:
    """The router's learned parts, put together as the gateway and the control process do."""

    def __init__(self) -> None:
        self._success = SuccessModel()
        self._expense = ExpenseModel()
        self._appraiser = Appraiser()

    def options(self, request: Request) -> tuple[list[Option], dict[str, Appraisal]]:
        """Return what is expected of every arm on a request."""
        usual = sorted(arm.list_usd for arm in request.arms)[len(request.arms) // 2]
        bills = self._expense.estimates({arm.name: arm.list_usd for arm in request.arms}, request.features)
        appraisals: dict[str, Appraisal] = {}
        options: list[Option] = []
        for arm in request.arms:
            estimate = self._success.predict(arm.name, request.features)
            found = self._appraiser.appraise(arm.name, estimate.success, arm.list_usd / usual)
            appraisals[arm.name] = found
            options.append(
                Option(arm.name, found.success, estimate.trust, bills[arm.name].cost_usd, 0.0, found.verdicts)
            )
        return options, appraisals

    def learn(self, request: Request, arm: Arm, found: Appraisal, label: float, bill_usd: float) -> None:
        """Take in the verdict and the bill of the arm that was asked."""
        self._appraiser.learn(arm.name, found.deviation, label)
        self._success.learn(arm.name, request.features, label)
        self._expense.learn(arm.name, request.features, arm.list_usd, bill_usd)


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return for each budget the mean quality, the static mix's, and what was spent of the target."""
    requests = prepared(data.four_models)
    found: dict[str, float | int] = {"four_models_requests": len(requests)}
    seeds = QUICK_SEEDS if quick else FULL_SEEDS
    for budget in BUDGETS_USD:
        streams = [replay(requests, budget, seed) for seed in range(seeds)]
        qualities = [fmean(stream.rewards) for stream in streams]
        spent = fmean(fmean(stream.bills_usd) for stream in streams)
        key = f"four_models_{budget:.0e}".replace("e-0", "e-")
        found[key] = fmean(qualities)
        found[f"{key}_hull"] = hull(requests, budget)
        found[f"{key}_over_hull"] = found[key] - found[f"{key}_hull"]
        found[f"{key}_over_hull_at_spend"] = found[key] - hull(requests, spent)
        found[f"{key}_over_hull_margin"] = margin(requests, streams, budget)
        found[f"{key}_spent"] = spent / budget
    found["four_models_streams"] = seeds
    return found


def prepared(rows: Sequence[Row], salt: bytes = b"replay") -> list[Request]:
    """Return requests as the learners see them."""
    hasher = TextHasher(salt)
    usual = {
        name: fmean(row["arms"][name]["cost_usd"] for row in rows)
        for name in (rows[0]["arms"] if rows else ())
    }
    return [
        Request(hasher.features(row["prompt"]), tuple(_arm(row, name, usual[name]) for name in row["arms"]))
        for row in rows
    ]


def replay(requests: Sequence[Request], budget_usd: float, seed: int, price: Price | None = None) -> Stream:
    """Route every request once, in an order drawn from the seed."""
    rng = random.Random(seed)
    order = rng.sample(range(len(requests)), len(requests))
    learner, pacer, stream = Learner(), Pacer(budget_usd), Stream()
    for number, place in enumerate(order):
        request = requests[place]
        options, appraisals = learner.options(request)
        arm = chosen_arm(request, choose(options, POLICY, rng, price=pacer.price()))
        bill_usd = arm.cost_usd * (price(number, arm.name) if price else 1.0)
        expected = next(option.cost_usd for option in options if option.name == arm.name)
        pacer.spent(expected)
        pacer.corrected(expected, bill_usd)
        learner.learn(request, arm, appraisals[arm.name], arm.reward, bill_usd)
        stream.rewards.append(arm.reward)
        stream.by_request[place] = arm.reward
        stream.bills_usd.append(bill_usd)
        stream.chosen.append(arm.name)
    return stream


def chosen_arm(request: Request, choice: Choice) -> Arm:
    """Return the recorded arm that a choice names."""
    return next(arm for arm in request.arms if arm.name == choice.order[0])


def hull(requests: Sequence[Request], spend_usd: float) -> float:
    """Return the quality of the best static mix of arms that spends at most this on average."""
    means = means_of(requests)
    return sum(share * means[name][0] for name, share in best_mix(requests, spend_usd).items())


def margin(requests: Sequence[Request], streams: Sequence[Stream], spend_usd: float) -> float:
    """Return half of the 95 % interval of the difference to the static mix, over which requests were recorded.

    It is that of the paired differences on each request, averaged over streams; other orders add to it.
    """
    mix = best_mix(requests, spend_usd)
    differences = [
        fmean(stream.by_request[place] for stream in streams)
        - sum(mix.get(arm.name, 0.0) * arm.reward for arm in request.arms)
        for place, request in enumerate(requests)
    ]
    return 1.96 * stdev(differences) / len(differences) ** 0.5


def best_mix(requests: Sequence[Request], spend_usd: float) -> Mapping[str, float]:
    """Return the static mix of the hull at a spend, with hindsight."""
    means = means_of(requests)
    mixes = static_mixes({name: cost for name, (_, cost) in means.items()}, spend_usd)
    return max(mixes, key=lambda mix: sum(share * means[name][0] for name, share in mix.items()))


def means_of(requests: Sequence[Request]) -> Mapping[str, tuple[float, float]]:
    """Return the mean reward and cost of each arm."""
    arms = [arm.name for arm in requests[0].arms]
    return {
        name: (fmean(r.arms[at].reward for r in requests), fmean(r.arms[at].cost_usd for r in requests))
        for at, name in enumerate(arms)
    }


def _arm(row: Row, name: str, usual_usd: float) -> Arm:
    known = LIST_USD_PER_MILLION.get(name)
    list_usd = usual_usd
    if known is not None:
        asked, answered = known
        list_usd = (asked * len(row["prompt"]) / CHARACTERS_PER_TOKEN + answered * ANSWER_TOKENS) / 1e6
    recorded = row["arms"][name]
    return Arm(name, recorded["reward"], recorded["cost_usd"], list_usd)
