"""Every name that docs/specification.md calls `here` exists, and does its work in a real request."""

import re
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from harness import RECALL, SOLVER, base, specialist

from guardian_cluster import LLMGuardianCluster, UserRequest
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.documents.block import Document, Passage
from guardian_cluster.request.response import ProcessedResponse
from guardian_cluster.request.workflow import RequestProcessingWorkflow
from guardian_cluster.simulation import ModelServer
from guardian_cluster.specialists.http import HttpSpecialist
from guardian_cluster.watcher.watcher import Watcher

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| `([^`]+)` \|.*\| ([^|]+) \| (here|later) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "specification.md").read_text())
HERE = [(name, where.strip("` ")) for name, where, state in ROWS if state == "here"]
OF_MONITORING = (
    "GuardianNetwork",
    "GuardianMonitoringWorkflow",
    "MonitoringCycleResult",
    "CoordinationEngine",
    "ImprovementQueue",
    "Watcher.continuous_monitor",
    "Diagnostician",
    "Optimizer",
    "SafetyMonitor",
)
MONITORING = [name for name, _ in HERE if name.startswith(OF_MONITORING)]
"""Names of workflow 2, which test_monitoring_specification.py looks for."""
OF_RECOVERY = (
    "FailureRecoveryWorkflow",
    "RecoveryEngine",
    "BackupManager",
    "AlertSystem",
    "FailureEvent",
    "RecoveryResult",
)
RECOVERY = [name for name, _ in HERE if name.startswith(OF_RECOVERY)]
"""Names of workflow 4, which test_recovery_specification.py looks for."""
NAMES = [name for name, _ in HERE if name[0].isupper() and name not in (*MONITORING, *RECOVERY)]
PRIVATE = {"RequestProcessingWorkflow._collect_performance_metrics": "collect_performance_metrics"}
"""What the sketch calls by a private name and is called from outside here."""
ELSEWHERE = {
    "RequestProcessingWorkflow._extract_execution_metadata",
    "RequestProcessingWorkflow._synthesize_results",
    "RequestProcessingWorkflow._quality_assurance_check",
}
"""Names of the sketch whose work is done by a function of another name; the row says where."""


JOINED = {
    2: ("decomposition.py", "decompose"),
    3: ("workflow.py", "_work"),
    4: ("coordinator.py", "_work_on"),
    6: ("validation.py", "prepare"),
    7: ("attempt.py", "_watched"),
    8: ("attempt.py", "_watched"),
    10: ("synthesis.py", "answer_of"),
    12: ("validation.py", "framework"),
    13: ("synthesis.py", "section"),
    14: ("coordinator.py", "_emit"),
    15: ("sharing.py", "share"),
    16: ("sharing.py", "context_quality"),
}
"""Messages of the diagram `joined_specialists`, by their numbers, and the function that sends each."""


HANDBOOK = Document(
    origin="/handbook.md",
    names=("handbook.md",),
    digest="1",
    modified=1.0,
    size=60,
    passages=(Passage("Everybody has 25 days of leave a year.", ("Leave",), 3, 3),),
)
THREE_PARTS = {
    "model": "auto",
    "messages": [
        {
            "role": "user",
            "content": "Compute 17*23, tell me what the handbook says about leave, and write a haiku about spring.",
        }
    ],
}


async def a_request() -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """Answer one request; return its objects by class name, and file and name of all functions that ran."""
    ran: set[tuple[str, str]] = set()
    async with ModelServer("Paris, of course.") as model:
        async with LLMGuardianCluster(Snapshot(rev=1, base=base(specialist("writer", model.url)))) as cluster:
            request = UserRequest(
                body={"model": "writer", "messages": [{"role": "user", "content": "Capital of France?"}]}
            )
            with noting(ran):
                response = await cluster.process_request(request)
            analysis = await cluster.request_router.analyze_request(request)
            (assignment,) = await cluster.request_router.assign_specialists(analysis)
            context = await cluster.context_maintainer.prepare_context(request, [assignment])
    objects = {
        "LLMGuardianCluster": cluster,
        "RequestProcessingWorkflow": cluster.workflow,
        "UserRequest": request,
        "ProcessedResponse": response,
        "SpecialistAssignment": assignment,
        "Context": context,
        "SpecialistResult": response.results[0],
        "Specialist": cluster.get_specialist("writer"),
        "Watcher": cluster.get_watcher_guardian("writer"),
    }
    return objects, ran


@contextmanager
def noting(ran: set[tuple[str, str]]) -> Generator[None]:
    """Note file and name of all functions of the package that run."""

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and "guardian_cluster" in frame.f_code.co_filename:
            ran.add((Path(frame.f_code.co_filename).name, frame.f_code.co_name))

    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)


async def a_joined_request() -> tuple[ProcessedResponse, set[tuple[str, str]]]:
    """Answer one request by three specialists at once."""
    ran: set[tuple[str, str]] = set()
    async with ModelServer("Spring rain on the roof.") as model:
        snapshot = Snapshot(rev=1, base=base(SOLVER, RECALL, specialist("writer", model.url)))
        async with LLMGuardianCluster(snapshot) as cluster:
            await cluster.memory.put_document("default", HANDBOOK)
            with noting(ran):
                response = await cluster.process_request(UserRequest(body=THREE_PARTS))
    return response, ran


def test_the_page_lists_all_six_workflows() -> None:
    workflows = {name for name, _, _ in ROWS if name.endswith("Workflow")}

    assert len(ROWS) > 200
    assert workflows == {
        "RequestProcessingWorkflow",
        "GuardianMonitoringWorkflow",
        "ContinuousImprovementWorkflow",
        "FailureRecoveryWorkflow",
        "SystemOptimizationWorkflow",
        "CrossSystemLearningWorkflow",
    }


@pytest.mark.parametrize(("name", "where"), HERE)
def test_what_is_said_to_be_here_has_its_file(name: str, where: str) -> None:
    assert where == "outside" or (ROOT / "src" / "guardian_cluster" / where).exists(), name


async def test_every_name_is_found_on_a_real_object_and_holds_something() -> None:
    objects, _ = await a_request()

    missing = [name for name in NAMES if name not in ELSEWHERE and _find(objects, name) is None]

    assert not missing


async def test_every_method_runs_in_a_real_request() -> None:
    objects, ran = await a_request()
    cluster, workflow = objects["LLMGuardianCluster"], objects["RequestProcessingWorkflow"]
    for name in (
        "get_specialist",
        "get_watcher_guardian",
    ):  # a request asks the deployment that it began with
        objects[f"LLMGuardianCluster.{name}"] = getattr(workflow.cluster, name)
        assert getattr(cluster, name)("writer") is getattr(workflow.cluster, name)("writer")
    methods = {name: objects.get(name) or _find(objects, name) for name in NAMES if name not in ELSEWHERE}
    codes = {
        name: method.__func__.__code__ for name, method in methods.items() if hasattr(method, "__func__")
    }
    idle = [name for name, code in codes.items() if (Path(code.co_filename).name, code.co_name) not in ran]

    assert len(codes) >= 9
    assert not idle


async def test_the_answer_and_its_report_are_the_requests_own() -> None:
    objects, _ = await a_request()
    response, result = objects["ProcessedResponse"], objects["SpecialistResult"]

    assert response.text == "Paris, of course."
    assert result.monitoring_report.quality == 1.0
    assert result.execution_metadata.specialist == "writer"
    assert isinstance(objects["Specialist"], HttpSpecialist)
    assert isinstance(objects["Watcher"], Watcher)
    assert isinstance(objects["RequestProcessingWorkflow"], RequestProcessingWorkflow)


async def test_the_workflow_looks_up_in_its_cluster_what_the_cluster_gives() -> None:
    objects, _ = await a_request()
    cluster = objects["RequestProcessingWorkflow"].cluster

    assert cluster.get_specialist("writer") is objects["Specialist"]
    assert cluster.get_watcher_guardian("writer") is objects["Watcher"]
    assert cluster.snapshot is objects["LLMGuardianCluster"].snapshot


async def test_three_specialists_and_their_watchers_answer_as_one() -> None:
    response, ran = await a_joined_request()
    said = [result.execution_metadata.specialist for result in response.results]

    assert said == ["solver", "recall", "writer", "quality-assurance"]
    assert [part.outcome for part in response.record.parts] == ["ok", "ok", "ok"]
    assert all(words in response.text for words in ("391", "25 days", "Spring rain"))
    assert not {number for number, function in JOINED.items() if function not in ran}


async def test_the_watchers_share_what_they_see() -> None:
    response, _ = await a_joined_request()
    shared = "; ".join(insight for part in response.record.parts for insight in part.shared)
    validation = response.results[-1].monitoring_report

    assert "performance: part " in shared  # of which one depends on who ends first
    assert "context quality: part 2" in shared
    assert (validation.quality, validation.intent_alignment) == (1.0, 1.0)


def _find(objects: dict[str, Any], name: str) -> Callable[..., Any] | Any | None:
    """Return what a dotted name stands for, on the real object of its class; `None` where nothing does."""
    head, *parts = PRIVATE_PATHS.get(name, name).split(".")
    found = objects.get(head)
    for part in parts:
        found = getattr(found, part, None)
    return found


PRIVATE_PATHS = {name: name.rpartition(".")[0] + "." + public for name, public in PRIVATE.items()}
