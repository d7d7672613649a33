"""`guardian incident`: what it shows and keeps, on a real state; and that whoever tends incidents acts on it."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from decided_state import empty
from harness import specialist

from guardian_cluster.cli.main import run
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import AlertPolicy, Base, EscalationStep, Sink, Snapshot
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.domain.action import Action, Drain, Scope
from guardian_cluster.domain.clock import ManualClock, SystemClock
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.incident import Entry, FailureEvent, Incident
from guardian_cluster.domain.recovery import (
    DiagnosticReport,
    RecoveryOutcome,
    RecoveryResult,
    RecoveryStrategy,
    SeverityAssessment,
    ValidationResult,
)
from guardian_cluster.errors import CannotCreate, Problem
from guardian_cluster.moves_file import MovesFile
from guardian_cluster.processes.loops import loops
from guardian_cluster.processes.recoveries import Recoveries
from guardian_cluster.recovery.alerts.settling import Outcome, claimed, settled
from guardian_cluster.recovery.alerts.system import AlertSystem
from guardian_cluster.recovery.incidents import LEFT_BEHIND_S
from guardian_cluster.storage.database import open_database
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import FILE_NAME

_Result = TypeVar("_Result")

NOW = SystemClock().now()
HOSTILE = "gone\x1b[31m \u202e\nrm"
SINKS = {
    name: Sink(kind="webhook", url=Secret("http://127.0.0.1:1/"), key=Secret("k"))
    for name in ("oncall", "lead")
}
STEPS = (EscalationStep(sinks=("oncall",)), EscalationStep(after_s=60.0, sinks=("lead",)))
ALERTS = AlertPolicy(sinks=SINKS, escalation=STEPS)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, and return its data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("LOGNAME", "ada")
    return tmp_path / "data"


@pytest.fixture
def deployed(folder: Path) -> Path:
    """Have one writer at two endpoints deployed."""
    folder.mkdir()
    writer = specialist("writer", "http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1")
    write_snapshot(folder, Snapshot(rev=1, base=Base(specialists=(writer,), alerts=ALERTS)))
    return folder


def state(folder: Path, work: Callable[[StateStore], Awaitable[_Result]]) -> _Result:
    """Do something with the state of a data folder."""

    async def worked() -> _Result:
        store = StateStore.open(folder / FILE_NAME, SystemClock())
        try:
            return await work(store)
        finally:
            await store.close()

    folder.mkdir(exist_ok=True)
    if not (folder / FILE_NAME).exists():
        (folder / FILE_NAME).write_bytes(empty())
    return asyncio.run(worked())


def put(folder: Path, id: str = "i1", **changes: object) -> None:
    """Have an incident be kept, with an action that is in force for it."""
    values: dict[str, object] = {
        "key": f"key-{id}", "specialist": "writer", "signal": "error", "where": (("endpoint", "writer/1"),),
        "cause": "hang", "severity": "critical", "state": "escalated", "opened": NOW - 60, "updated": NOW - 30,
        "onset": NOW - 90, "summary": f"It hangs: {HOSTILE}", "event_ids": (f"e-{id}",),
        "history": (Entry(at=NOW - 60, said=f"noticed {HOSTILE}"),),
    }  # fmt: skip
    incident = Incident(id=id, **(values | changes))  # type: ignore[arg-type]
    event = FailureEvent(
        id=f"e-{id}", at=NOW - 60, onset=NOW - 90, specialist="writer", signal="error", source="alarm"
    )

    async def kept(store: StateStore) -> None:
        await store.open_incident(event, incident, key=f"open-{id}")
        await store.put_actions([action(id)], key=f"act-{id}")

    state(folder, kept)


def action(incident_id: str) -> Action:
    return Action(
        id=f"{incident_id}:drain:0", incident_id=incident_id,
        move=Drain(specialist="writer", endpoint="writer/1", trial=0.05),
        scope=Scope(specialist="writer", endpoint="writer/1"), state="active", taken=NOW - 50,
        until=NOW + 86_400.0, note=f"writer/1 is where it goes wrong {HOSTILE}",
    )  # fmt: skip


def page(folder: Path, id: str = "i1", *, fails: bool = False) -> None:
    """Have people be called for an incident, and perhaps in vain."""

    async def called(store: StateStore) -> None:
        incident = await store.incident(id)
        assert incident is not None
        await AlertSystem(lambda: ALERTS, store, ManualClock(NOW)).raise_alert(
            incident, "trigger", key=f"page-{id}"
        )
        if fails:
            (delivery,) = await store.deliveries(incident_id=id)
            outcome = Outcome(state="again", said=f"503 {HOSTILE}")
            await store.settle(settled(claimed(delivery, NOW), outcome, NOW, 30.0))

    state(folder, called)


def kept(folder: Path, id: str = "i1") -> Incident:
    found = state(folder, lambda store: store.incident(id))
    assert found is not None
    return found


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert run(["incident", *arguments]) == 0
    out, err = capsys.readouterr()
    return out, err


def test_where_nothing_has_failed_that_is_said_and_no_file_is_made(folder, capsys):
    assert output(capsys, "list") == ("", "nothing has failed\n")
    assert output(capsys, "actions") == ("", "no action is in force\n")
    assert json.loads(output(capsys, "list", "--json")[0]) == []
    assert not folder.exists()


def test_open_incidents_are_listed_first(folder, capsys):
    put(folder, "over", state="learned", resolved=NOW, updated=NOW)
    put(folder, "i1", severity="error", mitigated=NOW - 20)
    page(folder)

    out, err = output(capsys, "list")

    heading, first, summary, second, _ = out.splitlines()
    assert heading.split() == [
        "ID", "SEVERITY", "STATE", "SPECIALIST", "CAUSE", "WHERE", "SINCE", "MITIGATED", "PAGES",
    ]  # fmt: skip
    assert first.split()[:6] == ["i1", "error", "escalated", "writer", "hang", "endpoint=writer/1"]
    assert first.split()[-1] == "1"
    assert second.split()[0] == "over"
    assert second.split()[-2:] == ["-", "0"]
    assert "\x1b" not in out
    assert "\\u001b" in summary
    assert err == "waiting for somebody: guardian incident ack i1\n"
    listed = json.loads(output(capsys, "list", "--open", "--json")[0])
    assert [(each["id"], each["pages"]) for each in listed] == [("i1", 1)]


def test_one_is_shown_with_all_that_is_known_of_it(folder, capsys):
    put(folder, "i1")
    put(folder, "child", parent="i1")
    page(folder, fails=True)
    found = Diagnosis(
        id="d1", specialist="writer", at=NOW, onset=NOW - 90, signal="error", cause="hang", probability=0.9,
        summary="It hangs there.",
    )  # fmt: skip
    result = RecoveryResult(
        failure_event_id="e-i1", incident_id="i1",
        recovery_strategy=RecoveryStrategy(type="manual", cause="hang", why="no move applies"),
        recovery_outcome=RecoveryOutcome(), validation_result=ValidationResult(state="failed", requests=7),
        severity_assessment=SeverityAssessment(
            severity="critical", users_affected=1.0, effect=1.0, requests_per_minute=1.0, why=""
        ),
        diagnostic_report=DiagnosticReport(at=NOW, diagnosis=found), recovery_duration=12.5,
    )  # fmt: skip
    state(folder, lambda store: store.put_result(result, key="result"))

    out, _ = output(capsys, "show", "i1")

    for said in (
        "diagnosis    90% hang: It hangs there.", "strategy     manual: no move applies",
        "test         failed by 7 requests", "folded in    child", "i1:drain:0", "drain trial=0.05",
        "could not be delivered yet:", "oncall", "503 gone",
    ):  # fmt: skip
        assert said in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    whole = json.loads(output(capsys, "show", "i1", "--json")[0])
    assert set(whole) == {"incident", "actions", "deliveries", "results", "children"}
    assert whole["children"] == ["child"]


def test_who_takes_one_is_kept_and_the_first_counts(folder, capsys, monkeypatch):
    put(folder)

    assert output(capsys, "ack", "i1", "--note", "on it") == ("", "ada has i1; nobody else is called\n")
    assert output(capsys, "ack", "i1")[1] == "ada has i1; nobody else is called\n"
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "bob")
    assert run(["incident", "ack", "i1"]) == 2

    assert "ada has incident i1 already" in capsys.readouterr().err
    assert kept(folder).acknowledged_by == "ada"
    assert [each.said for each in kept(folder).history][-1] == "acknowledged by ada: on it"


def test_one_is_over_when_a_person_says_so_and_why(folder, capsys):
    put(folder)

    assert run(["incident", "resolve", "i1"]) == 2
    assert run(["incident", "resolve", "i1", "--note", " "]) == 2
    assert "(incident-no-note)" in capsys.readouterr().err
    resolved = json.loads(output(capsys, "resolve", "i1", "--note", "a bad cable", "--json")[0])

    assert (resolved["state"], kept(folder).state) == ("resolved", "resolved")
    assert run(["incident", "ack", "i1"]) == 2
    assert "incident i1 is over: resolved by ada: a bad cable" in capsys.readouterr().err


def test_an_action_is_listed_and_taken_back_once(folder, capsys):
    put(folder)

    out, err = output(capsys, "actions")
    assert "i1:drain:0  drain trial=0.05  writer writer/1  active" in out
    assert err == "to take one back: guardian incident undo i1:drain:0\n"
    assert "took back i1:drain:0" in output(capsys, "undo", "i1:drain:0", "--note", "it was meant so")[1]

    assert json.loads(output(capsys, "actions", "--json")[0]) == []
    assert run(["incident", "undo", "i1:drain:0"]) == 2
    assert "(action-over)" in capsys.readouterr().err
    said = "i1:drain:0 taken back by ada: it was meant so"
    assert [each.said for each in kept(folder).history][-1] == said


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["show", "none"], "incident-unknown"),
        (["ack", "none"], "incident-unknown"),
        (["resolve", "none", "--note", "x"], "incident-unknown"),
        (["undo", "none"], "action-unknown"),
    ],
)
def test_one_that_is_not_there_is_an_error_that_says_what_to_do(folder, capsys, command, code):
    assert run(["incident", *command]) == 2

    err = capsys.readouterr().err
    assert f"({code})" in err
    assert "guardian incident " in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["editor"], "unknown-specialist"),
        ([""], "unknown-specialist"),
        (["writer", "--where", "endpoint=writer/9"], "unknown-endpoint"),
        (["writer", "--where", "colour=red"], "incident-where"),
        (["writer", "--where", "endpoint="], "incident-where"),
        (["writer", "--where", f"topic={'x' * 201}"], "incident-where"),
        (["writer", "--where", "tenant=a", "--where", "tenant=b"], "incident-where"),
    ],
)
def test_a_place_that_cannot_be_is_refused(deployed, capsys, arguments, code):
    assert run(["incident", "open", *arguments, "--signal", "quality", "--note", "odd"]) == 2

    assert f"({code})" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--minutes", "nan"], ["--minutes", "inf"], ["--minutes", "-1"], ["--note", "x" * 2_001]]
)
def test_what_no_incident_can_have_is_refused_in_a_line(deployed, capsys, arguments):
    assert run(["incident", "open", "writer", "--signal", "error", "--note", "odd", *arguments]) == 2

    error = capsys.readouterr().err
    assert arguments[0] in error
    assert len(error) < 300
    assert output(capsys, "list")[1] == "nothing has failed\n"


def test_before_anything_is_deployed_the_configuration_says_who_there_is(folder, capsys):
    wanted = ("--signal", "error", "--note", "odd")
    assert run(["incident", "open", " ", *wanted]) == 2
    assert "(unknown-specialist)" in capsys.readouterr().err
    assert "opened" in output(capsys, "open", "anybody", *wanted)[1]
    Path("guardian.toml").write_text('[specialist.writer]\nurl = "http://127.0.0.1:1/v1"\nmodel = "m"\n')

    assert run(["incident", "open", "anybody", *wanted]) == 2
    error = capsys.readouterr().err
    assert "no specialist anybody is deployed" in error
    assert "writer" in error
    assert "opened" in output(capsys, "open", "writer", *wanted)[1]


def test_one_that_is_told_of_twice_is_one_incident(deployed, capsys):
    wanted = ("open", "writer", "--signal", "quality", "--where", "endpoint=writer/1", "--note", HOSTILE)
    first, again = (output(capsys, *wanted)[1] for _ in range(2))

    assert first.startswith("opened incident-by-hand:")
    assert again.startswith("it is counted in incident-by-hand:")
    (incident,) = json.loads(output(capsys, "list", "--json")[0])
    assert (incident["state"], incident["cause"], incident["flaps"]) == ("detected", None, 1)


async def say(*arguments: str) -> None:
    """Say something as a person does, beside the control process."""
    assert await asyncio.to_thread(run, ["incident", *arguments]) == 0


class House:
    """The loops of a control process, whose clock is ours; nobody answers at its sinks."""

    def __init__(self, folder: Path, recoveries: Recoveries, store: StateStore, clock: ManualClock) -> None:
        self.moves = MovesFile(folder)
        self.recoveries = recoveries
        self.store = store
        self.clock = clock

    async def tick(self, after_s: float = 1.0) -> None:
        self.clock.advance(after_s)
        await self.recoveries.tend()
        await self.recoveries.enqueue_due()

    async def only(self) -> Incident:
        (found,) = await self.store.incidents()
        return found

    async def told(self) -> Sequence[tuple[str, str]]:
        """Return who was told what of the incident, in order."""
        found = await self.store.deliveries()
        return [(each.sink, each.alert.state) for each in found[::-1] if each.alert.state != "change"]

    async def changes(self) -> Sequence[str]:
        found = await self.store.deliveries()
        return [each.alert.title for each in found if each.alert.state == "change"]


def tended(folder: Path, story: Callable[[House], Awaitable[None]]) -> None:
    """Have a story happen in a house."""

    async def happens() -> None:
        clock = ManualClock(SystemClock().now())  # commands beside it go by that one
        open_database(folder / "telemetry.db", now=NOW).dispose()
        store = await asyncio.to_thread(StateStore.open, folder / FILE_NAME, clock)
        async with loops(folder, clock, random.Random(7)) as (_, recoveries):
            await story(House(folder, recoveries, store, clock))
        await store.close()

    asyncio.run(happens())


def test_an_incident_that_is_opened_by_hand_is_taken_up_once_and_calls_people(deployed):
    async def story(house: House) -> None:
        await say("open", "writer", "--signal", "error", "--note", "all is odd")
        opened = await house.only()
        await house.tick(after_s=2.0 * LEFT_BEHIND_S)  # so long nobody was there to take it up
        async with asyncio.timeout(30.0):
            while await house.store.result(opened.event_ids[0]) is None:
                await house.tick()
                await asyncio.sleep(0.05)
        taken = await house.only()
        said = [each.said for each in taken.history]

        assert (opened.state, taken.state, taken.key) == ("detected", "escalated", opened.key)
        assert (opened.severity, taken.severity) == ("warning", "critical")
        assert taken.summary.startswith("all is odd")
        assert said[0] == "opened by ada: all is odd"
        assert said.count("it is taken up") == said.count("recovery works on it") == 1
        assert await house.told() == [("oncall", "trigger")]

    tended(deployed, story)


def test_who_was_called_hears_what_a_person_says_and_nobody_else_is_called(deployed):
    put(deployed, paged=NOW, escalation=1)
    page(deployed, fails=True)  # which it may have heard all the same

    async def story(house: House) -> None:
        await say("ack", "i1")
        for _ in range(2):
            await house.tick(after_s=300.0)  # the next step of the escalation is after 60 s
        acknowledged = await house.told()
        await say("resolve", "i1", "--note", "mended")
        for _ in range(2):
            await house.tick()

        assert acknowledged == [("oncall", "trigger"), ("oncall", "acknowledge")]
        assert await house.told() == [*acknowledged, ("oncall", "resolve")]

    tended(deployed, story)


def test_without_a_word_from_anybody_the_next_people_are_called(deployed):
    put(deployed, paged=NOW, escalation=1)
    page(deployed)

    async def story(house: House) -> None:
        await house.tick(after_s=300.0)

        assert await house.told() == [("oncall", "trigger"), ("lead", "trigger")]

    tended(deployed, story)


def test_where_moves_cannot_be_written_people_are_called_all_the_same(deployed, monkeypatch):
    put(deployed, paged=NOW, escalation=1)
    page(deployed)

    async def story(house: House) -> None:
        for broken in (CannotCreate(Problem("moves", "disk full")), ValueError("a fault of ours")):

            async def fails(error: Exception = broken) -> None:
                raise error

            monkeypatch.setattr(house.recoveries.recovering.tending, "tend", fails)
            await house.tick(after_s=300.0)
        await house.tick()

        assert await house.told() == [("oncall", "trigger"), ("lead", "trigger")]
        called = await house.store.deliveries()
        assert all(each.tries for each in called if each.alert.state == "trigger")

    tended(deployed, story)


def test_an_action_that_is_taken_back_is_in_force_no_more_and_told_as_a_change(deployed):
    put(deployed)

    async def story(house: House) -> None:
        assert [each.id for each in house.moves.load()] == ["i1:drain:0"]
        await say("undo", "i1:drain:0")
        await house.tick()

        assert house.moves.load() == ()
        assert await house.changes() == ["undone: drain writer writer/1"] * len(SINKS)
        assert (await house.only()).is_open

    tended(deployed, story)


def test_what_was_done_about_one_that_a_person_ends_is_taken_back(deployed):
    put(deployed)

    async def story(house: House) -> None:
        await say("resolve", "i1", "--note", "mended")
        await house.tick()
        (gone,) = await house.store.actions()

        assert (gone.state, gone.note) == ("undone", "its incident is over")
        assert house.moves.load() == ()

    tended(deployed, story)
