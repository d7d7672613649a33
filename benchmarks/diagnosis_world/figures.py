"""The figures of many outcomes: shares that are right, by cause, scope, magnitude and method."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median
from typing import Any

from benchmarks.diagnosis_world.baselines import BASELINES
from benchmarks.diagnosis_world.outcomes import OURS, Outcome
from benchmarks.diagnosis_world.scoring import Score
from benchmarks.harness.report import percentile
from guardian_cluster.simulation.traffic import MAGNITUDES, SCOPES

NARROW = ("upstream", "one", "two")
"""Scopes of one or two dimensions."""
_LEAST = 0.001
"""By which a figure must lie above that of a baseline."""


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return all figures."""
    single = [each for each in outcomes if each.kind == "one"]
    two = [each for each in outcomes if each.kind == "two"]
    free = [each for each in outcomes if each.kind == "none"]
    ours = headline(single, OURS)
    beside = {name: headline(single, name) for name in BASELINES}
    seconds = [each.seconds for each in outcomes]
    return {
        **ours,
        "fault_free_silent": share([each.is_silent for each in free]),
        "topics_without_name": _unnamed(outcomes),
        "diagnose_s": percentile(seconds, 95),
        "diagnose_median_s": median(seconds),
        "above_every_baseline": float(is_above(ours, beside.values())),
        "simultaneous": headline(two, OURS),
        "simultaneous_baselines": {name: headline(two, name) for name in BASELINES},
        "baselines": beside,
        "by_cause": {
            cause: _two(single, lambda each, cause=cause: each.causes[0] == cause)
            for cause in sorted({each.causes[0] for each in single})
        },
        "by_scope": {
            scope: _two(single, lambda each, scope=scope: each.scopes[0] == scope) for scope in SCOPES
        },
        "by_magnitude": {
            name: _two(single, lambda each, name=name: each.magnitudes[0] == name) for name in MAGNITUDES
        },
        "by_alarm": {
            name: _two(single, lambda each, given=given: each.with_alarm is given)
            | {"fault_free_silent": share([each.is_silent for each in free if each.with_alarm is given])}
            for name, given in (("with", True), ("without", False))
        },
        "taken_for": confusions(single),
    }


def headline(outcomes: Sequence[Outcome], method: str) -> dict[str, float | None]:
    """Return the shares that are named in the goals, of one method."""
    return {
        "cause_top1": share([score.cause for _, score in _scored(outcomes, method)]),
        "slice_top1": share([score.slice for scope, score in _scored(outcomes, method) if scope in NARROW]),
        "slice_top3_3d": share(
            [score.slice_in_three for scope, score in _scored(outcomes, method) if scope == "three"]
        ),
    }


def is_above(ours: dict[str, float | None], others: Iterable[dict[str, float | None]]) -> bool:
    """Return whether each of our figures is above that of every other method."""
    return all((ours[key] or 0.0) >= (other[key] or 0.0) + _LEAST for other in others for key in ours)


def share(held: Sequence[bool]) -> float | None:
    """Return the share that holds; `None` of none."""
    return fmean(held) if held else None


def confusions(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """Return, by cause, what the diagnosis took it for where it was wrong."""
    found: dict[str, dict[str, int]] = {}
    for each in outcomes:
        said = each.said[0] if each.said else "nothing"
        if said != each.causes[0]:
            row = found.setdefault(each.causes[0], {})
            row[said or "unknown"] = row.get(said or "unknown", 0) + 1
    return found


def _unnamed(outcomes: Sequence[Outcome]) -> float | None:
    """Return the share of places with a topic that no slice names, since topics are learned otherwise."""
    redrawn, named = sum(each.redrawn for each in outcomes), sum(each.has_topic for each in outcomes)
    return redrawn / (redrawn + named) if redrawn + named else None


def _two(outcomes: Sequence[Outcome], of: Callable[[Outcome], bool]) -> dict[str, float | int | None]:
    scores = [score for each in outcomes if of(each) for score in each.scores[OURS]]
    return {
        "cases": len(scores),
        "cause_top1": share([each.cause for each in scores]),
        "slice_top1": share([each.slice for each in scores]),
        "slice_top3": share([each.slice_in_three for each in scores]),
    }


def _scored(outcomes: Sequence[Outcome], method: str) -> list[tuple[str, Score]]:
    return [pair for each in outcomes for pair in zip(each.scopes, each.scores[method], strict=True)]
