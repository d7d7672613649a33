"""A small world for the tests of recovery: one clock, what is served, and requests that fare as the moves make them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from guardian_cluster.contract.snapshot import Base, Endpoint, Overlay, RecoveryPolicy, Specialist, Variant
from guardian_cluster.domain.action import Action, Drain, HeldMove, Move, Scope, kind_of
from guardian_cluster.domain.alert import AlertState
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.diagnosis import Cause, Diagnosis, Finding
from guardian_cluster.domain.incident import FailureEvent, Incident
from guardian_cluster.domain.observation import Observation, Slice
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    PlannedMove,
    PlayCount,
    Retried,
    SeverityAssessment,
)
from guardian_cluster.recovery.memory_store import MemoryIncidentStore
from guardian_cluster.recovery.situation import Situation

NOON = 1_764_244_800.0
WRITER_1: Slice = (("endpoint", "writer/1"),)


def specialist(name: str = "writer", endpoints: int = 2, **changes: object) -> Specialist:
    places = tuple(
        Endpoint(id=f"{name}/{number}", url="http://127.0.0.1:1/v1", model=f"model-{number}")
        for number in range(1, endpoints + 1)
    )
    values: dict[str, object] = {"endpoints": places, "variants": (Variant(id="v1"),)}
    return Specialist(name=name, **(values | changes))  # type: ignore[arg-type]


def event(id: str = "e1", **changes: object) -> FailureEvent:
    values: dict[str, object] = {
        "at": NOON, "onset": NOON - 30.0, "specialist": "writer", "signal": "error", "where": WRITER_1,
        "source": "alarm", "expected": 0.02, "observed": 0.9, "requests": 40,
    }  # fmt: skip
    return FailureEvent(id=id, **(values | changes))  # type: ignore[arg-type]


def observation(number: int, at: float, loss: float = 0.0, **changes: object) -> Observation:
    values: dict[str, object] = {
        "specialist": "writer", "dimensions": {"endpoint": f"writer/{1 + number % 2}", "tenant": "acme"},
        "losses": {"error": loss}, "duration_ms": 500.0,
    }  # fmt: skip
    return Observation(id=f"r{number}", at=at, **(values | changes))  # type: ignore[arg-type]


def diagnosis(cause: Cause | None = "hang", where: Slice = WRITER_1, probability: float = 0.9) -> Diagnosis:
    found = (Finding(where=where, score=20.0, requests=40, expected=0.02, observed=0.9),)
    return Diagnosis(
        id="d1", specialist="writer", at=NOON, onset=NOON - 30.0, signal="error", cause=cause,
        probability=probability, findings=found if cause else (), summary="It hangs.",
    )  # fmt: skip


def situation(**changes: object) -> Situation:
    values: dict[str, object] = {
        "event": event(), "diagnosis": diagnosis(), "severity": "error", "specialist": specialist(),
        "bad": 0.46, "backups": ("editor",),
    }  # fmt: skip
    return Situation(**(values | changes))  # type: ignore[arg-type]


def action(
    id: str = "a1",
    move: Move | None = None,
    *,
    incident_id: str = "i1",
    scope: Scope | None = None,
    **changes: object,
) -> Action:
    values: dict[str, object] = {"loop": "recovery", "state": "active", "taken": NOON, "until": NOON + 900.0}
    move = move or Drain(specialist="writer", endpoint="writer/1")
    scope = scope or Scope(specialist="writer", endpoint="writer/1")
    return Action(id=id, incident_id=incident_id, move=move, scope=scope, **(values | changes))  # type: ignore[arg-type]


def incident(**changes: object) -> Incident:
    values: dict[str, object] = {
        "id": "i1", "key": "k1", "specialist": "writer", "signal": "error", "where": WRITER_1,
        "state": "validating", "opened": NOON, "updated": NOON, "onset": NOON, "bad": 0.46, "bad_alike": 0.23,
        "mitigated": NOON,
    }  # fmt: skip
    return Incident(**(values | changes))  # type: ignore[arg-type]


@dataclass
class World:
    """What is served, who asks it, and all that recovery asks others for."""

    cause: Cause | None = "hang"
    helped_by: frozenset[str] = frozenset()
    """The kinds of moves in force under which requests go well."""
    rate: float = 10.0
    """Requests a second."""
    policy: RecoveryPolicy = field(default_factory=RecoveryPolicy)
    backups: tuple[str, ...] = ("editor",)
    pages: bool = True
    before: Callable[[], None] = lambda: None
    """What happens before each wait."""
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    store: MemoryIncidentStore = field(default_factory=MemoryIncidentStore)
    requests: list[Observation] = field(default_factory=list[Observation])
    moves: tuple[HeldMove, ...] = ()
    published: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    alerts: dict[str, tuple[str, AlertState]] = field(default_factory=dict[str, tuple[str, AlertState]])
    changes: dict[str, str] = field(default_factory=dict[str, str])
    report: DiagnosticReport | None = None

    def __post_init__(self) -> None:
        self.come(30.0, began=NOON - 30.0)

    @property
    def base(self) -> Base:
        return Base(specialists=(specialist(), specialist("editor", 1)), recovery=self.policy)

    @property
    def overlay(self) -> Overlay:
        return Overlay(moves=self.moves)

    @property
    def is_well(self) -> bool:
        return any(kind_of(held.move) in self.helped_by for held in self.moves)

    def come(self, seconds: float, *, began: float | None = None) -> None:
        """Have requests come for so long, each as it fares under the moves in force."""
        began = self.clock.now() if began is None else began
        count = int(seconds * self.rate)
        for number in range(count):
            is_first = number % 2 == 0
            drained = any(kind_of(held.move) in ("drain", "backup") for held in self.moves)
            loss = 0.0 if self.is_well or (not is_first and not drained) else 1.0
            at = began + seconds * number / count
            ids = tuple(held.id for held in self.moves if is_first or kind_of(held.move) != "pool")
            self.requests.append(observation(len(self.requests) * 2 + number % 2, at, loss, moves=ids))

    async def wait(self, seconds: float) -> None:
        self.before()
        self.come(seconds)
        self.clock.advance(seconds)

    async def publish(self, moves: Sequence[HeldMove]) -> None:
        self.moves = tuple(moves)
        self.published.append(tuple(held.id for held in moves))

    async def since(self, specialist: str, at: float, *, limit: int = 2_000) -> Sequence[Observation]:
        return [each for each in self.requests if each.at >= at][:limit]

    async def diagnose(self, event: FailureEvent) -> DiagnosticReport:
        found = diagnosis(self.cause, event.where or WRITER_1)
        return self.report or DiagnosticReport(at=self.clock.now(), diagnosis=found)

    async def retry(self, event: FailureEvent, moves: Sequence[Move]) -> Retried:
        return Retried(tried=3, well=3 if self.is_well else 0)

    async def of(
        self, event: FailureEvent, report: DiagnosticReport, assessment: SeverityAssessment
    ) -> Situation:
        return situation(
            event=event, diagnosis=report.diagnosis, severity=assessment.severity, moves=self.moves,
            backups=self.backups, recent=await self.since("writer", event.onset), specialist=specialist(),
        )  # fmt: skip

    async def counts(self, cause: Cause | None) -> Sequence[PlayCount]:
        return await self.store.counts(cause)

    async def raise_alert(self, incident: Incident, state: AlertState, *, key: str) -> bool:
        self.alerts[key] = (incident.id, state)
        return self.pages

    async def tell_change(self, action: Action, *, key: str) -> None:
        self.changes[key] = f"{kind_of(action.move)} {action.state}"


def plan(move: Move | None = None, kind: str = "drain", **changes: object) -> PlannedMove:
    move = move or Drain(specialist="writer", endpoint="writer/1")
    values: dict[str, object] = {
        "moves": (move,), "scope": Scope(specialist="writer", endpoint=getattr(move, "endpoint", "")),
        "blast_radius": 0.5, "hold_s": 900.0, "why": "it goes wrong there",
    }  # fmt: skip
    return PlannedMove(kind=kind, **(values | changes))  # type: ignore[arg-type]
