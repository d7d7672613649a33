"""What the guardians need of others, as Protocols over values of `domain` and `contract`."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from guardian_cluster.contract.threshold_action import ThresholdAction
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.improvement import Lesson, QueuedImprovement, SafetyInvestigation
from guardian_cluster.domain.monitoring import GuardianScore, SignalReading


class Readings(Protocol):
    """What is expected of a specialist's answers."""

    def readings(self, specialist: str) -> Sequence[SignalReading]:
        """Return how each signal stands, with what is expected of it where that is known."""
        ...


class JudgedScore(NamedTuple):
    """How much a detector suspected of a request, and what is known of it."""

    score: float
    """Infinite where the detector withheld the answer: what was reported is not kept, and was high."""
    is_real: bool
    """Whether there was what the detector looks for."""
    source: Literal["labels", "marks", "checks"]
    """Who says so. Checks see nothing but what is there."""
    request_id: str


class ThresholdRecord(NamedTuple):
    """What is known of a threshold in force, for answers of one specialist to one tenant."""

    current: ThresholdAction
    asked: float
    """The share of sound requests that the policy lets it report."""
    scores: Sequence[float]
    """Of its newest requests, whatever became of them."""
    judged: Sequence[JudgedScore]
    """Those of which people or checks have said what they were, newest first."""
    share: float = 1.0
    """Of the specialist's newest requests, those that the threshold is for."""


class Audits(Protocol):
    """What became of that which guardians said of a specialist, as far back as it is remembered."""

    async def detectors(self, specialist: str) -> Sequence[GuardianScore]:
        """Return how detectors did against what callers said and checks showed, by `watcher/DETECTOR`."""
        ...

    async def thresholds(self, specialist: str) -> Sequence[ThresholdRecord]:
        """Return what is known of each threshold that is in force for the specialist's answers."""
        ...

    async def alarms(self, specialist: str) -> Sequence[Alarm]:
        """Return the newest alarms, those that are closed as well."""
        ...

    async def diagnoses(self, specialist: str) -> Sequence[Diagnosis]:
        """Return the newest diagnoses, the newest first."""
        ...

    async def improvements(self, specialist: str) -> Sequence[QueuedImprovement]:
        """Return what was proposed, in whatever state it is, the newest first."""
        ...

    async def investigations(self, specialist: str) -> Sequence[SafetyInvestigation]:
        """Return the newest investigations, those that are closed as well."""
        ...

    async def lessons(self, specialist: str) -> Sequence[Lesson]:
        """Return what was learned of improvements that did not hold."""
        ...


class Backlogs(Protocol):
    """What waits to be written or read, anywhere in the cluster."""

    def backlogs(self) -> Mapping[str, float]:
        """Return what waits, by what it is: `records in the spool`, `seconds that windows are behind`."""
        ...
