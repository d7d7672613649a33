"""`guardian demo`: played once as a command, and its words held against what is in its records."""

import asyncio
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console
from sample_records import request_record

from guardian_cluster.cli.demo import events
from guardian_cluster.cli.demo.client import Client
from guardian_cluster.cli.demo.command import demo
from guardian_cluster.cli.demo.models import STRONGEST, Voice
from guardian_cluster.cli.demo.performance import perform
from guardian_cluster.cli.demo.processes import running_gateway
from guardian_cluster.cli.demo.records import read_records
from guardian_cluster.cli.demo.scenes import SCENES, Play, escalation, mistake, regression, repair
from guardian_cluster.cli.demo.screen import ScreenLog
from guardian_cluster.cli.demo.stage import Narrator, Question, Stage
from guardian_cluster.cli.demo.summary import Summary, summarize
from guardian_cluster.contract.records import AssessmentRecord, AttemptRecord, PartRecord
from guardian_cluster.contract.snapshot import Price
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import BadArgument, CannotCreate

DEMO = [sys.executable, "-m", "guardian_cluster.cli.main", "demo"]
HOSTILE = {"HOME": "/proc/none", "XDG_DATA_HOME": "/proc/none", "GUARDIAN_GATEWAY__LISTEN": "0.0.0.0:1"}
"""No home to write to, and a variable that would open the gateway to other machines, were it heeded."""

KINDS = msgspec.json.Decoder(
    events.Started
    | events.Simulated
    | events.Setting
    | events.Model
    | events.Ingested
    | events.Ready
    | events.Scene
    | events.Asked
    | events.Done
    | events.Flowed
    | events.Said
    | events.Answered
    | events.Reasoned
    | events.Recorded
    | events.Found
    | events.Checked
    | events.Summed
    | events.Ended
)


@dataclass
class Played:
    """A demo that was played to its end."""

    status: int
    complaints: str
    events: list[dict[str, Any]]
    folder: Path

    def of(self, kind: str, **where: object) -> list[dict[str, Any]]:
        """Return the events of a kind, those with the values given."""
        found = [event for event in self.events if event["event"] == kind]
        return [event for event in found if where.items() <= event.items()]

    def the(self, kind: str) -> dict[str, Any]:
        (found,) = self.of(kind)
        return found


@dataclass
class Kept:
    """A log that keeps what it is told."""

    told: list[events.Event] = field(default_factory=list)

    def tell(self, event: events.Event) -> None:
        self.told.append(event)

    def checks(self) -> dict[str, bool]:
        return {event.claim: event.held for event in self.told if isinstance(event, events.Checked)}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    ended = subprocess.run(
        [*DEMO, "--json", "--keep", str(folder)],
        env={**os.environ, **HOSTILE},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return Played(ended.returncode, ended.stderr, lines, folder)


def rows(played: Played, query: str) -> list[dict[str, Any]]:
    """Return the values that a query of the state database finds."""
    with closing(sqlite3.connect(played.folder / "data" / "state.db")) as database:
        return [msgspec.msgpack.decode(value) for (value,) in database.execute(query)]


def called(played: Played) -> list[dict[str, Any]]:
    """Return the deliveries by which people are called, without those that were taken back before that."""
    kept = rows(played, "select value from delivery")
    return [each for each in kept if each["alert"]["state"] == "trigger" and each["state"] != "given_up"]


def running_in(folder: Path) -> list[str]:
    """Return the commands of all processes that name a folder."""
    return [command for command in commands() if str(folder) in command]


def entries(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def commands() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue


def leaves(value: object, path: str = "") -> Iterator[str]:
    """Yield the keys of a TOML document, in the way in which they are shown."""
    match value:
        case dict():
            for name, item in value.items():
                yield from leaves(item, f"{path}.{name}" if path else name)
        case [dict(), *_]:
            for number, item in enumerate(value):
                yield from leaves(item, f"{path}[{number}]")
        case _:
            yield path


def test_everything_that_the_demo_shows_has_happened(played: Played) -> None:
    unmet = [event for event in played.of("checked") if not event["held"]]

    assert (unmet, played.the("ended")["unmet"], played.complaints) == ([], [], "")
    assert (played.status, played.the("ended")["status"]) == (0, 0)


def test_each_scene_is_played_and_checked_in_its_order(played: Played) -> None:
    assert [event["name"] for event in played.of("scene")] == [scene.name for scene in SCENES]
    assert all(played.of("checked", scene=scene.name) for scene in SCENES)


def test_it_takes_less_than_a_minute(played: Played) -> None:
    assert played.the("ended")["seconds"] < 60


def test_the_summary_is_that_of_the_records_on_disk(played: Played) -> None:
    with closing(sqlite3.connect(played.folder / "data" / "telemetry.db")) as database:
        ((requests, cost_usd),) = database.execute("select count(*), sum(cost_usd) from request")
        outcomes = dict(database.execute("select outcome, count(*) from request group by outcome"))
        ((attempts, failed),) = database.execute(
            "select count(*), sum(outcome = 'failed') from attempt"
        ).fetchall()
    told = played.the("summary")["summary"]

    assert (told["requests"], told["outcomes"]) == (requests, outcomes)
    assert told["cost_usd"] == pytest.approx(cost_usd)
    assert (told["attempts"], told["failed_attempts"]) == (attempts, failed)
    records = read_records(played.folder)
    assert played.the("summary")["missing"] == []
    assert msgspec.convert(told, Summary) == summarize(records, STRONGEST.name, STRONGEST.price)


def test_every_request_that_was_asked_is_in_the_records(played: Played) -> None:
    recorded = {event["request"] for event in played.of("recorded")}
    flowed = {request for event in played.of("flowed") for request in event["requests"]}

    assert recorded | flowed == {record.id for record in read_records(played.folder)}
    assert not recorded & flowed
    assert len(recorded) == len(played.of("asked")) == len(played.of("answered"))


def test_the_sum_was_wrong_and_the_client_never_saw_it(played: Played) -> None:
    (said,) = played.of("said", scene="mistake")
    (answered,) = played.of("answered", scene="mistake")
    escalations = played.the("summary")["summary"]["escalations"]

    assert mistake.WRONG in said["text"]
    assert mistake.WRONG not in answered["text"]
    assert any("arithmetic" in each["failed"] and each["then"] == "large" for each in escalations)


def test_what_models_said_and_clients_got_differs_where_it_must(played: Played) -> None:
    said = "".join(event["text"] for event in played.of("said", scene="leak"))
    got = "".join(event["text"] for event in played.of("answered", scene="leak"))

    for secret in ("Bluebird-7", "canary-5f1c9a02"):
        assert secret in said
        assert secret not in got
    verdicts = played.the("summary")["summary"]["verdicts"]
    assert {each["action"] for each in verdicts if each["detector"] != "answer"} == {"redact", "cut"}


def test_guardians_name_cause_and_place_of_what_went_wrong(played: Played) -> None:
    told = {event["label"]: event["text"] for event in played.of("found", scene="regression")}
    (flowed,) = played.of("flowed", scene="regression")

    assert told["cause"].startswith("refusal_spike")
    assert "template=" in told["cause"]
    assert told["record"].partition(":")[0] in flowed["requests"]
    assert len(flowed["requests"]) > 400


def test_an_endpoint_whose_answers_went_wrong_is_repaired_and_nobody_is_called(played: Played) -> None:
    incidents = rows(played, f"select value from incident where specialist = '{repair.MODEL}'")
    (incident,) = [each for each in incidents if each.get("mitigated") is not None]
    calls = called(played)

    assert incident["cause"] == "wrong_format"
    assert dict(incident["where"])["endpoint"] == repair.STRUCK
    assert incident["mitigated"] - incident["onset"] < 30
    assert repair.MODEL not in {each["alert"]["specialist"] for each in calls}


def test_what_only_people_can_mend_is_backed_up_and_left_to_them(played: Played) -> None:
    delivered = [each for each in called(played) if each["state"] == "delivered"]
    told = {event["label"]: event["text"] for event in played.of("found", scene="escalation")}

    assert {each["alert"]["specialist"] for each in delivered} == {STRONGEST.name}
    assert told["call"] == f"oncall: {delivered[0]['alert']['title']}"


def test_every_key_of_the_generated_configuration_is_told(played: Played) -> None:
    written = tomllib.loads((played.folder / "guardian.toml").read_text())

    assert sorted(leaves(written)) == sorted(event["key"] for event in played.of("setting"))
    assert played.of("setting", key="specialist.small.timeouts.total_s", default="600.0")
    assert {event["what"] for event in played.of("simulated")} == {"models", "pace", "prices", "pager"}


def test_the_gateway_is_on_loopback_whatever_the_variables_say(played: Played) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:[1-9][0-9]*/v1", played.the("ready")["url"])


def test_nothing_is_left_running(played: Played) -> None:
    assert (played.folder / "gateway.log").exists()
    assert running_in(played.folder) == []


def test_people_read_the_same_in_lines_that_fit_their_screen(played: Played) -> None:
    output = io.StringIO()
    screen = ScreenLog(Console(file=output, width=80, highlight=False))
    for event in played.events:
        screen.tell(KINDS.decode(msgspec.json.encode(event)))
    lines = output.getvalue().splitlines()

    assert "\x1b" not in output.getvalue()
    assert max(map(len, lines)) <= 80
    for scene in SCENES:
        assert any(scene.title in line for line in lines)
    assert sum(line.startswith("ok ") for line in lines) == len(played.of("checked", held=True))
    assert any(line.startswith("end ") for line in lines[-3:])


def test_on_a_terminal_that_wants_none_there_is_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    written: dict[str, str] = {}
    for variable in ("", "1"):
        monkeypatch.setenv("NO_COLOR", variable)
        output = io.StringIO()
        console = Console(file=output, width=80, force_terminal=True, highlight=False)
        ScreenLog(console).tell(events.Checked(scene="s", claim="it rains", held=False, found="sun"))
        written[variable] = output.getvalue()

    assert "\x1b[1;31m" in written[""]
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", written["1"])
    assert "NOT SO" in written["1"]
    assert "this did not happen: sun" in written["1"]


async def without_the_mistake(stage: Stage) -> None:
    """Play the scene of the wrong sum with a model that gets it right."""
    stage.models.voices["small"].script = STRONGEST.script
    await mistake.play(stage)


async def without_a_regression(stage: Stage) -> None:
    """Play the scene of the regression with a model that goes on answering."""
    voice = stage.models.voices[STRONGEST.name]
    stage.models.voices[STRONGEST.name] = Voice(voice.script)
    await regression.play(stage)


async def without_a_gateway(stage: Stage) -> None:
    """Ask where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
        await Stage("gone", client, stage.models, Narrator(Kept(), SystemClock())).ask(Question(text="hello"))


async def test_a_scene_in_which_nothing_happens_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regression, "USUAL", 12)
    monkeypatch.setattr(regression, "MOST_S", 0.5)
    monkeypatch.setattr(repair, "USUAL", 12)
    monkeypatch.setattr(repair, "MOST_S", 0.5)
    monkeypatch.setattr(escalation, "MOST_S", 0.5)
    log = Kept()
    plays = {
        "mistake": without_the_mistake,
        "repair": repair.play,
        "regression": without_a_regression,
        "escalation": escalation.play,
        "gone": without_a_gateway,
    }
    scenes = [Play(name, "Nothing happens", play) for name, play in plays.items()]

    unmet = await perform(Narrator(log, SystemClock()), tmp_path, scenes)

    assert unmet == tuple(plays)
    assert log.checks()["it is repaired within a minute, by no human"] is False
    assert log.checks()["the backup answers the struck desk"] is False
    assert log.checks()["it is noticed, located and explained within a minute"] is False
    assert log.checks()["the wrong sum is caught"] is False
    assert log.checks()["the scene can be played to its end"] is False
    flowed = [id for event in log.told if isinstance(event, events.Flowed) for id in event.requests]
    (found,) = [event.summary for event in log.told if isinstance(event, events.Summed)]
    assert (found.requests, found.escalations) == (1 + len(flowed), ())


def attempt(specialist: str, outcome: str = "ok", tokens: int = 100) -> AttemptRecord:
    return AttemptRecord(
        specialist=specialist,
        endpoint=f"{specialist}/1",
        outcome=outcome,  # type: ignore[arg-type]
        duration_ms=1.0,
        output_tokens=tokens,
    )


def test_the_strongest_is_charged_for_answers_that_were_let_out_alone() -> None:
    price = Price(output_usd=1e6)
    escalated = request_record(
        "r1", specialist="large", attempts=(attempt("small"), attempt("large", tokens=7))
    )
    parts = tuple(
        PartRecord(number=number, requirement="general", specialist=name, outcome="ok")
        for number, name in enumerate(("solver", "small"), 1)
    )
    together = request_record(
        "r2", specialist=None, parts=parts, attempts=(attempt("solver", tokens=0), attempt("small", tokens=5))
    )
    broken = request_record(
        "r3", specialist="small", attempts=(attempt("small", "failed"), attempt("small", tokens=3))
    )

    found = summarize([escalated, together, broken], "large", price)

    assert found.strongest.cost_usd == 7 + 5 + 3
    assert (found.several, found.attempts, found.failed_attempts) == (1, 6, 1)


def test_an_escalation_names_who_was_asked_next_for_the_same_part() -> None:
    assessments = tuple(
        AssessmentRecord(specialist=name, part=part, p_wrong=p_wrong, decision=decision)
        for name, part, p_wrong, decision in (
            ("small", 1, 0.9, "escalate"),
            ("recall", 2, 0.1, "accept"),
            ("large", 1, 0.2, "accept"),
            ("small", 3, 0.6, "second_opinion"),
        )
    )

    found = summarize([request_record(assessments=assessments)], "large", Price()).escalations

    assert [(each.specialist, each.then, each.p_wrong) for each in found] == [
        ("small", "large", 0.9),
        ("small", None, 0.6),
    ]


def test_a_demo_whose_scene_did_not_hold_ends_with_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def perform(narrator: Narrator, folder: Path) -> tuple[str, ...]:
        return ("leak",)

    monkeypatch.setattr("guardian_cluster.cli.demo.command.perform", perform)
    status = demo.main([], standalone_mode=False)

    assert status == 3
    assert "in leak something expected did not happen" in capsys.readouterr().out


async def test_ctrl_c_ends_all_that_was_started(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *DEMO, "--json", env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(100):
        while json.loads(await process.stdout.readline())["event"] != "scene":
            pass
        begun = running_in(tmp_path)
        process.send_signal(signal.SIGINT)
        await process.communicate()

    assert process.returncode == 130
    assert len(begun) >= 3
    assert running_in(tmp_path) == []
    assert entries(tmp_path) == []


async def test_a_demo_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *DEMO, "--json", env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(100):
        while json.loads(await process.stdout.readline())["event"] != "ready":
            pass
        process.kill()
        await process.communicate()
        while running_in(tmp_path):
            await asyncio.sleep(0.05)

    assert [name[:14] for name in entries(tmp_path)] == ["guardian-demo-"]


async def test_a_gateway_that_does_not_start_is_said_with_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "guardian.toml").write_text("[gatewy]")

    with pytest.raises(CannotCreate, match=r"the gateway did not start\n  it said: .*gatewy"):
        async with running_gateway(tmp_path):
            pass

    assert running_in(tmp_path) == []


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "guardian.toml").write_text("mine")

    with pytest.raises(BadArgument, match="is not empty"):
        demo.main(["--keep", str(tmp_path)], standalone_mode=False)

    assert (tmp_path / "guardian.toml").read_text() == "mine"
