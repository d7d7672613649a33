"""From recorded scores to thresholds on file, whatever was there before, is damaged or comes late."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sample_records import NOON, noted_events
from scored_traffic import traffic

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.snapshot import Base, RecordPolicy, Snapshot, Tenant, WatchPolicy
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.contract.threshold_action import ThresholdAction
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.processes.calibrator import SETTLE_S, Calibrator
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.writer import RecordWriter
from guardian_cluster.thresholds import ThresholdFile

HOUR_S = 3_600.0


class Control:
    """A database, a clock and a calibrator that is told when to tick."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(NOON + HOUR_S)
        self.stop = asyncio.Event()
        engine = open_database(folder / FILE_NAME, now=NOON)
        self.writer = RecordWriter(
            engine, folder / FILE_NAME, policy=RecordPolicy(), clock=self.clock, stop=self.stop
        )
        self.sequence = 0
        self.restart()

    def restart(self) -> None:
        self.calibrator = Calibrator(self.folder, self.writer, self.clock, self.stop)

    async def record(self, requests: Sequence[RequestRecord], *feedback: Feedback) -> None:
        self.sequence += 1
        await self.writer.write(
            Batch(id=BatchId("boot", self.sequence), requests=tuple(requests), feedback=feedback)
        )

    async def learn(
        self, requests: Sequence[RequestRecord] = (), *feedback: Feedback
    ) -> list[ThresholdAction]:
        await self.record(requests, *feedback)
        await self.calibrator.tick()
        return list(ThresholdFile(self.folder).load() or ())


def deploy(folder: Path, rev: int = 1, tenants: tuple[Tenant, ...] = (), asked: float = 0.05) -> None:
    watch = WatchPolicy(false_alarms=asked)
    write_snapshot(folder, Snapshot(rev=rev, base=Base(specialists=(), tenants=tenants, watch=watch)))


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Control]:
    deploy(tmp_path)
    control = Control(tmp_path)
    yield control
    await control.writer.close()


async def test_a_threshold_is_learned_from_400_sound_scores_and_says_from_which(control: Control) -> None:
    assert await control.learn(traffic(399, begin=NOON)) == []

    (action,) = await control.learn(traffic(1, begin=NOON + 60, prefix="last"))

    evidence = action.evidence
    assert (action.state, action.who, action.time) == ("applied", "calibrator", control.clock.now())
    assert (action.detector, action.specialist, action.tenant) == ("harm", "solver", "acme")
    assert (evidence.examples, evidence.since, evidence.until) == (400, NOON, NOON + 60)
    assert evidence.expected <= evidence.asked == 0.05
    assert 0.4 < action.after < 0.55


async def test_requests_that_have_not_settled_wait(control: Control) -> None:
    fresh = traffic(400, begin=control.clock.now() - SETTLE_S)

    assert await control.learn(fresh) == []
    control.clock.advance(60)
    assert len(await control.learn()) == 1


async def test_attacks_and_what_was_marked_as_bad_do_not_count(control: Control) -> None:
    attacks = traffic(100, begin=NOON + 1, mean=0.95, prefix="attack", outcome="cut")
    disliked = traffic(100, begin=NOON + 2, mean=0.95, prefix="bad")
    said = [Feedback(request_id=each.id, tenant="acme", received=NOON, score=0.0) for each in disliked]

    (action,) = await control.learn([*traffic(400, begin=NOON), *attacks, *disliked], *said)

    assert (action.evidence.examples, action.evidence.left_out) == (400, 200)
    assert action.after < 0.55


async def test_each_tenants_own_rate_is_asked(control: Control) -> None:
    strict = Tenant(name="strict", watch=WatchPolicy(false_alarms=0.2))
    deploy(control.folder, 2, (strict, Tenant(name="acme")))

    actions = await control.learn(
        [*traffic(400, begin=NOON), *traffic(1_200, begin=NOON, prefix="s", tenant="strict")]
    )

    assert {each.tenant: each.evidence.asked for each in actions} == {"acme": 0.05, "strict": 0.2}


async def test_another_rate_recalibrates_and_a_weaker_one_is_proposed(control: Control) -> None:
    await control.learn(traffic(400, begin=NOON))
    deploy(control.folder, 2, asked=0.06)
    stricter = await control.learn()
    deploy(control.folder, 3, asked=0.02)
    weaker = await control.learn()

    assert [each.state for each in stricter] == ["applied", "applied"]
    assert [each.state for each in weaker] == ["applied", "applied", "proposed"]
    assert await control.learn() == weaker


async def test_a_restart_learns_on_and_repeats_nothing(control: Control) -> None:
    first = await control.learn(traffic(500, begin=NOON))
    control.restart()
    again = await control.learn(traffic(300, begin=NOON + 100, mean=0.1, prefix="low"))
    control.restart()
    more = await control.learn(traffic(300, begin=NOON + 200, mean=0.1, prefix="lower"))

    assert len(first) == 1
    assert again == first
    assert len(more) == 2
    assert more[1].after < first[0].after


async def test_a_drift_is_told_once_and_is_in_the_next_action(
    control: Control, caplog: pytest.LogCaptureFixture
) -> None:
    await control.learn(traffic(1_000, begin=NOON))
    await control.learn(traffic(500, begin=NOON + 200, mean=0.6, prefix="shifted"))
    control.restart()
    actions = await control.learn()

    told = [event for event in await control.writer.run(noted_events) if event.kind == "scores_drifted"]
    assert [(event.subject, event.detail) for event in told] == [("harm/solver/acme", "higher")]
    assert caplog.text.count("have drifted") == 1
    assert actions[-1].evidence.drift is not None
    assert actions[-1].evidence.drift.change == "higher"
    assert actions[-1].state == "proposed"  # it would report less


@pytest.mark.parametrize("damage", ["thresholds", "snapshot"])
async def test_what_is_damaged_costs_thresholds_and_nothing_else(control: Control, damage: str) -> None:
    path = control.folder / f"{damage}.json"
    path.write_bytes(b"damaged")
    await control.record(traffic(400, begin=NOON))
    running = asyncio.create_task(control.calibrator.run())
    await asyncio.sleep(0.3)
    control.stop.set()
    await running

    assert path.read_bytes() == b"damaged"
    assert damage == "thresholds" or ThresholdFile(control.folder).load() is None


async def test_without_a_snapshot_nothing_is_learned_until_there_is_one(control: Control) -> None:
    (control.folder / "snapshot.json").unlink()
    assert await control.learn(traffic(400, begin=NOON)) == []

    deploy(control.folder, 2)

    assert len(await control.learn()) == 1
