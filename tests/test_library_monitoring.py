"""Guardians inside a program of one's own: what they find, when they look, and what it costs those who have none."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from harness import SOLVER, base, specialist
from sample_records import NOON, request_record

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.records import AttemptRecord, Feedback, RequestRecord
from guardian_cluster.contract.snapshot import Base, GuardianPolicy, Snapshot, WatchPolicy
from guardian_cluster.domain.action import HeldMove
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.monitoring.alarm_open import SILENT_S
from guardian_cluster.own_guardians import OwnGuardians, own_guardians
from guardian_cluster.request.sinks import Inbox
from guardian_cluster.simulation import ModelServer

WRITER = specialist("writer", "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")
SOUND, BROKEN = 280, 50


class Program:
    """A program without a cluster: it reports what one would."""

    def __init__(self, serving: Base) -> None:
        self.snapshot = Snapshot(rev=1, base=serving)
        self.inbox = Inbox()
        self.clock = ManualClock(NOON)

    def answer(self, count: int, *, broken: bool = False) -> list[RequestRecord]:
        """Report so many requests, a second apart; of broken ones each second one fails."""
        records = [self._answered(number, broken=broken) for number in range(count)]
        for record in records:
            self.inbox.report(record)
        return records

    def _answered(self, number: int, *, broken: bool) -> RequestRecord:
        self.clock.advance(1.0)
        endpoint = f"writer/{1 + number % 2}"
        fails = broken and endpoint == "writer/2"
        tried = AttemptRecord(
            specialist="writer",
            endpoint=endpoint,
            outcome="failed" if fails else "ok",
            error="upstream_error" if fails else None,
            duration_ms=80.0,
        )
        failed: dict[str, object] = {"outcome": "error", "status": 502, "error": "upstream_error"}
        return request_record(
            f"req_{self.clock.now():.0f}",
            started=self.clock.now(),
            specialist="writer",
            endpoint=endpoint,
            attempts=(tried,),
            **(failed if fails else {}),
        )

    async def _serve(self, moves: Sequence[HeldMove]) -> None:
        overlay = msgspec.structs.replace(self.snapshot.overlay, moves=tuple(moves))
        self.snapshot = msgspec.structs.replace(self.snapshot, overlay=overlay)

    @asynccontextmanager
    async def guarded(self, folder: Path | None = None) -> AsyncIterator[OwnGuardians]:
        opened = own_guardians(
            self.inbox, lambda: self.snapshot, self._serve, self.clock, folder, random.Random(1)
        )
        async with opened as guardians:
            yield guardians


@pytest.fixture
def program() -> Program:
    return Program(base(WRITER))


async def until(found: Callable[[], Awaitable[Any]]) -> Any:
    async with asyncio.timeout(20):
        while not (value := await found()):
            await asyncio.sleep(0.02)
    return value


async def test_what_breaks_is_noticed_and_explained_by_itself(program: Program) -> None:
    async with program.guarded() as guardians:
        program.answer(SOUND)
        program.answer(BROKEN, broken=True)
        (alarm, *_) = await until(lambda: guardians.alarms("writer", open_only=False))
        cycle = await until(lambda: explained(guardians))

    (diagnosis, *_) = cycle.guardian_reports.diagnostician.diagnoses
    assert (alarm.specialist, alarm.signal) == ("writer", "error")
    assert diagnosis.cause == "upstream_errors"
    assert dict(diagnosis.where) == {"endpoint": "writer/2"}


async def explained(guardians: OwnGuardians) -> Any:
    """Return the first cycle that came to a diagnosis."""
    cycles = await guardians.cycles("writer")
    found = [cycle for cycle in cycles if cycle.guardian_reports.diagnostician.diagnoses]
    return found[-1] if found else None


async def test_an_alarm_that_is_accepted_is_closed_with_who_has_and_why(program: Program) -> None:
    async with program.guarded() as guardians:
        program.answer(SOUND)
        program.answer(BROKEN, broken=True)
        (alarm, *_) = await until(lambda: guardians.alarms("writer"))

        accepted = await guardians.accept(alarm.id, who="ada", note="a new contract")

        assert (accepted.id, accepted.ending) == (alarm.id, "accepted")
        assert accepted.acceptance is not None
        assert (accepted.acceptance.who, accepted.acceptance.note) == ("ada", "a new contract")
        assert alarm.id not in [each.id for each in await guardians.alarms("writer")]
        assert await guardians.accept(alarm.id, who="eve") == accepted
        with pytest.raises(KeyError, match="nothing"):
            await guardians.accept("nothing", who="ada")


async def test_an_alarm_to_which_nobody_comes_for_days_is_closed(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with program.guarded() as guardians:
        program.answer(SOUND)
        program.answer(BROKEN, broken=True)
        await until(lambda: guardians.alarms("writer"))
        await guardians.monitor("writer")
        program.clock.advance(SILENT_S)  # the machine slept: nobody has watched for so long
        await guardians.monitor("writer")
        slept = await guardians.alarms("writer")
        monkeypatch.setattr("guardian_cluster.processes.rounds.LONGEST_LOOK_S", SILENT_S)
        program.clock.advance(SILENT_S)  # watched in one long look
        await guardians.monitor("writer")
        watched = await guardians.alarms("writer", open_only=False)

    assert slept
    assert {each.ending for each in watched} == {"silent"}


async def test_a_specialist_that_answered_is_looked_at_by_the_clock(program: Program) -> None:
    async with program.guarded() as guardians:
        program.answer(3)
        await guardians.monitor("writer")
        program.clock.advance(GuardianPolicy().cycle_s)
        found = await until(lambda: two_of(guardians))

    assert {cycle.specialist_id for cycle in found} == {"writer"}


async def two_of(guardians: OwnGuardians) -> Any:
    found = await guardians.cycles()
    return found if len(found) == 2 else None


async def test_what_was_found_and_what_was_usual_last_where_there_is_a_folder(
    program: Program, tmp_path: Path
) -> None:
    async with program.guarded(tmp_path / "state") as guardians:
        program.answer(SOUND)
        first = await guardians.monitor("writer")
    program.inbox.take(SOUND)
    async with program.guarded(tmp_path / "state") as guardians:
        program.answer(BROKEN, broken=True)
        second = await guardians.monitor("writer")
        alarms = await guardians.alarms("writer", open_only=False)
        found = await guardians.cycles("writer")

    assert [alarm.signal for alarm in alarms] == ["error"]
    assert {first.cycle_timestamp, second.cycle_timestamp} <= {each.cycle_timestamp for each in found}


async def test_without_a_folder_nothing_is_left_behind(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with program.guarded() as guardians:
        await guardians.monitor("writer")

    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_a_specialist_that_is_not_deployed_or_not_any_more_is_said_so(program: Program) -> None:
    async with program.guarded() as guardians:
        program.answer(3)
        await guardians.monitor("writer")
        program.snapshot = Snapshot(rev=2, base=base(SOLVER))
        await until(lambda: has_specialists(guardians, ("solver",)))

        with pytest.raises(KeyError, match="writer"):
            await guardians.monitor("writer")


async def has_specialists(guardians: OwnGuardians, names: tuple[str, ...]) -> bool:
    return guardians.network.specialists == names


async def test_a_report_that_cannot_be_looked_at_stops_nothing(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("guardian_cluster.own_guardians.AGAIN_S", 0.01)
    async with program.guarded() as guardians:
        (record,) = program.answer(1)
        program.inbox.report(msgspec.structs.replace(record, id="bad", attempts=None))
        await until(lambda: is_said(caplog, "broke off"))
        program.answer(2)
        found = await guardians.monitor("writer")

    assert found.guardian_reports.watcher.requests >= 2


async def is_said(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text


def ask(model: str = "writer") -> UserRequest:
    return UserRequest(body={"model": model, "messages": [{"role": "user", "content": "A haiku, please."}]})


async def test_guardians_of_a_cluster_see_its_requests_and_what_is_said_of_them() -> None:
    async with ModelServer("Old pond.") as model:
        watched = base(specialist("writer", model.url), watch=WatchPolicy(on_harm="observe"))
        async with (
            LLMGuardianCluster(Snapshot(rev=1, base=watched)) as cluster,
            cluster.guardians() as guardians,
        ):
            answers = [await cluster.process_request(ask()) for _ in range(4)]
            cluster.feedback(answers[0].request_id, score=0.0, label="harm")
            cluster.feedback(answers[1].request_id, score=0.0, tenant="other")
            found = await guardians.monitor("writer")
            improvements = await guardians.improvements("writer")

    (harm,) = [each for each in found.meta_analysis.scores if each.guardian == "watcher/harm"]
    (said,) = [each for each in found.guardian_reports.watcher.signals if each.by_callers]
    assert found.guardian_reports.watcher.requests == 4
    assert (harm.audited, harm.misses) == (1, 1)
    assert (said.signal, said.requests, said.observed) == ("quality", 1, 1.0)
    assert improvements == []


async def test_what_a_narrator_is_asked_is_in_no_window_and_no_record() -> None:
    serving = base(specialist("writer", "http://127.0.0.1:1/v1"))
    async with ModelServer("It broke.") as model:
        teller = specialist("teller", model.url)
        both = msgspec.structs.replace(
            serving, specialists=(WRITER, teller), guardians=GuardianPolicy(narrator="teller")
        )
        program = Program(both)
        async with program.guarded() as guardians:
            program.answer(SOUND)
            program.answer(BROKEN, broken=True)
            await guardians.monitor("writer")
            found = await guardians.monitor("teller")

        assert model.received >= 1

    assert found.guardian_reports.watcher.requests == 0


async def test_guardians_are_asked_for_once_at_a_time_and_of_a_cluster_that_serves() -> None:
    cluster = LLMGuardianCluster(Snapshot(rev=1, base=base(SOLVER)))
    with pytest.raises(RuntimeError, match="serves nothing yet"):
        async with cluster.guardians():
            pass
    async with cluster, cluster.guardians():
        with pytest.raises(RuntimeError, match="already"):
            async with cluster.guardians():
                pass
    async with cluster, cluster.guardians() as guardians:
        assert guardians.network.specialists == ("solver",)


@pytest.mark.parametrize(
    "said",
    [{}, {"score": 1.5}, {"score": float("nan")}, {"label": "x" * 201}, {"comment": b"x" * 5_000},
     {"score": "good"}, {"comment": "\ud800"}, {"score": object()}],
)  # fmt: skip
def test_feedback_that_says_nothing_or_too_much_is_refused(said: dict[str, Any]) -> None:
    cluster = LLMGuardianCluster(Snapshot(rev=1, base=base(SOLVER)))

    with pytest.raises(InvalidRequest):
        cluster.feedback("req_1", **said)


def test_feedback_reaches_the_sink_of_the_program() -> None:
    kept: list[object] = []

    class Sink:
        def report(self, report: object) -> None:
            kept.append(report)

    cluster = LLMGuardianCluster(Snapshot(rev=1, base=base(SOLVER)), sink=Sink())
    cluster.feedback("req_1", score=0.5, comment="so-so")

    (feedback,) = [report for report in kept if isinstance(report, Feedback)]
    assert (feedback.request_id, feedback.tenant, feedback.score) == ("req_1", "default", 0.5)


def test_a_program_without_guardians_loads_nothing_for_them() -> None:
    heavy = ("numpy", "sqlalchemy", "dbos", "guardian_cluster.guarded")
    program = f"import sys, guardian_cluster.cluster; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert done.stdout.strip() == "[]"
