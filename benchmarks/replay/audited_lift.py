"""Decides whether a learned policy may be said to beat the best static mix, where some answers are audited.

A claim needs proof that survives a wrong source of verdicts. Each request adds an estimate of the lift on it that
is right on average, whatever the verdicts are worth: outcomes are weighted by the inverse of the probability with
which the answer's author was chosen, around a baseline (doubly robust: Dudík, Langford, Li 2011), and verdicts are
corrected by the true labels of a randomly audited slice (prediction-powered inference: Angelopoulos et al. 2023; with
a learned coefficient, PPI++). The gateway has no audits yet, and claims nothing; this is how it could.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from guardian_cluster.statistics.lower_bound import CONFIDENCE, NO_CLAIM, LowerBound

_AS_SAID = 0.02
"""Sum of squared deviations of verdicts that outweighs the belief that they are the truth: a few audits."""
_USUAL_STAKE = 0.5
"""What a wrong verdict counts on average where policy and mix share the requests: half of the weights are near 1 with
praise to be doubted, the others larger with blame, which is rare."""
LEAST_REACH = 3.0
"""Outcomes of requests divided evenly between the policy and one mix have weights up to 2, and 1 is the lift itself."""


class Logged(NamedTuple):
    """One decision, as the record holds it; all mappings are by specialist."""

    chosen: str
    behaviour: Mapping[str, float]
    """The probabilities with which it was made."""
    learned: Mapping[str, float]
    """Those that the policy on trial gives."""
    incumbents: Sequence[Mapping[str, float]]
    """Those of the static mixes that it is held against, at the same spend."""
    baseline: Mapping[str, float]
    """Expected outcomes, fixed before the answer was seen. Bad ones cost width, never validity."""
    verdict: float
    """From the everyday source, 0 to 1; it may be anything."""
    audit_probability: float
    """With which the answer was picked for an audit; above 0, fixed before the audit."""
    truth: float | None = None
    """The audit's label where it was picked."""

    def weight(self, mix: Mapping[str, float]) -> float:
        """Return by how much the chosen one's outcome counts for the learned policy (or against it)."""
        difference = self.learned.get(self.chosen, 0.0) - mix.get(self.chosen, 0.0)
        return difference / self.behaviour[self.chosen]

    def expected_lift(self, mix: Mapping[str, float]) -> float:
        """Return the lift over a mix if the baseline were the truth."""
        return sum(
            (self.learned.get(name, 0.0) - mix.get(name, 0.0)) * self.baseline.get(name, 0.5)
            for name in self.behaviour
        )


class Audits:
    """Learns from audits, for each specialist, what its verdicts say of the truth; at first they are taken as said."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}

    def expected(self, chosen: str, verdict: float) -> float:
        """Return what an audit is expected to find."""
        known = self._sums.get(chosen)
        if known is None:
            return verdict
        count, verdicts, truths, square, product = known
        mean_verdict, mean_truth = verdicts / count, truths / count
        spread = square - count * mean_verdict**2
        shared = product - count * mean_verdict * mean_truth
        slope = max(0.0, min(1.0, (shared + _AS_SAID) / (spread + _AS_SAID)))
        return max(0.0, min(1.0, mean_truth + slope * (verdict - mean_verdict)))

    def learn(self, chosen: str, verdict: float, truth: float) -> None:
        """Take in an audit."""
        sums = self._sums.setdefault(chosen, [0.0] * 5)
        for place, value in enumerate((1.0, verdict, truth, verdict * verdict, verdict * truth)):
            sums[place] += value


class Lift:
    """The lift of a learned policy over the best of several static mixes, and whether it may be claimed.

    Which mix is the best is not known either, and a false verdict would name a wrong one. So the policy is held
    against all of them, and the claim is the smallest bound: it is wrong only if that against the best one is, so
    that no correction for their number is needed (Berger's intersection-union test, 1982).

    `audit_rate` is the share of answers that shall be audited. No outcome counts below `-reach`: a verdict is believed
    only as far as the chance that an audit would have contradicted it bears.
    """

    def __init__(self, audit_rate: float, *, incumbents: int = 1, confidence: float = CONFIDENCE) -> None:
        if not (0.0 < audit_rate <= 1.0 and incumbents > 0):
            raise ValueError(
                "a lift is over at least one static mix, with a share of audits above 0 and up to 1"
            )
        self.audit_rate = audit_rate
        self.reach = max(LEAST_REACH, _USUAL_STAKE / audit_rate)
        self.audited = 0
        self._audits = Audits()
        self._bounds = [LowerBound(self.reach, confidence) for _ in range(incumbents)]
        self._stakes, self._seen = 1.0, 2.0

    def audit_probability(self, decision: Logged) -> float:
        """Return how likely this answer shall be audited, before it is.

        Audits go where a wrong verdict would flatter the learned policy: praise of whom it chose, blame of whom a mix
        would have chosen. The others are audited ten times less. The decision's own probability is not looked at.
        """
        stake = self._stake(decision)
        wanted = self.audit_rate * stake * self._seen / self._stakes
        return min(1.0, max(wanted, 0.1 * self.audit_rate))

    def add(self, decision: Logged) -> None:
        """Take in a decision.

        Raises ValueError where its probabilities are none, or so small that one outcome could decide everything.
        """
        _check(decision)
        outcomes = [self._outcome(decision, mix) for mix in decision.incumbents]
        for bound, outcome in zip(self._bounds, outcomes, strict=True):
            bound.add(outcome)
        self._stakes += self._stake(decision)
        self._seen += 1.0
        if decision.truth is not None:
            self.audited += 1
            self._audits.learn(decision.chosen, decision.verdict, decision.truth)

    def mean(self) -> float:
        """Return the estimated lift over the mix that it beats least."""
        return min(bound.mean() for bound in self._bounds)

    def lower_bound(self) -> float:
        """Return what may be claimed, with confidence at all times at once: `NO_CLAIM` without any audit."""
        if not self.audited:
            return NO_CLAIM
        return min(bound.value() for bound in self._bounds)

    def _expected(self, decision: Logged) -> float:
        return self._audits.expected(decision.chosen, decision.verdict)

    def _stake(self, decision: Logged) -> float:
        """Return how much a wrong verdict on this answer could flatter the learned policy."""
        expected = self._expected(decision)
        weights = [decision.weight(mix) for mix in decision.incumbents]
        return max(w * expected if w > 0.0 else -w * (1.0 - expected) for w in weights)

    def _outcome(self, decision: Logged, mix: Mapping[str, float]) -> float:
        """Return an estimate of the lift on this request that is right on average over choices and audits."""
        weight = decision.weight(mix)
        rest = decision.expected_lift(mix) - weight * decision.baseline.get(decision.chosen, 0.5)
        inverse = 1.0 / decision.audit_probability
        expected = _bearable(self._expected(decision), weight, self.reach + rest, inverse)
        if decision.truth is None:
            return rest + weight * expected
        return rest + weight * (expected + (decision.truth - expected) * inverse)


def _bearable(expected: float, weight: float, room: float, inverse: float) -> float:
    """Return the expectation, so changed against the learned policy that an audit costs at most the room there is.

    Any expectation keeps the estimate right on average, as long as it is fixed before the audit.
    """
    if inverse <= 1.0 or not weight:
        return expected
    if weight > 0.0:
        return max(0.0, min(expected, room / (weight * (inverse - 1.0))))
    least = (inverse - room / -weight) / (inverse - 1.0)
    return min(1.0, max(expected, least))


def _check(decision: Logged) -> None:
    chances = (decision.behaviour, decision.learned, *decision.incumbents)
    if any(not 0.0 <= chance <= 1.0 + 1e-9 for each in chances for chance in each.values()):
        raise ValueError("a probability lies between 0 and 1")
    if not (decision.behaviour.get(decision.chosen, 0.0) > 0.0 and 0.0 < decision.audit_probability <= 1.0):
        raise ValueError(f"`{decision.chosen}` was chosen, or audited, with a probability of 0")
    marks = (
        decision.verdict,
        *decision.baseline.values(),
        *([] if decision.truth is None else [decision.truth]),
    )
    if any(not 0.0 <= mark <= 1.0 for mark in marks):
        raise ValueError("verdicts, truths and expected outcomes lie between 0 and 1")
