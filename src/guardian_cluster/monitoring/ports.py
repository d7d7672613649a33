"""What workflow 2 needs of others, as Protocols over values of `domain`; `cluster.py` and `processes/` fill them in."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.improvement import Improvement, SafetyReview
from guardian_cluster.domain.monitoring import (
    CoordinationResult,
    DiagnosticianReport,
    GuardianReports,
    MetaAnalysis,
    MonitoringCycleResult,
    Need,
    OptimizerReport,
    SafetyReport,
    WatcherReport,
)
from guardian_cluster.domain.window import Window

_Result = TypeVar("_Result")


class Steps(Protocol):
    """Where a workflow's steps are kept: an engine's run, or nowhere (`engine/`)."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    async def step(
        self, name: str, work: Callable[[str], Awaitable[_Result]], returns: type[_Result]
    ) -> _Result:
        """Return what `work`, given its key, returned when it was first done to its end."""
        ...


class Watcher(Protocol):
    """Says how a specialist's answers do."""

    async def continuous_monitor(self, specialist: Specialist) -> WatcherReport:
        """Return how the specialist's answers did in the window."""
        ...


class Diagnostician(Protocol):
    """Says why they do so."""

    async def analyze_patterns(self, specialist: Specialist) -> DiagnosticianReport:
        """Return the causes of what is wrong, and where it is."""
        ...


class Optimizer(Protocol):
    """Says what could be better, and proposes it."""

    async def assess_performance(self, specialist: Specialist) -> OptimizerReport:
        """Return what could be better although nothing is broken."""
        ...

    async def propose(self, specialist: Specialist, needs: Sequence[Need]) -> tuple[Improvement, ...]:
        """Return typed changes that serve these needs: one for each cause at most, none where none is known."""
        ...


class SafetyMonitor(Protocol):
    """Says what of it is allowed."""

    async def check_compliance(self, specialist: Specialist) -> SafetyReport:
        """Return what was done that no policy allows."""
        ...

    async def review(self, specialist: Specialist, improvement: Improvement) -> SafetyReview:
        """Return what is to be held against an improvement."""
        ...


class Guardians(Protocol):
    """The four guardians of one specialist, looking at the same window."""

    @property
    def watcher(self) -> Watcher:
        """Says how its answers do."""
        ...

    @property
    def diagnostician(self) -> Diagnostician:
        """Says why."""
        ...

    @property
    def optimizer(self) -> Optimizer:
        """Says what could be better."""
        ...

    @property
    def safety_monitor(self) -> SafetyMonitor:
        """Says what is allowed."""
        ...


class GuardianNetwork(Protocol):
    """Every specialist with its guardians."""

    def get_specialist(self, specialist_id: str) -> Specialist:
        """Return the specialist as it is deployed. Raises KeyError where it is not, or not any more."""
        ...

    def get_guardians_for_specialist(self, specialist_id: str) -> Guardians:
        """Return its four guardians."""
        ...

    @property
    def meta_guardian(self) -> "MetaGuardian":
        """What watches the guardians."""
        ...


class MetaGuardian(Protocol):
    """Says how good the guardians themselves are."""

    async def analyze(self, specialist: Specialist, reports: GuardianReports) -> MetaAnalysis:
        """Return how they did, and at most one change of a parameter of theirs."""
        ...


class Coordination(Protocol):
    """Makes one finding of what several guardians report."""

    async def coordinate_insights(self, guardian_reports: GuardianReports) -> CoordinationResult:
        """Return what is to be improved, one need for each cause, and whose view lost."""
        ...


class ImprovementQueue(Protocol):
    """Improvements that wait for workflow 3."""

    async def queue_improvements(
        self, improvements: Sequence[tuple[Improvement, SafetyReview]], *, key: str
    ) -> Sequence[str]:
        """Put improvements into the queue, or under investigation; those that are known change nothing.

        `key` names this very call: made twice, it has its effect once. Returns the ids of those that were new.
        """
        ...


class MonitoringStore(Protocol):
    """What workflow 2 reads and keeps of the state; who watches writes the rest."""

    async def alarms(self, specialist: str = "", *, open_only: bool = True) -> Sequence[Alarm]:
        """Return alarms, newest first, at most 200."""
        ...

    async def changes(self, since: float, until: float) -> Sequence[ChangeEvent]:
        """Return what was changed in that time, oldest first."""
        ...

    async def put_cycle(self, id: str, result: MonitoringCycleResult) -> None:
        """Keep what a cycle found; one with a known id changes nothing."""
        ...

    async def cycles(self, specialist: str = "", *, limit: int = 20) -> Sequence[MonitoringCycleResult]:
        """Return the newest cycles, newest first."""
        ...


class WindowSource(Protocol):
    """Where windows come from."""

    async def window(self, specialist: str) -> Window:
        """Return the specialist's recent past, as it is now."""
        ...
