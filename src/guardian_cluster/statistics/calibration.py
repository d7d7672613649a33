"""Learns from verdicts how likely an outcome is, from named measurements and hashed features; and how far off that is.

Each arm (the name of a specialist) has a logistic model of its own that begins with given weights and moves
away from them as verdicts come in. The weights of the measurements are a normal distribution, updated by one
step of Newton's method for each verdict (an extended Kalman filter for the logistic likelihood): after 50
verdicts it is as sure as a gradient method is after 500, and the order of the verdicts hardly matters. Hashed
features are learned on top of it by AdaGrad, and count as far as there are verdicts.
"""

import math
import struct
import sys
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import mul
from typing import NamedTuple

BUCKETS = 1 << 16
MAX_ARMS = 256
MAX_NAME_BYTES = 256
MAX_MEASUREMENTS = 255
MAX_EVIDENCE_BYTES = 8_192

SPREAD = 0.1
"""Variance of a weight before any verdict: two specialists differ in a weight by 0.3 at a time. Chosen on the
faultily labelled recordings, of 0.03, 0.1, 0.3 and 1; 0.03 to 0.3 differ by 0.01 APGR."""

LEVEL_SPREAD = 1.0
"""The same for the first measurement, which is the level: how often specialists are right differs most."""

_RATE = 0.3
"""Step of the hashed features, as in `success_model`."""

_HALF_TRUST = 50.0
"""Verdicts after which the hashed features count half."""

_MIN_CURVATURE = 0.02
_MAGIC = b"GCOM"
_VERSION = 1
_HEAD = struct.Struct("<4sBHHd")


class Evidence(NamedTuple):
    """What a learner sees of one case."""

    values: tuple[float, ...]
    """The measurements, in the order of the model's names, each between 0 and 1."""
    buckets: tuple[int, ...] = ()
    """Hashed features, each a number below `BUCKETS`."""

    def encode(self) -> bytes:
        """Return a compact form, the same on every machine: one byte a measurement and two a bucket."""
        numbers = array("H", self.buckets)
        if sys.byteorder == "big":
            numbers.byteswap()
        levels = bytes(round(255 * min(1.0, max(0.0, value))) for value in self.values)
        return struct.pack("<BB", _VERSION, len(levels)) + levels + numbers.tobytes()

    @classmethod
    def decode(cls, data: bytes) -> "Evidence":
        """Return what was encoded, measurements to 1/255. Raises ValueError for bytes that `encode` does not write."""
        if len(data) < 2 or data[0] != _VERSION or len(data) > MAX_EVIDENCE_BYTES:
            raise ValueError("these bytes are no evidence, or evidence of another version")
        end = 2 + data[1]
        if len(data) < end or (len(data) - end) % 2:
            raise ValueError(f"evidence cannot have {len(data)} bytes")
        numbers = array("H", data[end:])
        if sys.byteorder == "big":
            numbers.byteswap()
        return cls(tuple(value / 255 for value in data[2:end]), tuple(numbers))


class Estimate(NamedTuple):
    """What is expected."""

    probability: float
    trust: float
    """0: only the given weights speak; 1: only what was learned of this arm."""


class _Arm:
    """What was learned of one specialist."""

    __slots__ = ("covariance", "labels", "means", "scales", "weights")

    def __init__(self, means: Sequence[float], spread: float) -> None:
        self.labels = 0.0
        self.means = array("d", means)
        size = len(self.means)
        self.covariance = [array("d", bytes(8 * size)) for _ in range(size)]
        for place in range(size):
            self.covariance[place][place] = spread if place else LEVEL_SPREAD
        self.weights = array("f", bytes(4 * BUCKETS))
        self.scales = array("f", bytes(4 * BUCKETS))

    def tables(self) -> "list[array[float]]":
        return [self.means, *self.covariance, self.weights, self.scales]


class OutcomeModel:
    """Estimates how likely an outcome is for each arm; deterministic. `given` are weights in log-odds, by name.

    The first of them is the level: the measurement that is 1 in every case.
    """

    def __init__(self, given: Mapping[str, float], *, spread: float = SPREAD) -> None:
        if not 0 < len(given) <= MAX_MEASUREMENTS or not 0 < spread <= 100:
            raise ValueError(f"a model has 1 to {MAX_MEASUREMENTS} measurements and a positive spread")
        self.names = tuple(given)
        self._given = array("d", given.values())
        self._spread = spread
        self._arms: dict[str, _Arm] = {}

    def evidence(self, features: Mapping[str, float], buckets: Iterable[int] = ()) -> Evidence:
        """Return features as evidence; those that the model has no name for are left out."""
        return Evidence(tuple([features.get(name, 0.0) for name in self.names]), tuple(buckets))

    def predict(self, arm: str, evidence: Evidence) -> Estimate:
        """Return how likely the outcome is; an arm of which nothing is known has the given weights."""
        known = self._arms.get(arm)
        if known is None:
            return Estimate(logistic(_dot(self._given, evidence.values)), 0.0)
        trust = known.labels / (known.labels + _HALF_TRUST)
        score = _dot(known.means, evidence.values) + trust * _hashed(known, evidence.buckets)
        return Estimate(logistic(score), trust)

    def learn(self, arm: str, evidence: Evidence, label: float, weight: float = 1.0) -> None:
        """Take in that the outcome was there (1), was not (0) or something between; 1 to 2 ms.

        Raises ValueError for evidence of another model, a label or weight that is none, or one arm too many.
        """
        self._check(evidence, label, weight)
        known = self._arms.get(arm) or self._new(arm)
        known.labels += weight
        _step_hashed(known, evidence, label, weight)
        _step_measured(known, evidence.values, label, weight)

    def teach(self, arm: str, encoded: bytes, label: float, weight: float) -> None:
        """Learn from encoded evidence. Raises ValueError as `learn` does, and for bytes that are none."""
        self.learn(arm, Evidence.decode(encoded), label, weight)

    def forget_all_but(self, arms: Collection[str]) -> None:
        """Drop what was learned of everyone else."""
        for name in [name for name in self._arms if name not in arms]:
            del self._arms[name]

    def weights(self, arm: str) -> dict[str, float]:
        """Return the weights of the measurements for an arm, in log-odds by name."""
        known = self._arms.get(arm)
        return dict(zip(self.names, known.means if known else self._given, strict=True))

    def _check(self, evidence: Evidence, label: float, weight: float) -> None:
        if not 0.0 <= label <= 1.0 or not 0.0 < weight <= 100.0:
            raise ValueError(
                f"a label lies between 0 and 1, a weight above 0 and up to 100: {label}, {weight}"
            )
        if len(evidence.values) != len(self.names) or not all(
            0.0 <= value <= 1.0 for value in evidence.values
        ):
            raise ValueError("this evidence has other measurements than the model")
        if any(not 0 <= bucket < BUCKETS for bucket in evidence.buckets):
            raise ValueError(f"a bucket lies below {BUCKETS}")

    def _new(self, arm: str) -> _Arm:
        if len(self._arms) >= MAX_ARMS or len(arm.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"a model holds at most {MAX_ARMS} arms with names up to {MAX_NAME_BYTES} bytes")
        known = self._arms[arm] = _Arm(self._given, self._spread)
        return known

    def encode(self) -> bytes:
        """Return what was learned; the given weights are not in it, but how many there are is."""
        parts = [_HEAD.pack(_MAGIC, _VERSION, len(self._arms), len(self.names), self._spread)]
        for name, arm in self._arms.items():
            encoded = name.encode()
            parts.append(struct.pack("<Hd", len(encoded), arm.labels) + encoded)
            parts += map(_little, arm.tables())
        return b"".join(parts)

    def restore(self, data: bytes) -> None:
        """Take over what `encode` returned. Raises ValueError for anything else, and then changes nothing."""
        magic, version, arms, names, spread = _HEAD.unpack(_part(data, 0, _HEAD.size))
        if magic != _MAGIC or version != _VERSION or arms > MAX_ARMS or names != len(self.names):
            raise ValueError("these bytes are no outcome model, or one of another version")
        if not 0 < spread <= 100:
            raise ValueError("the spread of this outcome model is impossible")
        restored, at = dict[str, _Arm](), _HEAD.size
        for _ in range(arms):
            at = self._restore_arm(restored, data, at)
        if at != len(data) or len(restored) != arms:
            raise ValueError("an outcome model does not end where it says")
        self._arms, self._spread = restored, spread

    def _restore_arm(self, restored: dict[str, _Arm], data: bytes, at: int) -> int:
        length, labels = struct.unpack("<Hd", _part(data, at, 10))
        if length > MAX_NAME_BYTES or not 0.0 <= labels < math.inf:
            raise ValueError("an arm of this outcome model has no possible name or count")
        name = _part(data, at + 10, length).decode("utf-8")
        arm = restored[name] = _Arm(self._given, self._spread)
        arm.labels = labels
        at += 10 + length
        for table in arm.tables():
            at = _fill(table, data, at)
        return at


def _hashed(arm: _Arm, buckets: Sequence[int]) -> float:
    if not buckets:
        return 0.0
    return sum(map(arm.weights.__getitem__, buckets)) / math.sqrt(len(buckets))


def _step_hashed(arm: _Arm, evidence: Evidence, label: float, weight: float) -> None:
    if not evidence.buckets:
        return
    score = _dot(arm.means, evidence.values) + _hashed(arm, evidence.buckets)
    gradient = weight * (logistic(score) - label) / math.sqrt(len(evidence.buckets))
    square = gradient * gradient
    weights, scales = arm.weights, arm.scales
    for bucket in evidence.buckets:
        scales[bucket] += square
        weights[bucket] -= _RATE * gradient / math.sqrt(1.0 + scales[bucket])


def _step_measured(arm: _Arm, values: Sequence[float], label: float, weight: float) -> None:
    """Move the means towards one verdict, and take from the variance what it told."""
    used = [place for place, value in enumerate(values) if value]
    given = [values[place] for place in used]
    doubt = [
        sum([row[place] * value for place, value in zip(used, given, strict=True)]) for row in arm.covariance
    ]
    expected = logistic(_dot(arm.means, values))
    curvature = weight * max(expected * (1.0 - expected), _MIN_CURVATURE)
    spread = sum([doubt[place] * value for place, value in zip(used, given, strict=True)])
    share = curvature / (1.0 + curvature * spread)
    for row, own in zip(arm.covariance, doubt, strict=True):
        if own:
            taken = share * own
            row[:] = array("d", [old - taken * other for old, other in zip(row, doubt, strict=True)])
    step = weight * (label - expected) / (1.0 + curvature * spread)
    arm.means = array("d", [mean + step * own for mean, own in zip(arm.means, doubt, strict=True)])


def logistic(value: float) -> float:
    """Return the probability that log-odds stand for."""
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-min(value, 700.0)))
    power = math.exp(max(value, -700.0))
    return power / (1.0 + power)


def _dot(weights: Iterable[float], values: Iterable[float]) -> float:
    return sum(map(mul, weights, values))


def _part(data: bytes, at: int, length: int) -> bytes:
    part = data[at : at + length]
    if len(part) != length:
        raise ValueError("an outcome model ends early")
    return part


def _fill(numbers: "array[float]", data: bytes, at: int) -> int:
    size = numbers.itemsize * len(numbers)
    read: array[float] = array(numbers.typecode, _part(data, at, size))  # pyright: ignore[reportAssignmentType]
    if sys.byteorder == "big":
        read.byteswap()
    if not math.isfinite(sum(map(abs, read))):
        raise ValueError("an outcome model holds numbers that are none")
    numbers[:] = read
    return at + size


def _little(numbers: "array[float]") -> bytes:
    if sys.byteorder == "little":
        return numbers.tobytes()
    swapped = array(numbers.typecode, numbers)
    swapped.byteswap()
    return swapped.tobytes()
