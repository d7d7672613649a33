"""Reads the traits of a fault off its requests, place and changes: how strongly each of the table holds, 0 to 1."""

import math
from collections.abc import Mapping, Sequence

from guardian_cluster.domain.change import ChangeKind
from guardian_cluster.domain.observation import Dimension, Signal, Slice
from guardian_cluster.guardians.diagnosis.answer_readings import answers_read
from guardian_cluster.guardians.diagnosis.failure_readings import failures_read
from guardian_cluster.guardians.diagnosis.measure_readings import measures_read
from guardian_cluster.guardians.diagnosis.nearby_changes import Near
from guardian_cluster.guardians.diagnosis.populations import Populations

Readings = Mapping[str, float]

PLACES: Mapping[Dimension, str] = {
    "endpoint": "at one endpoint",
    "model": "at one model",
    "variant": "at one variant",
    "template": "at one template",
    "revision": "at one revision",
    "topic": "at one topic",
}

CHANGED: Mapping[ChangeKind, str] = {
    "variant": "a variant was changed",
    "model": "a model was changed",
    "endpoint": "an endpoint was changed",
    "setting": "a setting was changed",
    "watch": "watching was changed",
    "threshold": "watching was changed",
    "routing": "routing was changed",
    "limits": "limits were changed",
    "documents": "documents were changed",
    "upgrade": "the package was changed",
    "endpoint_ejected": "an endpoint was ejected",
    "endpoint_readmitted": "an endpoint was ejected",
    "overloaded": "the gateway was overloaded",
    "worker_restarted": "a worker was restarted",
}

SET = (
    "a setting was changed",
    "limits were changed",
    "routing was changed",
    "watching was changed",
    "an endpoint was changed",
    "a model was changed",
    "a variant was changed",
    "the package was changed",
)
"""Changes by which a configuration may have gone wrong."""

CONFIGURATION = (
    "failed by configuration",
    "gave up early",
    "answers end at one length",
    "withheld",
)
"""What shows where the configuration is at fault."""


def readings(
    populations: Populations,
    evidence: Mapping[Signal, float],
    alike: Sequence[Slice],
    changes: Sequence[Near],
) -> Readings:
    """Return the strength of every trait that can be read; those that cannot are left out."""
    found: dict[str, float] = {}
    found |= failures_read(populations)
    found |= measures_read(populations)
    found |= answers_read(populations, evidence)
    found |= _places(alike)
    found |= _changes(changes)
    found["new instructions"] = max(populations.novelty, found.get("a variant was changed", 0.0))
    found["something was set"] = max((found.get(name, 0.0) for name in SET), default=0.0)
    found["broken off"] = max(found["failed in the middle"], found["answers broke off"])
    found["the configuration shows"] = max(found[name] for name in CONFIGURATION)
    found["short of something"] = max(found.get("overhead", 0.0), found["failed for want of room"])
    return {name: strength for name, strength in found.items() if math.isfinite(strength)}


def _places(alike: Sequence[Slice]) -> Readings:
    """Return at what a fault is; slices that hold the same requests share the claim."""
    found: dict[str, float] = {}
    for where in alike:
        for name in {PLACES[dimension] for dimension, _ in where if dimension in PLACES}:
            found[name] = found.get(name, 0.0) + 1.0 / len(alike)
        if not where:
            found["everywhere"] = found.get("everywhere", 0.0) + 1.0 / len(alike)
    return found


def _changes(changes: Sequence[Near]) -> Readings:
    found: dict[str, float] = {}
    for each in changes:
        name = CHANGED[each.change.kind]
        found[name] = max(found.get(name, 0.0), each.closeness)
    return found
