"""Requests of one specialist whose true rates are known: topics, tenants, the hour, and a mix that shifts.

The log-odds of a loss are sums of what a request is about, of pairs of topic and tenant (which no sum of offsets
explains), of the hour, and of a level that wanders a little from day to day. Who asks what is confounded: tenants have
topics, languages and templates of their own. The mix of topics swings with the hour, and once or twice a day one topic
suddenly has three times its share for some hours.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from guardian_cluster.domain.observation import SIGNALS, Dimension, Observation, Signal

DAY_S = 86_400.0
START = 1_800_000_000.0
RATES: dict[Signal, float] = {
    "quality": 0.15,
    "intent_alignment": 0.10,
    "error": 0.01,
    "latency": 0.05,
    "refusal": 0.02,
    "format": 0.01,
    "groundedness": 0.12,
    "cost": 0.03,
    "leak": 0.0005,
}
"""Mean losses while nothing is wrong."""

VALUES: dict[Dimension, int] = {
    "model": 2,
    "endpoint": 4,
    "variant": 2,
    "tenant": 20,
    "topic": 10,
    "language": 4,
    "template": 8,
    "revision": 1,
}
_EFFECTS: dict[Dimension, float] = {
    "model": 0.0,
    "endpoint": 0.15,
    "variant": 0.1,
    "tenant": 0.3,
    "topic": 0.6,
    "language": 0.2,
    "template": 0.2,
    "revision": 0.0,
}
"""Deviations of the log-odds between the values of a dimension. From topic to topic, quality's loss is between 6 % and
30 %."""

_NAMES = {name: [f"{name}-{number}" for number in range(count)] for name, count in VALUES.items()}

_PAIRS = 0.15
_DAILY = 0.25
"""Of the first wave of the day; the second has half of it. The loss of quality is 12 % at best and 18 % at worst."""

_WANDER = 0.02
"""A day."""

_MISSING, _MARKED = 0.1, 0.1
"""Requests of which no check says how good they were; and those that their callers mark, which comes late."""

_LATE_MEDIAN_S, _LATE_SPREAD = 3_600.0, 1.5
_GROUNDED = 0.4
_QUALITY = SIGNALS.index("quality")
_INTENT, _GROUNDEDNESS = SIGNALS.index("intent_alignment"), SIGNALS.index("groundedness")

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


class World(NamedTuple):
    """The requests of one specialist in the order in which they come."""

    specialist: str
    times: Floats
    values: dict[Dimension, Numbers]
    rates: Floats
    """What each loses on each signal, in the mean."""
    chances: Floats
    """Uniform: a request loses where its chance is below its rate. So a fault adds losses, and takes none away."""
    is_known: npt.NDArray[np.bool_]
    marks: Floats
    """When its caller marks it; infinite where none does."""
    mark_chances: Floats
    """Callers do not judge as checks do, but as often badly."""

    def __len__(self) -> int:
        return len(self.times)

    def loses_quality(self, number: int, chance: float, fault: "Fault | None") -> float:
        """Return whether quality is lost, 0 or 1, for this chance."""
        rate = self.rates[number, _QUALITY]
        if fault is not None and number >= fault.since and self.is_in(number, fault.where):
            rate += fault.drop
        return float(chance < rate)

    def is_in(self, number: int, where: tuple[Dimension, int] | None) -> bool:
        """Return whether a request is in a slice."""
        return where is None or bool(self.values[where[0]][number] == where[1])

    def recorded(self, number: int, fault: "Fault | None" = None) -> Observation:
        """Return a request as it is recorded."""
        lost, known = self.chances[number] < self.rates[number], self.is_known[number]
        found: dict[Signal, float] = {
            signal: float(each)
            for signal, each, is_known in zip(SIGNALS, lost, known, strict=True)
            if is_known
        }
        if fault is not None and "quality" in found:
            found["quality"] = self.loses_quality(number, self.chances[number, _QUALITY], fault)
        return self._observation(number, found)

    def marked(self, number: int, fault: "Fault | None" = None) -> Observation:
        """Return what is heard of a request when its caller has marked it."""
        lost = self.loses_quality(number, self.mark_chances[number], fault)
        return self._observation(number, {"quality": lost})

    def _observation(self, number: int, losses: dict[Signal, float]) -> Observation:
        return Observation(
            id=f"{self.specialist}-{number}",
            at=float(self.times[number]),
            specialist=self.specialist,
            dimensions={name: _NAMES[name][values[number]] for name, values in self.values.items()},
            losses=losses,
        )


class Fault(NamedTuple):
    """From a request on, quality is lost more often by `drop`, everywhere or in a slice."""

    since: int
    drop: float
    where: tuple[Dimension, int] | None = None


def world(specialist: str, seed: int, days: float, per_day: int) -> World:
    """Return so many days of a specialist, `per_day` requests each in the mean."""
    rng = np.random.default_rng(seed)
    times = _times(rng, days, per_day)
    values = _values(rng, times)
    rates = _rates(rng, times, values)
    count = len(times)
    is_known = np.ones((count, len(SIGNALS)), np.bool_)
    is_known[:, _QUALITY] = rng.random(count) >= _MISSING
    is_known[:, _INTENT] = rng.random(count) >= _MISSING
    is_known[:, _GROUNDEDNESS] = rng.random(count) < _GROUNDED
    delays = np.exp(rng.normal(np.log(_LATE_MEDIAN_S), _LATE_SPREAD, count))
    marks = np.where(rng.random(count) < _MARKED, times + delays, np.inf)
    chances = rng.random(rates.shape)
    return World(specialist, times, values, rates, chances, is_known, marks, rng.random(count))


def _times(rng: np.random.Generator, days: float, per_day: int) -> Floats:
    """Return when requests come: twice to four times as many in the busiest hour as in the quietest."""
    swing, peak = rng.uniform(0.35, 0.6), rng.uniform(0.0, 2.0 * np.pi)
    drawn = START + rng.uniform(0.0, days * DAY_S, int(days * per_day * (1.0 + swing)))
    busy = (1.0 + swing * np.cos(2.0 * np.pi * drawn / DAY_S - peak)) / (1.0 + swing)
    return np.sort(drawn[rng.random(len(drawn)) < busy])


def _values(rng: np.random.Generator, times: Floats) -> dict[Dimension, Numbers]:
    """Return what requests are about. Tenants have topics, templates and languages of their own."""
    count = len(times)
    shares = 1.0 / np.arange(1, VALUES["tenant"] + 1)
    tenant = rng.choice(VALUES["tenant"], count, p=shares / shares.sum())
    liking = rng.dirichlet(np.full(VALUES["topic"], 0.7), VALUES["tenant"]) + 0.01
    topic = _drawn(rng, liking[tenant] * _mix(rng, times))
    template = _drawn(rng, (rng.dirichlet(np.full(VALUES["template"], 0.4), VALUES["topic"]) + 0.01)[topic])
    language = _drawn(rng, (rng.dirichlet(np.full(VALUES["language"], 0.5), VALUES["tenant"]) + 0.01)[tenant])
    endpoint = rng.choice(VALUES["endpoint"], count, p=[0.4, 0.3, 0.2, 0.1])
    return {
        "model": endpoint % VALUES["model"],
        "endpoint": endpoint,
        "variant": (rng.random(count) < 0.1).astype(np.int64),
        "tenant": tenant,
        "topic": topic,
        "language": language,
        "template": template,
        "revision": np.zeros(count, np.int64),
    }


def _mix(rng: np.random.Generator, times: Floats) -> Floats:
    """Return by how much each topic is asked for more than usual at each time."""
    topics = VALUES["topic"]
    swings, peaks = rng.uniform(0.0, 0.5, topics), rng.uniform(0.0, 2.0 * np.pi, topics)
    found = 1.0 + swings * np.cos(2.0 * np.pi * times[:, None] / DAY_S - peaks)
    days = (times[-1] - times[0]) / DAY_S
    for _ in range(rng.poisson(1.5 * days)):
        since = times[0] + rng.uniform(0.0, days * DAY_S)
        inside = (times >= since) & (times < since + rng.uniform(1.0, 8.0) * 3_600.0)
        found[inside, rng.integers(topics)] *= 3.0
    return found


def _drawn(rng: np.random.Generator, weights: Floats) -> Numbers:
    """Return one column for each row, by the row's weights."""
    sums = np.cumsum(weights, axis=1)
    return (sums < rng.random(len(sums))[:, None] * sums[:, -1:]).sum(axis=1)


def _rates(rng: np.random.Generator, times: Floats, values: dict[Dimension, Numbers]) -> Floats:
    found = [_signal_rates(rng, RATES[signal], times, values) for signal in SIGNALS]
    return np.stack(found, axis=1)


def _signal_rates(
    rng: np.random.Generator, mean: float, times: Floats, values: dict[Dimension, Numbers]
) -> Floats:
    odds = np.zeros(len(times))
    for name, numbers in values.items():
        odds += rng.normal(0.0, _EFFECTS[name], VALUES[name])[numbers]
    odds += rng.normal(0.0, _PAIRS, (VALUES["topic"], VALUES["tenant"]))[values["topic"], values["tenant"]]
    angle = 2.0 * np.pi * times / DAY_S
    first, second = rng.uniform(0.0, 2.0 * np.pi, 2)
    odds += _DAILY * np.cos(angle - first) + 0.5 * _DAILY * np.cos(2.0 * angle - second)
    day = ((times - times[0]) / DAY_S).astype(np.int64)
    odds += np.cumsum(rng.normal(0.0, _WANDER, day[-1] + 1))[day]
    return _shifted_to(mean, odds)


def _shifted_to(mean: float, odds: Floats) -> Floats:
    """Return rates with these log-odds, moved so that their mean is this."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2.0
        below = float((1.0 / (1.0 + np.exp(-(odds + middle)))).mean()) < mean
        low, high = (middle, high) if below else (low, middle)
    return 1.0 / (1.0 + np.exp(-(odds + low)))
