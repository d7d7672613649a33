"""The state of the control plane: what guardians found and proposed, what people decided, and where loops go on.

Each call is one transaction in one thread (`state_access.py`).
"""

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.improvement import (
    Lesson,
    QueuedImprovement,
    QueueState,
    SafetyInvestigation,
)
from guardian_cluster.domain.monitoring import MonitoringCycleResult
from guardian_cluster.storage import state_improvements, state_monitoring, state_retention
from guardian_cluster.storage.state_improvements import Decision
from guardian_cluster.storage.state_monitoring import LoopState
from guardian_cluster.storage.state_recovery import RecoveryState

__all__ = ["LoopState", "StateStore"]


class StateStore(RecoveryState):
    """Keeps the state in `state.db` or a PostgreSQL, for the loops of workflows 2 to 4.

    It is a `MonitoringStore`, an `ImprovementStore`, an `IncidentStore` and an `OutboxStore`. Every method raises
    `StateUnavailable` where the database cannot do it now (`StateAccess`).
    """

    async def alarms(self, specialist: str = "", *, open_only: bool = True) -> Sequence[Alarm]:
        """Return alarms, newest first, at most 200."""
        return await self._read(partial(state_monitoring.alarms, specialist=specialist, open_only=open_only))

    async def put_alarms(
        self, alarms: Sequence[Alarm], *, states: Mapping[str, LoopState] | None = None
    ) -> None:
        """Keep alarms, and with them what the loops that raised them know; a known id takes the other's place."""
        await self._write(partial(_put_alarms, alarms=alarms, states=states or {}, at=self._clock.now()))

    async def accept_alarm(self, id: str, acceptance: Acceptance) -> Alarm:
        """Keep that an alarm is accepted; return it as it is then. Closed, or accepted before, it stays as it was.

        Raises KeyError where there is none.
        """
        return await self._write(partial(state_monitoring.accept_alarm, id=id, acceptance=acceptance))

    async def changes(self, since: float, until: float) -> Sequence[ChangeEvent]:
        """Return what was changed from `since` to before `until`, oldest first; of very many the newest 2,000."""
        return await self._read(partial(state_monitoring.changes, since=since, until=until))

    async def put_changes(self, changes: Sequence[ChangeEvent]) -> None:
        """Keep changes; those whose id is known are passed over."""
        await self._write(partial(state_monitoring.put_changes, changes=changes))

    async def put_cycle(self, id: str, result: MonitoringCycleResult) -> None:
        """Keep what a cycle found; one with a known id changes nothing."""
        await self._write(partial(state_monitoring.put_cycle, id=id, result=result))

    async def cycles(self, specialist: str = "", *, limit: int = 20) -> Sequence[MonitoringCycleResult]:
        """Return the newest cycles, newest first."""
        return await self._read(partial(state_monitoring.cycles, specialist=specialist, limit=limit))

    async def cycle(self, id: str) -> MonitoringCycleResult | None:
        """Return what one cycle found."""
        return await self._read(partial(state_monitoring.cycle, id=id))

    async def loop_state(self, name: str) -> LoopState | None:
        """Return what a loop knew last, and where it goes on."""
        return await self._read(partial(state_monitoring.loop_state, name=name))

    async def put(
        self,
        items: Sequence[QueuedImprovement],
        investigations: Sequence[SafetyInvestigation] = (),
        *,
        key: str,
    ) -> Sequence[str]:
        """Keep improvements with the investigations opened for them, once under this key; return the new ids."""
        work = partial(state_improvements.put, items=items, investigations=investigations)
        return await self._write(partial(work, key=key, at=self._clock.now()))

    async def improvements(
        self, *, specialist: str = "", state: QueueState | None = None, limit: int = 100
    ) -> Sequence[QueuedImprovement]:
        """Return improvements, newest first by when they came into their state."""
        work = partial(state_improvements.improvements, specialist=specialist, state=state, limit=limit)
        return await self._read(work)

    async def improvement(self, id: str) -> QueuedImprovement | None:
        """Return one improvement."""
        return await self._read(partial(state_improvements.improvement, id=id))

    async def investigations(
        self, *, specialist: str = "", open_only: bool = False, limit: int = 100
    ) -> Sequence[SafetyInvestigation]:
        """Return investigations, newest first by when they were opened."""
        work = partial(state_improvements.investigations, specialist=specialist)
        return await self._read(partial(work, open_only=open_only, limit=limit))

    async def investigation(self, id: str) -> SafetyInvestigation | None:
        """Return one investigation."""
        return await self._read(partial(state_improvements.investigation, id=id))

    async def decide(
        self,
        id: str,
        *,
        expected: QueueState,
        state: QueueState,
        who: str,
        note: str,
        at: float,
        lesson: Lesson | None = None,
        investigation: SafetyInvestigation | None = None,
    ) -> QueuedImprovement:
        """Bring an improvement from one state into another, with what follows from it, and return it.

        Raises KeyError where there is no such improvement or investigation, and Conflict where it is in another state.
        """
        work = partial(state_improvements.decide, id=id, decision=Decision(state, who, note, at))
        return await self._write(partial(work, expected=expected, lesson=lesson, investigation=investigation))

    async def lessons(self, specialist: str, *, limit: int = 100) -> Sequence[Lesson]:
        """Return what was learned of a specialist's improvements, newest first."""
        return await self._read(partial(state_improvements.lessons, specialist=specialist, limit=limit))

    async def forget(self) -> int:
        """Delete some of what is over, in one small transaction; return how many rows, 0 when none is left."""
        for step in state_retention.steps(self._clock.now()):
            if deleted := await self._write(step):
                return deleted
        return 0


def _put_alarms(
    connection: Connection, alarms: Sequence[Alarm], states: Mapping[str, LoopState], at: float
) -> None:
    state_monitoring.put_alarms(connection, alarms)
    state_monitoring.put_loop_states(connection, states, at=at)
