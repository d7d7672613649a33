"""Decides how a tenant's own labelled examples change what a score says: a few weights, and their words.

Only measured here: the gateway fits no such model to anybody's examples yet.
"""

from guardian_cluster.statistics.calibration import Evidence, OutcomeModel
from guardian_cluster.watcher.scoring.injection import WEIGHTS, Reading, Source

_SPANS = {"lexicon": (-4.0, 16.0), "turning": (-4.0, 8.0), "asking": (-6.0, 12.0)}
"""From where a signal counts, and over how much: an outcome model reads numbers between 0 and 1."""

_SPREAD = 4.0
"""Variance of a weight over a whole span: with 1 and 16, AUROC after 200 examples differed by 0.01 at most on five
sets."""

_MOST_BUCKETS = 400


def local_model(source: Source) -> OutcomeModel:
    """Return a model that says of an arm without examples what `injection.probability` says."""
    level, *weights = WEIGHTS[source]
    given = {"level": level}
    for (name, (low, span)), weight in zip(_SPANS.items(), weights, strict=True):
        given["level"] += weight * low
        given[name] = weight * span
    return OutcomeModel(given, spread=_SPREAD)


def local_evidence(model: OutcomeModel, reading: Reading) -> Evidence:
    """Return what such a model is shown of a text: the signals, and the hashed words of the worst segment.

    It can be kept (`Evidence.encode`) without the text and learned from when the label is known.
    """
    values = {
        name: min(1.0, max(0.0, (signal - low) / span))
        for signal, (name, (low, span)) in zip(reading.signals, _SPANS.items(), strict=True)
    }
    return model.evidence({"level": 1.0, **values}, reading.buckets[:_MOST_BUCKETS])
