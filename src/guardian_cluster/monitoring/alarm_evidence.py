"""Decides what an alarm says: since when, how much worse than expected, and which requests show it."""

import hashlib
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.monitoring import SignalReading
from guardian_cluster.domain.observation import Slice, named
from guardian_cluster.monitoring.alarm_recent import Recent
from guardian_cluster.monitoring.alarm_weights import MARK, signal_of
from guardian_cluster.statistics.e_detector import Flags, Floats, expit, onset

MOST_RECORDS = 20
SURELY = 100.0
"""How much more likely a narrower place has to make what was seen."""

_RARELY = 0.002
"""No rate is held for smaller: the first loss would prove anything."""

_Z_95 = 1.96


class Fault(NamedTuple):
    """What of the latest requests belongs to a fault."""

    rows: npt.NDArray[np.intp]
    expected: float
    observed: float


def fault(recent: Recent, place: int, stream: int, magnitude: int, caution: float) -> Fault:
    """Return the requests of a place since a fault began there, as far as can be told."""
    known = ~np.isnan(recent.losses[:, stream]) & ~recent.spoilt[:, stream]
    rows = np.flatnonzero(recent.inside(place) & known)
    if not len(rows):
        return Fault(np.array([len(recent) - 1]), 0.0, 1.0)
    losses = recent.losses[rows, stream].astype(np.float64)
    odds = recent.odds[rows, stream].astype(np.float64)
    first = onset(losses, expit(odds + caution), magnitude)
    return Fault(rows[first:], float(expit(odds[first:]).mean()), float(losses[first:].mean()))


def narrowed(recent: Recent, found: Fault, stream: int) -> tuple[int, Fault]:
    """Return the place in which a fault of everything really is, with its requests there; 0 where it is everywhere.

    A place is believed where it makes what was lost `SURELY` times as likely as a fault of everything does, all places
    tried counted. So what one tenant's requests lose is its own alarm, and hides no fault of others.
    """
    losses = recent.losses[found.rows, stream].astype(np.float64)
    usual = np.clip(expit(recent.odds[found.rows, stream].astype(np.float64)), _RARELY, 1.0 - _RARELY)
    places = recent.places[found.rows]
    everywhere = _likelihood(losses, usual, np.ones(len(losses), np.bool_))
    tried = np.unique(places[places > 0])
    best, most = 0, everywhere + math.log(SURELY * max(len(tried), 1))
    for place in tried:
        likelihood = _likelihood(losses, usual, (places == place).any(axis=1))
        if likelihood > most:
            best, most = int(place), likelihood
    return (best, _within(recent, found, best, stream)) if best else (0, found)


def _likelihood(losses: Floats, usual: Floats, inside: Flags) -> float:
    """Return the log-likelihood of losses where a fault spoils a share of the requests inside, and none outside."""
    rates = usual.copy()
    lost, expected = float(losses[inside].sum()), float(usual[inside].sum())
    spoilt = max(lost - expected, 0.0) / max(float((1.0 - usual[inside]).sum()), _RARELY)
    rates[inside] += min(spoilt, 1.0) * (1.0 - usual[inside])
    rates = np.clip(rates, _RARELY, 1.0 - _RARELY)
    return float((losses * np.log(rates) + (1.0 - losses) * np.log1p(-rates)).sum())


def _within(recent: Recent, found: Fault, place: int, stream: int) -> Fault:
    rows = found.rows[(recent.places[found.rows] == place).any(axis=1)]
    odds = recent.odds[rows, stream].astype(np.float64)
    return Fault(rows, float(expit(odds).mean()), float(recent.losses[rows, stream].mean()))


def alarm_of(
    specialist: str,
    stream: int,
    where: Slice,
    found: Fault,
    recent: Recent,
    *,
    at: float,
    evidence: float,
    bound: float,
) -> Alarm:
    """Return the alarm of a fault that was found; its id is that of its first request, signal and slice."""
    rows = [int(row) for row in found.rows]
    worst = sorted(rows, key=lambda row: (-recent.losses[row, stream], -row))[:MOST_RECORDS]
    began = float(recent.times[rows[0]])
    return Alarm(
        id=_id(specialist, str(stream), named(where), recent.ids[rows[0]]),
        specialist=specialist,
        signal=signal_of(stream),
        where=where,
        raised=at,
        onset=min(began, at),
        evidence=evidence,
        bound=bound,
        expected=found.expected,
        observed=found.observed,
        requests=len(rows),
        record_ids=tuple(recent.ids[row] for row in worst if recent.losses[row, stream] > 0.0),
    )


def reading(recent: Recent, stream: int, *, is_ready: bool) -> SignalReading | None:
    """Return how a stream stands in the latest requests; `None` where nothing is known of it.

    The interval is Wilson's (JASA 1927), for losses between 0 and 1 rather wide.
    """
    losses = recent.losses[:, stream]
    known = ~np.isnan(losses)
    count = int(known.sum())
    if not count:
        return None
    mean = min(max(float(losses[known].mean(dtype=np.float64)), 0.0), 1.0)
    scale = 1.0 + _Z_95**2 / count
    centre = (mean + _Z_95**2 / (2 * count)) / scale
    reach = _Z_95 * math.sqrt(mean * (1.0 - mean) / count + (_Z_95 / (2 * count)) ** 2) / scale
    expected = float(expit(recent.odds[known, stream].astype(np.float64)).mean()) if is_ready else None
    return SignalReading(
        signal=signal_of(stream),
        by_callers=stream == MARK,
        requests=count,
        observed=mean,
        low=max(0.0, centre - reach),
        high=min(1.0, centre + reach),
        expected=expected,
    )


def _id(*parts: str) -> str:
    text = "\x1f".join(parts).encode("utf-8", "surrogatepass")
    return "alarm-" + hashlib.blake2b(text, digest_size=8).hexdigest()
