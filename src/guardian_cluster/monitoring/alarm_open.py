"""Decides whether the fault of an open alarm is over: by evidence that losses are as expected again, never by time.

An alarm to which nobody comes any more gathers no evidence. It is closed as silent, which says nothing of its fault.
"""

import math

import msgspec

from guardian_cluster.domain.alarm import Acceptance, Alarm, Ending
from guardian_cluster.domain.observation import Observation, holds
from guardian_cluster.statistics.e_detector import recovery_gain

EVIDENCE = 500.0
"""While a fault lasts at half its size or more, its alarm is closed wrongly once in so many requests, at most."""

_LEAST = 0.25
"""A fault is taken to lose a quarter more than expected, at least: of less, no evidence would ever be enough."""

SILENT_S = 8.0 * 86_400.0
"""Watched without one request of the alarm's: who comes once a week, as a weekly report does, was there again by then.
And of what was usual a week ago most has faded."""

_LIMIT = 30.0
_LARGEST_RATE = 0.999


class OpenAlarm(msgspec.Struct):
    """An alarm that is open, and what speaks for its end."""

    alarm: Alarm
    stream: int
    spoilt: float
    """The share of requests that the fault spoils, which would have been well without it."""
    lost: float
    evidence: float = 0.0
    silent_s: float = 0.0
    """How long it was watched since the last of its requests."""

    def covers(self, observation: Observation) -> bool:
        """Return whether a request is one of those that the alarm is about."""
        return holds(self.alarm.where, observation)

    def narrow(self, expected: float, observed: float, count: int) -> None:
        """Be about fewer requests from now on: so many of those so far, with these rates."""
        self.spoilt = _spoilt(expected, observed)
        self.lost, self.evidence = observed * count, 0.0

    def take(self, loss: float, log_odds: float) -> bool:
        """Take in a request, of which these log-odds are usual; return whether all is as expected again."""
        self.silent_s = 0.0
        usual = min(1.0 / (1.0 + math.exp(-min(max(log_odds, -_LIMIT), _LIMIT))), _LARGEST_RATE)
        bad = usual + max(self.spoilt, _LEAST * usual) / 2.0 * (1.0 - usual)
        ratio = usual * (1.0 - bad) / (bad * (1.0 - usual))
        self.evidence = (self.evidence + 1.0) * recovery_gain(loss, bad, ratio)
        self.lost += loss
        count = self.alarm.requests + 1
        self.alarm = msgspec.structs.replace(self.alarm, requests=count, observed=self.lost / count)
        return self.evidence >= EVIDENCE

    def wait(self, watched_s: float) -> bool:
        """Take in that it was watched for so long; return whether nobody has come for too long."""
        self.silent_s += watched_s
        return self.silent_s >= SILENT_S

    def closed(self, at: float, ending: Ending, acceptance: Acceptance | None = None) -> Alarm:
        """Return the alarm as it is closed."""
        return msgspec.structs.replace(self.alarm, closed=at, ending=ending, acceptance=acceptance)


def opened(alarm: Alarm, stream: int) -> OpenAlarm:
    """Return an alarm that was just raised."""
    spoilt = _spoilt(alarm.expected, alarm.observed)
    return OpenAlarm(alarm, stream, spoilt, alarm.observed * alarm.requests)


def _spoilt(expected: float, observed: float) -> float:
    usual = min(expected, _LARGEST_RATE)
    return max(0.0, observed - usual) / (1.0 - usual)
