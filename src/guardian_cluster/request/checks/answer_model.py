"""The model of answers: from what the checks measured to the probability that an answer is right."""

from guardian_cluster.request.checks.weights import WEIGHTS
from guardian_cluster.statistics.calibration import OutcomeModel


def answer_model(data: bytes = b"") -> OutcomeModel:
    """Return the model of answers with what was learned before. Its label is 1 for right.

    Raises ValueError for bytes that are no such model.
    """
    model = OutcomeModel({name: -weight for name, weight in WEIGHTS.items()})
    if data:
        model.restore(data)
    return model
