"""Improvements, reviews and thresholds for the tests of the queue and of decisions."""

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import (
    Change,
    Concern,
    Improvement,
    SafetyReview,
    SettingChange,
    ThresholdChange,
)
from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.improvement.decisions import Decisions
from guardian_cluster.improvement.ports import ImprovementStore
from guardian_cluster.improvement.queue import ImprovementQueue

NOON = 1_764_244_800.0
SETTING = SettingChange(path="specialists.writer.timeouts.first_token_s", before=60.0, after=7.0)
THRESHOLD = ThresholdChange(detector="harm", specialist="writer", tenant="acme", before=0.8, after=0.6)
FLAGGED = (Concern(rule="blast-radius", said="it concerns more than writer"),)


def improvement(id: str = "i1", change: Change = SETTING, **changes: object) -> Improvement:
    values: dict[str, object] = {
        "id": id, "specialist": "writer", "proposed": NOON, "proposer": "optimizer", "motive": "quality",
        "change": change, "reason": "Sound answers begin sooner.", "cause": "hang",
        "where": (("endpoint", "writer/1"),), "record_ids": ("r1", "r2"), "blast_radius": 0.5,
    }  # fmt: skip
    return Improvement(**(values | changes))  # type: ignore[arg-type]


def review(id: str = "i1", concerns: tuple[Concern, ...] = ()) -> SafetyReview:
    return SafetyReview(improvement_id=id, at=NOON, concerns=concerns)


class Ledger:
    """Thresholds in memory, that can be made to fail."""

    def __init__(self) -> None:
        self.in_force: dict[str, ThresholdChange] = {}
        self.problem: str = ""

    def adopt(self, change: ThresholdChange, *, improvement_id: str, who: str, at: float) -> None:
        if self.problem:
            raise CannotCreate(Problem("thresholds-locked", self.problem))
        self.in_force[improvement_id] = change

    def release(self, improvement_id: str, *, who: str, at: float) -> None:
        self.in_force.pop(improvement_id, None)

    def holds(self, improvement_id: str) -> bool:
        return improvement_id in self.in_force


class House:
    """A queue and the decisions about it, over one store."""

    def __init__(self, store: ImprovementStore) -> None:
        self.store = store
        self.clock = ManualClock(NOON)
        self.ledger = Ledger()
        self.queue = ImprovementQueue(store, self.clock, lambda: "ada")
        self.decisions = Decisions(store, self.ledger, self.clock)

    async def propose(self, id: str = "i1", change: Change = SETTING, *, flagged: bool = False) -> None:
        pair = (improvement(id, change), review(id, FLAGGED if flagged else ()))
        await self.queue.queue_improvements([pair], key=f"run:1:queue-{id}")

    async def state(self, id: str = "i1") -> str:
        item = await self.store.improvement(id)
        return "gone" if item is None else item.state
