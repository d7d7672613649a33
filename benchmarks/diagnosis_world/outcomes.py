"""What becomes of one case: how right the diagnosis is, and the trivial methods, and how long it takes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.diagnosis_world.baselines import BASELINES
from benchmarks.diagnosis_world.cases import DrawnCase
from benchmarks.diagnosis_world.scoring import Score, answers_of, scores
from benchmarks.diagnosis_world.windows import drawn
from guardian_cluster.domain.monitoring import DiagnosticianReport
from guardian_cluster.domain.window import Window

Diagnose = Callable[[Window], DiagnosticianReport]

OURS = "diagnosis"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case."""

    kind: str
    with_alarm: bool
    causes: tuple[str, ...]
    scopes: tuple[str, ...]
    manners: tuple[str, ...]
    magnitudes: tuple[str, ...]
    scores: Mapping[str, Sequence[Score]]
    """By method, one for each truth."""
    said: tuple[str, ...]
    """The causes that the diagnosis named, in its order."""
    is_silent: bool
    seconds: float
    has_topic: bool = False
    """Whether a topic is part of a place."""
    redrawn: int = 0
    """Windows that were drawn before, in which a place had no name."""


def outcome(case: DrawnCase, diagnose: Diagnose) -> Outcome:
    """Return what becomes of a case."""
    traffic, window, redrawn = drawn(case)
    began = time.perf_counter()
    report = diagnose(window)
    took = time.perf_counter() - began
    answers, truths = answers_of(report), traffic.truths
    found = {OURS: scores(answers, truths, window)}
    if truths:
        onset = min(truth.onset for truth in truths)
        found |= {name: scores(method(window, onset), truths, window) for name, method in BASELINES.items()}
    return Outcome(
        kind=case.kind,
        with_alarm=case.with_alarm,
        causes=tuple(truth.cause for truth in truths),
        scopes=tuple(truth.scope for truth in truths),
        manners=tuple(truth.manner for truth in truths),
        magnitudes=tuple(truth.magnitude for truth in truths),
        scores=found,
        said=tuple(each.cause or "" for each in answers),
        is_silent=not answers,
        seconds=took,
        has_topic=any(name == "topic" for truth in truths for name, _ in truth.where),
        redrawn=redrawn,
    )
