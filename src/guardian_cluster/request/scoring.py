"""What the router expects of each specialist before anyone is asked: success, cost, time."""

import math
from collections.abc import Sequence

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.request.choice import Option
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.needs import Needs
from guardian_cluster.request.requirements import Profile
from guardian_cluster.statistics.hashing import Features, TextHasher
from guardian_cluster.statistics.success_model import SuccessModel

LEAST_ERROR = 0.05
COMPLEX_ERROR = 0.45
TIER_GAIN = 0.6
"""What is assumed of a specialist without any verdict: in the lowest tier it errs on 5 % of the simplest and 50 % of
the most complex questions, and each tier above errs 0.6 times as often. Mixtral and GPT-4 on MMLU and GSM8K (RouteLLM's
recordings) err on 32 and 36 % against 19 and 6 %, two tiers apart. Verdicts replace it."""

GOOD_AT_GAIN = 0.8
"""How much less often one errs that is said to be good at what is asked for. An operator's word, not a measurement."""

PRIOR_VERDICTS = 20.0
"""So many verdicts weigh as much as the assumption."""


class Scorer:
    """Estimates from what was learned, as far as it can be trusted, and from the assumption for the rest."""

    def __init__(self, hasher: TextHasher | None, model: SuccessModel | None, experience: Experience) -> None:
        """Estimate by a `model` that learned from features of the `hasher`; `None` where nobody has a choice."""
        self._hasher = hasher
        self._model = model
        self._experience = experience

    def features(self, text: str) -> Features:
        """Return what the learner sees of a question."""
        return Features((), ()) if self._hasher is None else self._hasher.features(text)

    def options(
        self,
        specialists: Sequence[contract.Specialist],
        profile: Profile,
        features: Features,
        needs: Needs,
        most_output_tokens: float | None,
    ) -> list[Option]:
        """Return what to expect of each specialist, in the order given."""
        return [
            self._option(specialist, profile, features, needs, most_output_tokens)
            for specialist in specialists
        ]

    def worst_cost_usd(
        self, specialist: contract.Specialist, needs: Needs, most_output_tokens: float | None
    ) -> float:
        """Return what an answer may cost: as long as the request allows, or where it does not say, as is usual."""
        tokens = most_output_tokens
        if tokens is None:
            tokens = self._experience.of(specialist.name).output_tokens
        return specialist.price.cost_usd(needs.input_tokens, tokens)

    def _option(
        self,
        specialist: contract.Specialist,
        profile: Profile,
        features: Features,
        needs: Needs,
        most_output_tokens: float | None,
    ) -> Option:
        success, trust = self._success(specialist, profile, features)
        known = self._experience.of(specialist.name)
        return Option(
            name=specialist.name,
            success=success,
            trust=trust,
            cost_usd=self._experience.cost_usd(specialist, needs.input_tokens, most_output_tokens),
            latency_s=known.latency_s,
            verdicts=int(self._model.evidence(specialist.name)) if self._model is not None else 0,
        )

    def _success(
        self, specialist: contract.Specialist, profile: Profile, features: Features
    ) -> tuple[float, float]:
        """Return the probability of a right answer, and how far it rests on verdicts."""
        assumed = assumed_success(specialist, profile)
        if self._model is None or self._hasher is None:
            return assumed, 0.0
        verdicts = self._model.evidence(specialist.name)
        if not verdicts:
            return assumed, 0.0
        learned = self._model.predict(specialist.name, features)
        weight = verdicts / (verdicts + PRIOR_VERDICTS)
        return _blend(assumed, learned.success, weight), weight * learned.trust


def assumed_success(specialist: contract.Specialist, profile: Profile) -> float:
    """Return the probability of a right answer as long as nothing is known of a specialist's answers."""
    error = (LEAST_ERROR + COMPLEX_ERROR * profile.complexity) * TIER_GAIN ** (specialist.tier - 1)
    if set(profile.requirements) & set(specialist.good_at):
        error *= GOOD_AT_GAIN
    return 1.0 - error


def _blend(one: float, other: float, weight: float) -> float:
    """Mix two probabilities as odds, so that one that is sure stays nearly so."""
    return 1.0 / (1.0 + math.exp(-((1.0 - weight) * _logit(one) + weight * _logit(other))))


def _logit(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1.0 - 1e-4)
    return math.log(bounded / (1.0 - bounded))
