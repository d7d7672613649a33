"""Workflow 4 as docs/specification.md has it: its parts exist, its calls run in their phases, both branches are taken.

One story is told once, in accelerated time. One of the writer's two models begins to talk uselessly: it is drained,
tried again when it is well, and nobody is called. The clerk's only model answers in the wrong form: the editor takes
over. The poet's only model fails, which here only people can mend: the editor takes over, and they are called until
one of them has it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from recovery_town import CHATTY, USELESS, Says, Town, rehearsed, town
from test_monitoring_specification import noting
from test_specification import RECOVERY as NAMES
from test_specification import ROWS

import guardian_cluster
from guardian_cluster.domain.action import Action, Drain, Reroute
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.recovery import FailurePattern, RecoveryResult
from guardian_cluster.recovering import RECOVERY, event_of
from guardian_cluster.recovery.aftercare import TRIAL
from guardian_cluster.simulation import Status

PACKAGE = Path(guardian_cluster.__file__).parent

MESSAGES = {
    1: ("request/attempt.py", "_watched"),
    2: ("monitoring/alarms.py", "take"),
    3: ("recovery_facts.py", "diagnose"),
    4: ("guardians/diagnostician.py", "analyze_patterns"),
    5: ("recovery/engine.py", "cause_of"),
    6: ("recovery/actions.py", "take"),
    7: ("processes/retrier.py", "retry"),
    8: ("recovery/validation.py", "validate"),
    9: ("recovery/moves/backup.py", "plan"),
    10: ("recovery/alerts/system.py", "raise_alert"),
    11: ("recovery/alerts/deciding.py", "next_step"),
    12: ("recovery/workflow.py", "_result"),
    13: ("recovery/patterns.py", "learned"),
}
"""Messages of the diagram `failure_sequence`, and the function that does each."""

PHASES = [
    ("assess",),
    ("diagnose",),
    ("open",),
    ("strategy",),
    ("page", "take", "note-acting", "publish", "change"),
    ("retry", "validate"),
    ("learn",),
    ("conclude",),
    ("record",),
]
"""The beginnings of the names of the steps of each phase; an incident's own life goes on between them."""

CALM_S = 60.0


@dataclass
class Story:
    """What happened, from the first fault to the end of the last."""

    ran: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    objects: dict[str, Any] = field(default_factory=dict[str, Any])
    struck: float = 0.0
    ended: float = 0.0
    results: dict[str, RecoveryResult] = field(default_factory=dict[str, RecoveryResult])
    """And all that follows: by specialist."""
    incidents: dict[str, Incident] = field(default_factory=dict[str, Incident])
    steps: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    actions: dict[str, Action] = field(default_factory=dict[str, Action])
    held: set[str] = field(default_factory=set[str])
    """The actions that stood in the overlay when all were served well again."""
    patterns: list[FailurePattern] = field(default_factory=list[FailurePattern])
    deliveries: Sequence[Delivery] = ()
    pages: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    told: dict[str, list[tuple[str, str]]] = field(default_factory=dict[str, list[tuple[str, str]]])
    changes: list[str] = field(default_factory=list[str])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return rehearsed(told(tmp_path_factory.mktemp("house")))


async def told(folder: Path) -> Story:
    story = Story()
    async with town(folder) as scene:
        await asyncio.sleep(CALM_S)
        with noting(story.ran):
            await happened(scene, story)
        await gathered(scene, story)
    return story


async def happened(scene: Town, story: Story) -> None:
    """Let three specialists break, people come, and one model be well again."""
    story.struck = scene.clock.now()
    scene.break_down({"writer/1": Says(USELESS), "clerk/1": Says(CHATTY), "poet/1": Status(500)})
    await scene.until(lambda: all_served(scene))
    story.held = {held.id for held in scene.cluster.snapshot.overlay.moves}
    scene.break_down({"clerk/1": Says(CHATTY), "poet/1": Status(500)})
    story.ended = scene.clock.now()
    scene.callers.rates |= {"clerk": 0.5, "poet": 0.5}
    await scene.until(lambda: called(scene, "lead"))
    (paged,) = await scene.guardians.incidents("poet")
    await scene.acknowledge(paged, "ada")
    scene.callers.rates["writer"] = 30.0
    await scene.until(lambda: over(scene, "writer"))


async def all_served(scene: Town) -> bool:
    found = await scene.guardians.incidents()
    return len(found) >= 3 and all(each.mitigated is not None for each in found)


async def called(scene: Town, whom: str) -> bool:
    return bool(scene.pagers[whom].pages)


async def over(scene: Town, specialist: str) -> bool:
    return not await scene.guardians.incidents(specialist, open_only=True)


async def gathered(scene: Town, story: Story) -> None:
    """Keep what there is to see in the end."""
    guardians = scene.guardians
    engine, parts = guardians._engine, guardians._recoveries  # pyright: ignore[reportPrivateUsage]
    store = guardians._parts.store  # pyright: ignore[reportPrivateUsage]
    for incident in await guardians.incidents():
        (event_id, *_) = incident.event_ids
        run, result = await engine.run_of(f"{RECOVERY}:{event_id}"), await guardians.recovered(event_id)
        assert run is not None
        assert result is not None
        story.incidents[incident.specialist], story.results[incident.specialist] = incident, result
        story.steps[incident.specialist] = [step.name for step in run.steps]
        story.patterns += await store.patterns(incident.specialist)
    story.actions = {each.scope.specialist: each for each in await guardians.actions()}
    story.deliveries = await guardians.deliveries()
    story.pages = {name: list(pager.pages) for name, pager in scene.pagers.items()}
    story.told = {name: list(pager.actions) for name, pager in scene.pagers.items()}
    story.changes = [str(change["summary"]) for change in scene.pagers["oncall"].changes]
    workflow = parts.recovering.workflow
    story.objects = {
        "FailureRecoveryWorkflow": workflow,
        "RecoveryEngine": workflow.recovery_engine,
        "BackupManager": parts.recovering.backup_manager,
        "AlertSystem": workflow.alert_system,
        "FailureEvent": event_of((await guardians.alarms(open_only=False))[0]),
        "RecoveryResult": story.results["writer"],
    }


def test_every_name_is_found_on_a_real_object_and_holds_something(story: Story) -> None:
    missing = [name for name in NAMES if found_at(story.objects, name) is None]

    assert len(NAMES) >= 20
    assert not missing


def test_every_call_runs_in_a_real_recovery(story: Story) -> None:
    methods = {name: found_at(story.objects, name) for name in NAMES}
    codes = {name: each.__func__.__code__ for name, each in methods.items() if hasattr(each, "__func__")}
    places = {
        name: (str(Path(code.co_filename).relative_to(PACKAGE)), code.co_name) for name, code in codes.items()
    }

    assert len(places) >= 8
    assert not {name for name, place in places.items() if place not in story.ran}


@pytest.mark.parametrize("specialist", ["writer", "clerk", "poet"])
def test_the_steps_of_a_recovery_come_in_the_phases_of_the_page(story: Story, specialist: str) -> None:
    names = [name for name in story.steps[specialist] if not name.startswith("note")]
    phases = [next(n for n, phase in enumerate(PHASES) if name.startswith(phase)) for name in names]

    assert phases == sorted(phases)
    assert set(phases) == set(range(len(PHASES)))


@pytest.mark.parametrize("number", MESSAGES)
def test_every_message_of_the_diagram_is_sent(story: Story, number: int) -> None:
    (row,) = [each for each in ROWS if each[0] == f"failure_sequence.{number}"]
    _, where, state = row

    assert MESSAGES[number] in story.ran
    assert state == "later" or MESSAGES[number][0].startswith(where.strip("` "))


def test_where_automatic_recovery_is_possible_the_fix_is_applied_retried_and_confirmed(story: Story) -> None:
    result, action = story.results["writer"], story.actions["writer"]

    assert (result.recovery_strategy.type, result.recovery_strategy.cause) == ("automatic", "quality_drop")
    assert action.move == Drain(specialist="writer", endpoint="writer/1", trial=TRIAL)
    assert result.recovery_outcome.kept == (action.id,)
    assert action.id in story.held
    assert result.validation_result.state == "confirmed"
    assert result.validation_result.e_value >= 20.0
    assert result.validation_result.retried.well == result.validation_result.retried.tried > 0
    assert 0.0 < result.recovery_duration < 30.0
    assert not result.recovery_outcome.escalated


def test_what_is_well_again_is_let_in_by_a_trial_and_the_incident_is_over(story: Story) -> None:
    incident, action = story.incidents["writer"], story.actions["writer"]
    ended = action.ended or 0.0

    assert incident.state == "learned"
    assert action.state == "undone"
    assert story.ended < ended < action.until
    assert "tried the old way were served well" in action.note
    assert story.struck < (incident.mitigated or 0.0) < story.struck + 30.0


def test_where_nothing_narrower_helps_the_backup_answers_and_nobody_is_called(story: Story) -> None:
    result = story.results["clerk"]

    assert (result.recovery_strategy.type, result.recovery_strategy.cause) == (
        "backup_activation",
        "wrong_format",
    )
    assert result.recovery_outcome.backup == "editor"
    assert result.validation_result.state == "confirmed"
    assert not result.recovery_outcome.escalated


def test_where_people_are_needed_the_backup_answers_and_they_are_called_until_one_has_it(
    story: Story,
) -> None:
    result, incident = story.results["poet"], story.incidents["poet"]
    move = story.actions["poet"].move

    assert (result.recovery_strategy.type, result.recovery_strategy.page) == ("manual", True)
    assert isinstance(move, Reroute)
    assert (move.to, move.as_backup) == ("editor", True)
    assert result.validation_result.state == "confirmed"
    assert (incident.state, incident.escalation, incident.acknowledged_by) == ("escalated", 2, "ada")
    assert [len(story.pages[name]) for name in ("oncall", "lead", "boss")] == [1, 1, 0]
    assert {action for action, _ in story.told["oncall"]} == {"trigger", "acknowledge"}


def test_people_hear_of_no_other_incident_and_of_every_change(story: Story) -> None:
    alerted = {each.incident_id for each in story.deliveries if each.alert.state == "trigger"}

    assert alerted == {story.incidents["poet"].id}
    assert len(story.incidents) == len(story.actions) == 3
    assert len([said for said in story.changes if "writer" in said]) == 2


def test_what_helped_is_known_the_next_time(story: Story) -> None:
    helped = {each.specialist: each.helped for each in story.patterns}

    assert helped == {"writer": "drain", "clerk": "backup", "poet": "backup"}


def found_at(objects: dict[str, Any], name: str) -> Any:
    """Return what a dotted name stands for, on the real object of its class; `None` where nothing does."""
    head, *parts = name.split(".")
    found = objects.get(head)
    for part in parts:
        found = getattr(found, part, None)
    return found
