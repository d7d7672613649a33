"""What a guardian is given of a case: the window, with alarms in half of the cases, and never the truth."""

import random
from collections.abc import Sequence
from math import sqrt
from statistics import fmean

import msgspec

from benchmarks.diagnosis_world.cases import DrawnCase
from benchmarks.diagnosis_world.scoring import has_name
from benchmarks.diagnosis_world.topics import topics_of
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.observation import SIGNALS, Observation, Signal
from guardian_cluster.domain.window import Window
from guardian_cluster.monitoring.budgets import LearnedBudgets
from guardian_cluster.monitoring.signals import Budgets
from guardian_cluster.simulation.traffic import Traffic
from guardian_cluster.simulation.traffic.observing import window

_RAISED_AFTER = (40, 250)
"""Requests between an onset and its alarm: what an e-detector takes at drops of 10 to 40 points."""
_ONSET_OFF = 25.0
"""Requests by which an alarm's onset is off, as a standard deviation."""
_CLEAR = 6.0
"""Standard errors by which a second signal is worse where the same fault raises a second alarm."""
_LEAST_SPREAD = 0.05
"""Of a signal that was hardly ever lost on before, or any first loss would be the largest rise."""


def drawn(case: DrawnCase) -> tuple[Traffic, Window, int]:
    """Return the traffic and the window of a case, and how many had to be drawn again before.

    A place that has no name, since the topics that were learned are others, is no question to a diagnosis; how many
    there are of them is a figure of its own.
    """
    for number, traffic in enumerate(case.traffics()):
        window = seen(case, traffic)
        if all(has_name(truth, window) for truth in traffic.truths):
            return traffic, window, number
    raise RuntimeError(f"no world holds {case.faults}; run again with another seed")


def seen(case: DrawnCase, traffic: Traffic) -> Window:
    """Return the window of a case."""
    known = traffic.records[: case.reference]
    found = window(traffic, topics_of(known), budgets_of(traffic))
    if not case.with_alarm:
        return found
    return msgspec.structs.replace(found, alarms=_alarms(case, traffic, found.observations))


def budgets_of(traffic: Traffic) -> Budgets:
    """Return the specialist's budgets at the end, as the product learns them: a fault's requests are among them."""
    learned = LearnedBudgets()
    for record in traffic.records:
        learned.take(record)
    return learned.of(traffic.specialist)


def split(observations: Sequence[Observation], onset: float) -> int:
    """Return how many requests lie before an onset."""
    return next((n for n, each in enumerate(observations) if each.at >= onset), len(observations))


def rise(signal: Signal, observations: Sequence[Observation], first: int) -> float:
    """Return by how many standard errors a signal is worse from a request on."""
    before = _losses(signal, observations[:first])
    since = _losses(signal, observations[first:])
    if len(before) < 30 or len(since) < 30:
        return 0.0
    usual = fmean(before)
    spread = max(sqrt(fmean([(loss - usual) ** 2 for loss in before])), _LEAST_SPREAD)
    return (fmean(since) - usual) / (spread / sqrt(len(since)))


def _losses(signal: Signal, observations: Sequence[Observation]) -> list[float]:
    return [each.losses[signal] for each in observations if signal in each.losses]


def _alarms(case: DrawnCase, traffic: Traffic, observed: Sequence[Observation]) -> tuple[Alarm, ...]:
    """Return an alarm of the signal that rose most at each onset; without a fault a false one of a time at random."""
    rng = random.Random(case.seed)
    onsets = [truth.onset for truth in traffic.truths]
    onsets = onsets or [observed[-rng.randrange(case.after // 3, case.after)].at]
    found: dict[Signal, Alarm] = {}
    for onset in onsets:
        first = split(observed, onset)
        risen = sorted([(rise(signal, observed, first), signal) for signal in SIGNALS], reverse=True)
        for _, signal in [risen[0], *[each for each in risen[1:2] if each[0] > _CLEAR]]:
            found.setdefault(signal, _alarm(signal, observed, first, rng))
    return tuple(found.values())


def _alarm(signal: Signal, observed: Sequence[Observation], first: int, rng: random.Random) -> Alarm:
    last = len(observed) - 1
    raised = min(first + rng.randint(*_RAISED_AFTER), last)
    onset = min(max(round(first + rng.gauss(0.0, _ONSET_OFF)), 0), raised)
    since = [each for each in observed[onset:] if signal in each.losses]
    worst = sorted(since, key=lambda each: each.losses[signal], reverse=True)[:20]
    return Alarm(
        id=f"alarm_{rng.getrandbits(48):012x}",
        specialist=observed[0].specialist,
        signal=signal,
        raised=observed[raised].at,
        onset=observed[onset].at,
        evidence=12.0,
        bound=100_000.0,
        expected=fmean(_losses(signal, observed[:first]) or [0.0]),
        observed=fmean([each.losses[signal] for each in since] or [0.0]),
        requests=len(since),
        record_ids=tuple(each.id for each in worst),
    )
