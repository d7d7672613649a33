"""Reads off what watchers found in a fault's answers, and what callers thought of them."""

import math
from collections.abc import Mapping
from statistics import fmean, median

from guardian_cluster.domain.observation import Observation, Signal
from guardian_cluster.guardians.diagnosis.measure_readings import price_read
from guardian_cluster.guardians.diagnosis.populations import Populations

FORM = ("json", "schema", "object", "arguments", "empty")
JUDGED: frozenset[Signal] = frozenset(
    {"quality", "intent_alignment", "refusal", "format", "groundedness", "leak"}
)
"""Signals that rest on what detectors or judges say."""

MIN_MARKS = 4
FALL = 0.5
"""By how much callers mark a bad answer lower."""

MARK_VARIANCE = 0.2
SURE = 4.0
"""Nats from which marks leave no doubt."""

UNSHOWN = 0.6
"""How far a higher price counts where another signal shows the fault so well that cost is not needed to find it."""

EVIDENT = 8.0
"""Nats from which a signal shows a fault beyond doubt."""


def answers_read(populations: Populations, evidence: Mapping[Signal, float]) -> Mapping[str, float]:
    """Return what signals, watchers and callers say of the answers."""
    shown = {signal: min(max(value, 0.0) / EVIDENT, 1.0) for signal, value in evidence.items()}

    def of(*signals: Signal) -> float:
        return max(shown.get(signal, 0.0) for signal in signals)

    worse = of("quality", "intent_alignment")
    others = [strength for signal, strength in shown.items() if signal not in ("quality", "intent_alignment")]
    return {
        "failing": of("error"),
        "late": of("latency"),
        "dearer": price_read(populations) * max(of("cost"), UNSHOWN),
        "malformed": populations.excess(_is_malformed),
        "refusing": max(of("refusal"), populations.excess(_is_refusal)),
        "declined by a filter": populations.excess(lambda each: each.finish_reason == "content_filter"),
        "short refusals": _short(populations),
        "leaking": of("leak"),
        "told by its documents": populations.excess(lambda each: _found(each, "injection")),
        "repeating itself": populations.excess(lambda each: _found(each, "repetition")),
        "ungrounded": of("groundedness"),
        "worse": worse,
        "worse in nothing else": worse * (1.0 - max(others, default=0.0)),
        "scores moved": _moved(populations),
        "only detectors say so": float(set(evidence) <= JUDGED),
    } | _marks(populations)


def _short(populations: Populations) -> float:
    """Return how much shorter refusals are than other answers: half as long is the whole."""
    refusals = [each.output_tokens for each in populations.faulty if _is_refusal(each) and each.output_tokens]
    answers = [
        each.output_tokens for each in populations.usual if not _is_refusal(each) and each.output_tokens
    ]
    if len(refusals) < 4 or len(answers) < 4:
        return 0.0
    return min(max(math.log2(median(answers) / median(refusals)), 0.0), 1.0)


def _found(observation: Observation, part: str) -> bool:
    return any(part in rule for rule in observation.verdicts)


def _is_malformed(observation: Observation) -> bool:
    return any(part in rule for rule in observation.verdicts for part in FORM)


def _is_refusal(observation: Observation) -> bool:
    return any("refusal" in rule for rule in observation.verdicts)


def _marks(populations: Populations) -> dict[str, float]:
    """Return whether callers' own marks fell as far as they would if the harmed answers were bad."""
    now = [each.feedback for each in populations.faulty if each.feedback is not None]
    usual = [each.feedback for each in populations.usual if each.feedback is not None]
    if len(now) < MIN_MARKS or len(usual) < MIN_MARKS:
        return {}
    fallen, awaited = fmean(usual) - fmean(now), populations.harm * FALL
    variance = MARK_VARIANCE * (1.0 / len(now) + 1.0 / len(usual))
    told = (fallen**2 - (fallen - awaited) ** 2) / (2.0 * variance)
    worse, steady = min(max(told / SURE, 0.0), 1.0), min(max(-told / SURE, 0.0), 1.0)
    return {"callers find it worse": worse, "callers find it as before": steady}


def _moved(populations: Populations) -> float:
    """Return how far the scores of the detector that moved most have moved, in its own usual spread."""
    names = {name for each in populations.faulty for name in each.scores}
    return max((_shift(populations, name) for name in sorted(names)[:20]), default=0.0)


def _shift(populations: Populations, name: str) -> float:
    now = [each.scores[name] for each in populations.faulty if name in each.scores]
    usual = [each.scores[name] for each in populations.usual if name in each.scores]
    if len(now) < 5 or len(usual) < 5:
        return 0.0
    center = median(usual)
    spread = median(abs(each - center) for each in usual) * 1.5 + 0.02
    return min(abs(median(now) - center) / spread / 3.0, 1.0)
