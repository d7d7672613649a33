"""Decides how the router's own choices stand against what a fixed mix of specialists at the same price would do."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.learning.labels import lessons_of
from guardian_cluster.statistics.lower_bound import CONFIDENCE, LowerBound
from guardian_cluster.statistics.static_mixes import static_mixes

MAX_CANDIDATES = 12
MAX_MIXES = 100
"""Single specialists and pairs of twelve make 78. Each mix has its share of the permitted error, so that the chance of
ever withdrawing a router that does no harm is at most one in twenty (Bonferroni)."""

LARGEST = 1e6
"""US dollars that no answer costs."""

LEAST_PROBABILITY = 1e-4
LEAST_PREFERENCE = 0.5
"""A choice that was less likely would decide everything by itself, and where nobody was preferred there is no policy to
be held against a mix. Such decisions are left out."""


class Lift(NamedTuple):
    """By how much the router chooses better than the best fixed mix, as far as that is known.

    There is no lower bound, and nothing is claimed: that takes answers that are audited at random, and what callers
    and checks say is said of answers that they choose themselves.
    """

    upper: float | None = None
    """It is never better than this, by the word of callers and checks: enough to give up what was learned."""

    @property
    def is_harm(self) -> bool:
        """Whether the router chooses worse."""
        return self.upper is not None and self.upper < 0


class _Decision(NamedTuple):
    chosen: str
    preferred: str
    """Whom the router would have asked without curiosity."""
    right: float
    """How right its answer was, 0 to 1."""
    chances: Mapping[str, float]
    costs: Mapping[str, float]


@dataclass(slots=True)
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1


class Comparison:
    """Compares decision by decision, by the inverse of the probability with which each was made.

    Where `a` was chosen with probability p and was right by Y, `Y * (mix(a) - preferred(a)) / p` is on average by how
    much the mix is better, whatever the verdicts of others would have been. What is asked out of curiosity is no part
    of it: that is what the comparison costs. What mixes spend is made equal to what the router spends, by estimates
    from before the decision, which keeps the bound valid.
    """

    def __init__(self) -> None:
        self._costs: dict[str, _Mean] = defaultdict(_Mean)
        self._spend = _Mean()
        self._bounds: dict[tuple[str, ...], LowerBound] = {}

    def take(self, record: RequestRecord, score: float | None) -> None:
        """Take in a decision whose outcome is known as well as it will be; one that tells nothing is passed over."""
        decision = _decision(record, score)
        if decision is None:
            return
        for mix in self._mixes(decision):
            difference = mix.get(decision.chosen, 0.0) - (decision.chosen == decision.preferred)
            if (bound := self._bound(tuple(sorted(mix)))) is not None:
                bound.add(decision.right * difference / decision.chances[decision.chosen])
        for name, cost in decision.costs.items():
            self._costs[name].add(cost)
        self._spend.add(decision.costs[decision.preferred])

    def lift(self) -> Lift:
        """Return how it stands."""
        proven = [bound.value() for bound in self._bounds.values() if bound.mean() > 0]
        return Lift(upper=-max(proven)) if proven else Lift()

    def _mixes(self, decision: _Decision) -> list[dict[str, float]]:
        """Return the mixes of those able to answer that cost what the router costs, by what was seen before."""
        known = {name: self._costs[name] for name in decision.costs if name in self._costs}
        if not known:
            return []
        means = {name: mean.total / mean.count for name, mean in known.items()}
        return static_mixes(means, self._spend.total / self._spend.count)

    def _bound(self, names: tuple[str, ...]) -> LowerBound | None:
        if names not in self._bounds and len(self._bounds) < MAX_MIXES:
            self._bounds[names] = LowerBound(1.0 / LEAST_PREFERENCE, 1.0 - (1.0 - CONFIDENCE) / MAX_MIXES)
        return self._bounds.get(names)


def _decision(record: RequestRecord, score: float | None) -> _Decision | None:
    """Return the router's first choice and how right it was; `None` where nothing learned was in force, or no word."""
    routing = record.routing
    if routing is None or not record.attempts or not any(each.trust > 0 for each in routing.candidates):
        return None
    chosen = record.attempts[0].specialist
    right = next((each.label for each in lessons_of(record, score) if each.specialist == chosen), None)
    chances = {each.specialist: each.probability for each in routing.candidates}
    costs = {each.specialist: each.cost_usd for each in routing.candidates}
    values = [*chances.values(), *costs.values()]
    if right is None or not all(0.0 <= value < LARGEST for value in values) or len(chances) > MAX_CANDIDATES:
        return None
    preferred = max(chances, key=chances.__getitem__)
    if chances.get(chosen, 0.0) < LEAST_PROBABILITY or not LEAST_PREFERENCE <= chances[preferred] <= 1.0:
        return None
    return _Decision(chosen, preferred, right, chances, costs)
