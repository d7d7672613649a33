"""From records over the link to a model on disk, whatever is damaged or killed on the way."""

import asyncio
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from offers import offered
from sample_records import request_record
from serving import until

from guardian_cluster.contract.records import (
    AssessmentRecord,
    AttemptRecord,
    CandidateRecord,
    Feedback,
    Report,
    RequestRecord,
    RoutingRecord,
)
from guardian_cluster.contract.router_model import (
    POINTER_NAME,
    Pointer,
    RouterModel,
    offer,
    read_model,
    write_model,
)
from guardian_cluster.contract.snapshot import Base, RecordPolicy, Snapshot, Specialist, Variant
from guardian_cluster.contract.snapshot_file import FILE_NAME, SERVED_NAME, write_snapshot
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.learning.question_model import QuestionModel
from guardian_cluster.processes.control import run_control
from guardian_cluster.processes.learner import WITHDRAWN_NAME
from guardian_cluster.request.checks.answer_model import answer_model
from guardian_cluster.request.quality import QualityAssurance
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.telemetry.limits import ReporterLimits
from guardian_cluster.telemetry.reporter import Reporter

QUICK = ReporterLimits(batch_s=0.01, first_retry_s=0.01, last_retry_s=0.05, close_s=10.0)
QUESTION = TextHasher(b"salt of the tests").features("How many legs have three spiders and a fly?")

KILLED_WHILE_IT_WRITES = """
import os, pathlib, signal, sys
moment = sys.argv.pop(1)
fsync, replace = os.fsync, pathlib.Path.replace

def die(now):
    if now == moment:
        os.kill(os.getpid(), signal.SIGKILL)

def synced(descriptor):
    name = os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))
    die(f"writing {'pointer' if name == 'router.new' else 'model'}")
    fsync(descriptor)

def replaced(self, target):
    kind = "pointer" if target.name == "router.json" else "model"
    die(f"before {kind}")
    replace(self, target)
    die(f"after {kind}")

os.fsync, pathlib.Path.replace = synced, replaced
from guardian_cluster.processes.control import main
main()
"""


def learnable(id: str, specialist: str = "small", **changes: object) -> RequestRecord:
    """Return a request whose answer was checked and found good."""
    names = (("small", 0.8), ("large", 0.2))
    candidates = tuple(
        CandidateRecord(
            specialist=name, success=0.5, trust=0.5, cost_usd=0.001, latency_s=1.0, probability=chance
        )
        for name, chance in names
    )
    routing = RoutingRecord(policy="auto", reason="best", features=QUESTION.encode(), candidates=candidates)
    assessment = AssessmentRecord(specialist=specialist, p_wrong=0.1, decision="accept", features=b"answer")
    attempt = AttemptRecord(specialist=specialist, endpoint=f"{specialist}/1", outcome="ok", duration_ms=1.0)
    values: dict[str, object] = {
        "started": SystemClock().now(),
        "specialist": specialist,
        "routing": routing,
        "assessments": (assessment,),
        "attempts": (attempt,),
    }
    return request_record(id, **(values | changes))


def several(count: int = 25, prefix: str = "r", **changes: object) -> list[RequestRecord]:
    return [learnable(f"{prefix}{number}", **changes) for number in range(count)]


def mark(id: str, score: float = 1.0) -> Feedback:
    return Feedback(request_id=id, tenant="acme", received=SystemClock().now(), score=score)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Reporter]:
    """Run a control process in this one, with a gateway's reporter, until the block ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run_control(folder, RecordPolicy(), stop, ready=ready.set))
    try:
        async with asyncio.timeout(30):
            await ready.wait()
        async with Reporter(folder, random.Random(1), clock=SystemClock(), limits=QUICK) as reporter:
            yield reporter
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await task


async def learn(folder: Path, *reports: Report) -> Pointer:
    """Run a control process for these reports and return what it offers in the end."""
    async with running(folder) as reporter:
        before = _count(folder, "batch")
        for report in reports:
            reporter.report(report)
        await until(
            lambda: _count(folder, "batch") > before, 30
        )  # connected: the rest is sent before it ends
    return offered(folder)


def model_of(folder: Path, pointer: Pointer | None = None) -> QuestionModel:
    return QuestionModel.decode(read_model(folder, (pointer or offered(folder)).model).before)


def models(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("router-*")}


def snapshot(model: str = "", *specialists: str) -> Snapshot:
    several = tuple(Specialist(name=name, variants=(Variant(id="v"),)) for name in specialists)
    return Snapshot(rev=1, base=Base(specialists=several, router_model=model))


async def test_a_model_is_offered_while_reports_come_in(tmp_path: Path) -> None:
    async with running(tmp_path) as reporter:
        for record in several():
            reporter.report(record)
        await until(lambda: offered(tmp_path).model)
        learned = model_of(tmp_path)

    assert offered(tmp_path) == Pointer(model=offered(tmp_path).model, verdicts=25)
    assert learned.predict("small", QUESTION).success > 0.7
    assert (tmp_path / POINTER_NAME).stat().st_mode & 0o777 == 0o600


async def test_what_is_new_is_offered_in_the_end_and_learning_goes_on_from_there(tmp_path: Path) -> None:
    first = await learn(tmp_path, learnable("r1"))
    nothing_new = await learn(tmp_path, request_record("by name"))
    second = await learn(tmp_path, learnable("r2", "large"))

    assert [pointer.verdicts for pointer in (first, nothing_new, second)] == [1, 1, 2]
    assert nothing_new.model == first.model != second.model
    assert set(model_of(tmp_path).arms()) == {"small", "large"}


async def test_what_verdicts_say_of_answers_is_learned_and_restored(tmp_path: Path) -> None:
    assurance = QualityAssurance()
    text = "12 * 12 = 144, and 144 + 5 = 149. The answer is 149."
    framework = assurance.derive(
        "Sam buys 12 boxes of 12 pens and 5 more pens. How many pens does Sam have in total?"
    )
    answer = assurance.assess(framework, text)
    assessment = AssessmentRecord(
        specialist="small", p_wrong=answer.p_wrong, decision="accept", features=answer.features
    )
    wrong = [learnable(f"r{number}", assessments=(assessment,)) for number in range(12)]

    for part in (wrong[:6], wrong[6:]):
        await learn(tmp_path, *part, *(mark(each.id, 0.0) for each in part))

    learned = QualityAssurance(answer_model(read_model(tmp_path, offered(tmp_path).model).after))
    doubted = learned.assess(framework, text, specialist="small")
    assert doubted.p_wrong > answer.p_wrong + 0.1


async def test_a_mark_for_a_request_of_an_earlier_run_counts_once(tmp_path: Path) -> None:
    await learn(tmp_path, learnable("r1", specialist="small"))

    marked = [await learn(tmp_path, mark("r1", score)) for score in (0.0, 0.0, 1.0)]

    assert [pointer.verdicts for pointer in marked] == [2, 2, 2]
    assert model_of(tmp_path).evidence("small") == pytest.approx(0.25 + 1.0)


async def test_a_request_that_is_known_or_refused_is_not_learned_from_again(tmp_path: Path) -> None:
    await learn(tmp_path, learnable("r1"))

    again = await learn(tmp_path, learnable("r1"), learnable("bad", cost_usd=float("nan")))

    assert again.verdicts == 1


async def test_only_models_that_are_named_are_kept(tmp_path: Path) -> None:
    names = [await asyncio.to_thread(write_model, tmp_path, _numbered(number)) for number in range(4)]
    deployed, served, last, unnamed = names
    write_snapshot(tmp_path, snapshot(deployed, "small"))
    write_snapshot(tmp_path, snapshot(served, "small"), SERVED_NAME)
    offer(tmp_path, Pointer(model=last))
    (tmp_path / "router-torn.new").write_bytes(b"half of a")

    pointer = await learn(tmp_path, learnable("r1"))

    assert models(tmp_path) == {f"router-{name}.model" for name in (deployed, served, last, pointer.model)}
    assert unnamed not in (deployed, served, last)


async def test_while_a_snapshot_cannot_be_read_no_model_is_deleted(tmp_path: Path) -> None:
    name = write_model(tmp_path, _numbered(1))
    (tmp_path / FILE_NAME).write_bytes(b"damaged")

    await learn(tmp_path, learnable("r1"))

    assert f"router-{name}.model" in models(tmp_path)
    assert len(models(tmp_path)) == 2


def _numbered(number: int) -> RouterModel:
    model = QuestionModel()
    for _ in range(number + 1):
        model.teach("small", QUESTION.encode(), 1.0, 1.0)
    return RouterModel(before=model.encode())


async def test_specialists_that_are_not_deployed_are_forgotten(tmp_path: Path) -> None:
    await learn(tmp_path, learnable("r1", "small"), learnable("r2", "large"))
    write_snapshot(tmp_path, snapshot("", "large"))

    await learn(tmp_path, learnable("r3", "small"), learnable("r4", "large"))

    assert model_of(tmp_path).arms() == ("large",)


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe", b'{"model": 7}', b'{"model":"\xff"}', b'{"x":' + b"[" * 90_000]
)
async def test_a_damaged_offer_costs_nothing_where_the_model_is_deployed(
    tmp_path: Path, damage: bytes
) -> None:
    pointer = await learn(tmp_path, *several(3))
    write_snapshot(tmp_path, snapshot(pointer.model, "small"))
    (tmp_path / POINTER_NAME).write_bytes(damage)

    await learn(tmp_path, learnable("new"))

    assert model_of(tmp_path).evidence("small") == pytest.approx(4 * 0.25)


async def test_a_damaged_model_is_begun_anew_and_reports_are_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pointer = await learn(tmp_path, *several(3))
    (tmp_path / f"router-{pointer.model}.model").write_bytes(b"damaged")

    again = await learn(tmp_path, learnable("new"))

    assert again.verdicts == 1
    assert "begins anew" in caplog.text


async def test_where_nothing_can_be_learned_reports_are_taken_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "router.new").mkdir()  # in the way of the offer

    async with running(tmp_path) as reporter:
        for record in several():
            reporter.report(record)
        await until(lambda: "could not be learned" in caplog.text)

    async with running(tmp_path):
        assert not reporter.dropped
    assert offered(tmp_path) == Pointer()


async def test_a_router_that_does_harm_is_withdrawn(tmp_path: Path) -> None:
    await learn(tmp_path, *several())
    bad = [
        learnable(f"d{number:04}", "large" if number % 5 == 0 else "small", assessments=())
        for number in range(1_000)
    ]
    said = [mark(each.id, float(each.specialist == "large")) for each in bad]
    await learn(tmp_path, *bad, *said)

    async with running(tmp_path) as reporter:  # a start: it looks back at how decisions ended
        for record in several(prefix="new"):
            reporter.report(record)
        await until((tmp_path / WITHDRAWN_NAME).exists, 30)
        await until(lambda: offered(tmp_path) == Pointer())

    assert 0 < (await learn(tmp_path, learnable("again"))).verdicts <= 26  # of more than a thousand


MOMENTS = [f"{when} {what}" for what in ("model", "pointer") for when in ("writing", "before", "after")]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_kill_at_any_moment_leaves_an_offer_and_its_model_readable(
    tmp_path: Path, moment: str
) -> None:
    before = await learn(tmp_path, *several(3))
    program = [sys.executable, "-c", KILLED_WHILE_IT_WRITES, moment, "--data", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*program, stderr=asyncio.subprocess.DEVNULL)
    async with Reporter(tmp_path, random.Random(1), clock=SystemClock(), limits=QUICK) as reporter:
        for record in several(prefix="n"):
            reporter.report(record)
        async with asyncio.timeout(20):
            assert await process.wait() == -signal.SIGKILL

    assert (offered(tmp_path).model == before.model) is (moment != "after pointer")
    assert model_of(tmp_path).evidence("small") >= 0.75
    await learn(tmp_path, learnable("later"))
    assert model_of(tmp_path).evidence("small") >= 1.0
    assert not [name for name in models(tmp_path) if name.endswith(".new")]


async def test_many_reports_at_once_are_acknowledged_before_they_are_learned_from(tmp_path: Path) -> None:
    async with running(tmp_path) as reporter:
        for record in several(3_000):
            reporter.report(record)
        await until(lambda: _count(tmp_path, "request") == 3_000, 20)
        assert offered(tmp_path).verdicts < 1_000

    assert not reporter.dropped


def _count(folder: Path, table: str) -> int:
    with closing(sqlite3.connect(folder / "telemetry.db")) as connection:
        ((count,),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(count)
