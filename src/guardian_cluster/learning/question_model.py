"""What is learned of questions: a model of success in which old verdicts fade and specialists can be forgotten."""

from array import array
from collections.abc import Container

from guardian_cluster.statistics.hashing import Features
from guardian_cluster.statistics.success_model import SuccessModel

HALF_LIFE = 5_000.0
"""Verdicts of a specialist after which one counts half. Without it the steps of learning grow ever smaller, and a
model that changes behind its name would be judged by its past for as long again as it was there."""

FADED_EVERY = 500.0
"""Verdicts between two times of fading, each of which takes 4 ms."""

MAX_SPECIALISTS = 60
"""More would not fit into a file that gateways read."""

_FADE = 0.5 ** (FADED_EVERY / HALF_LIFE)


class QuestionModel(SuccessModel):
    """Learns from verdicts that come without end."""

    def __init__(self) -> None:
        super().__init__()
        self._since: dict[str, float] = {}

    def teach(self, specialist: str, question: bytes, label: float, weight: float) -> None:
        """Take in a verdict on an answer to the question with these features.

        Raises ValueError for features, labels and weights that are none, and for more specialists than fit.
        """
        if len(self._arms) >= MAX_SPECIALISTS and specialist not in self._arms:
            raise ValueError(f"a model is kept of at most {MAX_SPECIALISTS} specialists")
        self.learn(specialist, Features.decode(question), label, weight)
        since = self._since.get(specialist, 0.0) + weight
        if since >= FADED_EVERY:
            since -= FADED_EVERY
            self._fade(specialist)
        self._since[specialist] = since

    def forget_all_but(self, specialists: Container[str]) -> None:
        """Drop what was learned of everyone else."""
        for name in [name for name in self._arms if name not in specialists]:
            del self._arms[name]
            self._since.pop(name, None)
        self._asked = None

    def _fade(self, specialist: str) -> None:
        arm = self._arms[specialist]
        arm.labels *= _FADE
        arm.scales = array("f", [_FADE * scale for scale in arm.scales])
        arm.dense_scale = array("f", [_FADE * scale for scale in arm.dense_scale])
