"""Workflow 2 as docs/specification.md has it: its parts exist, its calls run in their phases, and its loop closes.

One story is told once: a real cluster answers under a threshold that is too low, one of its models breaks, and the
guardians look. A person clears what was flagged and approves it, and the watcher judges otherwise from then on.
"""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import msgspec
import pytest
from guardian_reports import reports
from harness import SOLVER, Collected
from sample_records import NOON
from test_specification import MONITORING, ROWS

import guardian_cluster
from guardian_cluster import LLMGuardianCluster, UserRequest
from guardian_cluster.cli.monitor_report import report_of
from guardian_cluster.config import load_config
from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.snapshot import RecordPolicy, Specialist
from guardian_cluster.contract.threshold_action import Scope, ThresholdEvidence
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import QueuedImprovement, SafetyInvestigation, ThresholdChange
from guardian_cluster.domain.monitoring import GuardianReports, MetaAnalysis, MonitoringCycleResult
from guardian_cluster.engine.engine import RunRecord
from guardian_cluster.engine.memory import MemoryEngine
from guardian_cluster.guardians.network import GuardianNetwork, GuardianSet
from guardian_cluster.improvement.decisions import Decisions
from guardian_cluster.improvement.memory_store import MemoryImprovements
from guardian_cluster.improvement.queue import ImprovementQueue
from guardian_cluster.learning.threshold_ledger import Draft, with_drafts
from guardian_cluster.monitoring.coordination import CoordinationEngine
from guardian_cluster.monitoring.workflow import GuardianMonitoringWorkflow
from guardian_cluster.processes.deployer import Deployer
from guardian_cluster.processes.guarding import CYCLE, Guarding, guarding
from guardian_cluster.simulation import ModelServer, Status
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import write_batch
from guardian_cluster.storage.state import StateStore
from guardian_cluster.thresholds import ThresholdFile

PACKAGE = Path(guardian_cluster.__file__).parent
SOUND, FAILING, JUDGED = 450, 60, 40
GRIM = "The knife cut deep, and they kill and burn and hate him."
"""Of which the detector of harm suspects .88, and callers say that there is none: it is a novel."""

STEPS = {
    "A": ("request/attempt.py", "_watched"),
    "B": ("watcher/watcher.py", "monitor_execution"),
    "C": ("monitoring/alarms.py", "take"),
    "D": ("storage/records.py", "write_batch"),
    "E": ("monitoring/workflow.py", "_monitor"),
    "F": ("guardians/diagnosis/diagnose.py", "diagnose"),
    "G": ("guardians/diagnostician.py", "analyze_patterns"),
    "H": ("guardians/optimizer.py", "propose"),
    "I": ("guardians/optimizing/proposing.py", "proposals"),
    "J": ("guardians/safety.py", "review"),
    "K": ("guardians/reviewing/review.py", "reviewed"),
    "L": ("improvement/queue.py", "queue_improvements"),
    "M": ("improvement/investigation.py", "opened"),
    "O": ("improvement/decisions.py", "clear"),
    "P": ("cli/monitor_report.py", "report_of"),
    "Q": ("guardians/meta.py", "analyze"),
    "S": ("thresholds.py", "adopt"),
}
"""Boxes of the diagram `monitoring_loop`, and the function that does each."""

PHASES = [
    {"begin"},
    {"watcher", "diagnostician", "optimizer", "safety_monitor"},
    {"coordinate"},
    {"propose", "review-improvements", "queue-improvements"},
    {"meta", "review-parameter", "queue-parameter"},
    {"record"},
]

CONFIGURATION = """
[data]
folder = "{folder}"
[watch]
on_harm = "observe"
[specialist.writer]
url = "{writer}"
model = "novelist"
[specialist.backup]
url = "{backup}"
model = "poet"
"""


@dataclass
class Story:
    """What happened, from the first request to the last."""

    ran: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    objects: dict[str, Any] = field(default_factory=dict[str, Any])
    records: list[RequestRecord] = field(default_factory=list[RequestRecord])
    alarms: list[Alarm] = field(default_factory=list[Alarm])
    found: list[MonitoringCycleResult] = field(default_factory=list[MonitoringCycleResult])
    run: list[RunRecord] = field(default_factory=list[RunRecord])
    queued: Sequence[QueuedImprovement] = ()
    investigations: Sequence[SafetyInvestigation] = ()
    page: str = ""
    verdicts: list[list[str]] = field(default_factory=list[list[str]])
    revisions: list[int] = field(default_factory=list[int])

    @property
    def result(self) -> MonitoringCycleResult:
        return self.found[0]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return asyncio.run(told(tmp_path_factory.mktemp("house")))


async def told(folder: Path) -> Story:
    """Let it all happen in a data folder."""
    story = Story()
    with noting(story.ran):
        async with town(folder, story) as (cluster, sink, deployer):
            await watched_by_guardians(folder, story)
            snapshot = deployer.deploy(deployer.config)
            cluster.apply(snapshot)
            story.revisions.append(snapshot.rev)
            await cluster.process_request(question(0))
            story.verdicts.append([verdict.rule for verdict in sink.requests[-1].verdicts])
    return story


@contextmanager
def noting(ran: set[tuple[str, str]]) -> Generator[None]:
    """Note file and name of all functions of the package that run, in any thread that begins meanwhile.

    By tracing calls alone: a profile, which tells of every return and call of C too, takes four times as long.
    """
    known: set[CodeType] = set()
    package = str(PACKAGE)

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if code not in known:
            known.add(code)
            if code.co_filename.startswith(package):
                ran.add((code.co_filename[len(package) + 1 :], code.co_name))

    before = sys.gettrace()
    sys.settrace(note)
    threading.settrace(note)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]  # None takes it away


@asynccontextmanager
async def town(folder: Path, story: Story) -> AsyncIterator[tuple[LLMGuardianCluster, Collected, Deployer]]:
    """Serve with a threshold that is too low, let a model break, and have all of it recorded."""
    async with ModelServer(GRIM) as writer, ModelServer("A haiku.") as backup:
        text = CONFIGURATION.format(folder=folder, writer=writer.url, backup=backup.url)
        (folder / "guardian.toml").write_text(text)
        config = load_config(folder / "guardian.toml", environment={})
        ThresholdFile(folder).change(lambda actions: with_drafts(actions, [too_low()], NOON))
        deployer, sink = Deployer(config), Collected()
        snapshot = deployer.deploy(config)
        async with LLMGuardianCluster(snapshot, sink=sink) as cluster:
            story.revisions.append(snapshot.rev)
            for number in range(SOUND + FAILING):
                writer.fault = Status(500) if number >= SOUND else None
                await asked(cluster, number)
            story.records += spread(sink.requests)
            story.verdicts.append([verdict.rule for verdict in story.records[0].verdicts])
            record(folder, story.records)
            writer.fault = None
            yield cluster, sink, deployer


def too_low() -> Draft:
    """Return a threshold that reports every answer of the writer."""
    evidence = ThresholdEvidence(
        examples=400, since=NOON, until=NOON, new=400, asked=0.05, expected=0.05,
        realised_low=0.03, realised_high=0.07, least=0.2, most=0.95,
    )  # fmt: skip
    return Draft(Scope("harm", "writer", "default"), None, 0.5, evidence)


def question(number: int) -> UserRequest:
    said = {"role": "user", "content": f"Chapter {number} of the novel, please."}
    return UserRequest(body={"model": "writer", "messages": [said]})


async def asked(cluster: LLMGuardianCluster, number: int) -> None:
    try:
        await cluster.process_request(question(number))
    except guardian_cluster.domain.errors.GuardianError:
        assert number >= SOUND


def spread(records: Sequence[RequestRecord]) -> list[RequestRecord]:
    """Return records as they would be of a day of work: one every ten seconds."""
    return [msgspec.structs.replace(each, started=NOON + 10.0 * n) for n, each in enumerate(records)]


def record(folder: Path, records: Sequence[RequestRecord]) -> None:
    feedback = [
        Feedback(request_id=each.id, tenant="default", received=NOON + 9_000.0, label="no-harm")
        for each in records[:JUDGED]
    ]
    engine = open_database(folder / FILE_NAME, now=NOON)
    batch = Batch(id=BatchId("boot", 1), requests=tuple(records), feedback=tuple(feedback))
    with engine.begin() as connection:
        write_batch(connection, batch, now=NOON, policy=RecordPolicy())
    engine.dispose()


async def watched_by_guardians(folder: Path, story: Story) -> None:
    """Let the guardians see what was recorded, run a durable cycle, and have a person decide."""
    clock = ManualClock(NOON + 10.0 * len(story.records))
    async with AsyncExitStack() as resources:
        parts = await resources.enter_async_context(guarding(folder, clock))
        for each in story.records:
            story.alarms += parts.learned.take(each)
        await parts.keep(story.alarms)
        engine = MemoryEngine(clock)
        engine.register(parts.cycle)
        await engine.start()
        id = await engine.run(CYCLE, "writer")
        story.run += [run for run in [await engine.run_of(id)] if run]
        await engine.close(drain_s=1.0)
        story.found += [found for found in [await parts.store.cycle(id)] if found]
        story.page = report_of(story.result)
        story.objects |= objects_of(parts, story.result)
        await decided(parts.store, folder, clock, story)


def objects_of(parts: Guarding, result: MonitoringCycleResult) -> dict[str, Any]:
    guardians = parts.network.get_guardians_for_specialist("writer")
    return {
        "GuardianNetwork": parts.network,
        "GuardianMonitoringWorkflow": parts.workflow,
        "CoordinationEngine": parts.workflow.coordination_engine,
        "ImprovementQueue": parts.workflow.improvement_queue,
        "MonitoringCycleResult": result,
        "Watcher": guardians.watcher,
        "Diagnostician": guardians.diagnostician,
        "Optimizer": guardians.optimizer,
        "SafetyMonitor": guardians.safety_monitor,
    }


async def decided(store: StateStore, folder: Path, clock: ManualClock, story: Story) -> None:
    """Clear the investigation of the threshold and approve it, as a person does."""
    story.queued = await store.improvements()
    story.investigations = await store.investigations()
    decisions = Decisions(store, ThresholdFile(folder), clock)
    for each in story.queued:
        if isinstance(each.improvement.change, ThresholdChange):
            await decisions.clear(each.improvement.id, who="ada", note="It is a novel.")
            await decisions.approve(each.improvement.id, who="ada")


def test_every_name_is_found_on_a_real_object_and_holds_something(story: Story) -> None:
    missing = [name for name in MONITORING if _find(story.objects, name) is None]

    assert len(MONITORING) >= 20
    assert not missing


def test_every_call_runs_in_a_real_cycle(story: Story) -> None:
    methods = {name: _find(story.objects, name) for name in MONITORING}
    codes = {name: each.__func__.__code__ for name, each in methods.items() if hasattr(each, "__func__")}
    places = {
        name: (str(Path(code.co_filename).relative_to(PACKAGE)), code.co_name) for name, code in codes.items()
    }

    assert len(places) >= 11
    assert not {name for name, place in places.items() if place not in story.ran}


def test_each_call_is_where_the_page_says(story: Story) -> None:
    where = {name: place.strip("` ") for name, place, _ in ROWS}
    codes = {
        name: method.__func__.__code__.co_filename
        for name in MONITORING
        if hasattr(method := _find(story.objects, name), "__func__")
    }

    assert {name: str(Path(file).relative_to(PACKAGE)) for name, file in codes.items()} == {
        name: where[name] for name in codes
    }


def test_the_steps_of_a_cycle_come_in_the_phases_of_the_page(story: Story) -> None:
    names = [step.name for step in story.run[0].steps]
    phases = [next(n for n, phase in enumerate(PHASES) if name in phase) for name in names]

    assert phases == sorted(phases)
    assert set(names) == set[str]().union(*PHASES)


@pytest.mark.parametrize("step", STEPS)
def test_every_box_of_the_diagram_is_passed(story: Story, step: str) -> None:
    where = {name: place.strip("` ") for name, place, state in ROWS if state == "here"}

    assert STEPS[step] in story.ran
    assert STEPS[step][0].startswith(where[f"monitoring_loop.{step}"])


def test_a_model_that_breaks_is_noticed_explained_and_its_repair_is_queued(story: Story) -> None:
    result = story.result
    (need, *_) = result.coordination_result.needs
    (improvement,) = result.improvements

    assert {alarm.signal for alarm in story.alarms} >= {"error"}
    assert need.diagnosis is not None
    assert (need.diagnosis.cause, need.guardians[:2]) == ("upstream_errors", ("watcher", "diagnostician"))
    assert improvement.change.after == ("backup",)  # type: ignore[union-attr]
    assert {item.improvement.id: item.state for item in story.queued}[improvement.id] == "queued"
    assert "upstream errors" in story.page


def test_what_weakens_a_guard_is_flagged_and_investigated(story: Story) -> None:
    proposal = story.result.meta_analysis.proposal
    (investigation,) = story.investigations

    assert proposal is not None
    assert investigation.improvement_id == proposal.id
    assert {concern.rule for concern in investigation.concerns} == {"policy"}
    assert "weakens the guard" in proposal.reason


def test_a_threshold_approved_by_hand_reaches_the_watcher_and_changes_its_verdicts(story: Story) -> None:
    assert story.verdicts == [["harm"], []]
    assert story.revisions == [1, 2]


def test_the_guardians_themselves_are_held_against_what_callers_said(story: Story) -> None:
    harm = next(each for each in story.result.meta_analysis.scores if each.guardian == "watcher/harm")

    assert (harm.claims, harm.false_alarms, harm.audited) == (JUDGED, JUDGED, JUDGED)


class Meeting:
    """Four guardians in one, each of which goes on only when all four have begun."""

    def __init__(self) -> None:
        self._all = asyncio.Barrier(4)
        self._reports = reports()

    async def continuous_monitor(self, specialist: Specialist) -> object:
        return await self._met("watcher")

    async def analyze_patterns(self, specialist: Specialist) -> object:
        return await self._met("diagnostician")

    async def assess_performance(self, specialist: Specialist) -> object:
        return await self._met("optimizer")

    async def check_compliance(self, specialist: Specialist) -> object:
        return await self._met("safety_monitor")

    async def analyze(self, specialist: Specialist, reports: GuardianReports) -> MetaAnalysis:
        return MetaAnalysis()

    async def _met(self, name: str) -> object:
        async with asyncio.timeout(5):
            await self._all.wait()
        return getattr(self._reports, name)


async def test_four_guardians_look_at_the_same_time() -> None:
    clock = ManualClock(NOON)
    store = StateStore.in_memory(clock)
    guardian: Any = Meeting()
    guardians = GuardianSet(guardian, guardian, guardian, guardian)
    network = GuardianNetwork(lambda: (SOLVER,), guardian, lambda _: guardians, guardian)
    queue = ImprovementQueue(MemoryImprovements(), clock, lambda: "ada")
    workflow = GuardianMonitoringWorkflow(network, CoordinationEngine(), queue, store, clock)

    result = await workflow.execute_monitoring_cycle("solver")
    await store.close()

    assert result.guardian_reports == reports()
    assert result.cycle_timestamp.timestamp() == NOON


def _find(objects: dict[str, Any], name: str) -> Any:
    """Return what a dotted name stands for, on the real object of its class; `None` where nothing does."""
    head, *parts = name.split(".")
    found = objects.get(head)
    for part in parts:
        found = getattr(found, part, None)
    return found
