"""Replays requests with the recorded answers of several models: from nothing, seeing only who was asked.

Each stream is the same requests in another order. The router's own scorer, choice and pacer start without any verdict
or bill, know list prices and which model is the stronger only, and learn the mark and the bill of the arm that was
chosen. A mistake costs so much (10 USD) that the budget alone decides what is spent. The bar is the static mix: the
best share of single models whose mean spend is the same, known with hindsight over all arms of all requests.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from benchmarks.replay.recordings import Recordings, Row
from guardian_cluster.contract.snapshot import Price as ListPrice
from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.learning.question_model import QuestionModel
from guardian_cluster.request.choice import Choice, Option, Policy, choose
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.needs import CHARACTERS_PER_TOKEN, Needs
from guardian_cluster.request.pacing import Pacer
from guardian_cluster.request.requirements import Profile, profile_of_text
from guardian_cluster.request.scoring import Scorer
from guardian_cluster.statistics.hashing import Features, TextHasher
from guardian_cluster.statistics.static_mixes import static_mixes

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
"""By which a mean bill becomes a price, for arms without one in the list."""
SALT = b"replay"
FULL_SEEDS, QUICK_SEEDS = 8, 2

Price = Callable[[int, str], float]
"""By what an arm's bills are multiplied, from the number of the request on."""


@dataclass(frozen=True)
class Arm:
    """What one model would have done with one request."""

    name: str
    reward: float
    cost_usd: float


@dataclass(frozen=True)
class Request:
    """A text as the router sees it, and all arms' recorded outcomes."""

    features: Features
    profile: Profile
    input_tokens: int
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
    """The router's own parts that learn; but that every answer has its mark, and at once."""

    def __init__(self, specialists: Sequence[Specialist]) -> None:
        self._specialists = {specialist.name: specialist for specialist in specialists}
        self._success = QuestionModel()
        self._experience = Experience()
        self._scorer = Scorer(TextHasher(SALT), self._success, self._experience)

    def options(self, request: Request) -> list[Option]:
        """Return what is expected of every arm on a request."""
        able = [self._specialists[arm.name] for arm in request.arms]
        needs = Needs(input_tokens=request.input_tokens)
        return self._scorer.options(able, request.profile, request.features, needs, None)

    def learn(self, request: Request, arm: Arm, label: float, bill_usd: float) -> None:
        """Take in the verdict and the bill of the arm that was asked, whose tokens follow from its list price."""
        self._success.teach(arm.name, request.features.encode(), label, 1.0)
        price = self._specialists[arm.name].price
        output_tokens = (bill_usd * 1e6 - request.input_tokens * price.input_usd) / price.output_usd
        self._experience.of(arm.name).add(max(0.0, output_tokens), 0.0)


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return for each budget the mean quality, the static mix's, and what was spent of the target."""
    requests, specialists = prepared(data.four_models), specialists_of(data.four_models)
    found: dict[str, float | int] = {"four_models_requests": len(requests)}
    seeds = QUICK_SEEDS if quick else FULL_SEEDS
    for budget in BUDGETS_USD:
        streams = [replay(requests, specialists, budget, seed) for seed in range(seeds)]
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


def prepared(rows: Sequence[Row]) -> list[Request]:
    """Return requests as the router sees them."""
    hasher = TextHasher(SALT)
    return [request_of(row["prompt"], hasher, [_arm(row, name) for name in row["arms"]]) for row in rows]


def request_of(prompt: str, hasher: TextHasher, arms: Sequence[Arm]) -> Request:
    """Return a text as the router sees it."""
    input_tokens = -(-len(prompt) // CHARACTERS_PER_TOKEN)
    return Request(hasher.features(prompt), profile_of_text(prompt), input_tokens, tuple(arms))


def specialists_of(rows: Sequence[Row]) -> list[Specialist]:
    """Return the arms as an operator would write them down: with list prices, and ranked by them."""
    names = list(rows[0]["arms"]) if rows else []
    usual_usd = {name: fmean(row["arms"][name]["cost_usd"] for row in rows) for name in names}
    return ranked({name: _price(name, usual_usd[name]) for name in names})


def ranked(prices: Mapping[str, ListPrice]) -> list[Specialist]:
    """Return a specialist for each price, the dearer in the higher tier."""
    order = sorted(prices, key=lambda name: prices[name].output_usd)
    return [
        Specialist(name=name, variants=(), price=price, tier=1 + order.index(name))
        for name, price in prices.items()
    ]


def replay(
    requests: Sequence[Request],
    specialists: Sequence[Specialist],
    budget_usd: float,
    seed: int,
    price: Price | None = None,
) -> Stream:
    """Route every request once, in an order drawn from the seed."""
    rng = random.Random(seed)
    order = rng.sample(range(len(requests)), len(requests))
    learner, pacer, stream = Learner(specialists), Pacer(budget_usd), Stream()
    for number, place in enumerate(order):
        request = requests[place]
        arm = chosen_arm(request, choose(learner.options(request), POLICY, rng, price=pacer.price()))
        bill_usd = arm.cost_usd * (price(number, arm.name) if price else 1.0)
        pacer.spent(bill_usd)
        learner.learn(request, arm, arm.reward, bill_usd)
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


def _price(name: str, usual_usd: float) -> ListPrice:
    known = LIST_USD_PER_MILLION.get(name)
    if known is None:
        return ListPrice(output_usd=1e6 * usual_usd / ANSWER_TOKENS)
    return ListPrice(input_usd=known[0], output_usd=known[1])


def _arm(row: Row, name: str) -> Arm:
    recorded = row["arms"][name]
    return Arm(name, recorded["reward"], recorded["cost_usd"])
