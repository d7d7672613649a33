"""`guardian monitor SPECIALIST --accept ALARM_ID`: what is kept of it, and what it refuses."""

import asyncio
import json
from pathlib import Path

import pytest
from guardian_reports import alarm

from guardian_cluster.cli.main import run
from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.storage.state import StateStore
from guardian_cluster.storage.state_database import FILE_NAME


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, and return its data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("LOGNAME", "ada")
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def put(folder: Path, *alarms: Alarm) -> None:
    """Keep alarms, as whoever watches does."""

    async def kept() -> None:
        store = StateStore.open(folder / FILE_NAME, SystemClock())
        await store.put_alarms(alarms)
        await store.close()

    asyncio.run(kept())


def in_state(folder: Path) -> Alarm:
    async def read() -> Alarm:
        store = StateStore.open(folder / FILE_NAME, SystemClock())
        (found,) = await store.alarms(open_only=False)
        await store.close()
        return found

    return asyncio.run(read())


def test_who_accepts_an_alarm_when_and_why_is_kept_with_it(folder: Path, capsys: pytest.CaptureFixture[str]):
    put(folder, alarm())

    assert run(["monitor", "writer", "--accept", "a1", "--note", "a harder contract"]) == 0

    said, acceptance = capsys.readouterr().err, in_state(folder).acceptance
    assert "accepted a1: error in everything, 40.0% lost, is usual from now on" in said
    assert acceptance is not None
    assert (acceptance.who, acceptance.note) == ("ada", "a harder contract")
    assert acceptance.at == pytest.approx(SystemClock().now(), abs=60.0)


def test_as_json_it_is_the_alarm(folder: Path, capsys: pytest.CaptureFixture[str]):
    put(folder, alarm())

    assert run(["monitor", "writer", "--accept", "a1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["acceptance"]["who"] == "ada"


def test_what_whoever_watches_says_of_it_later_takes_nobodys_word_back(folder: Path):
    put(folder, alarm())
    run(["monitor", "writer", "--accept", "a1"])

    put(folder, alarm(requests=500))

    found = in_state(folder)
    assert found.requests == 500
    assert found.acceptance is not None


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ((), "writer has no alarm a1\n  guardian monitor writer lists those that are open"),
        ((alarm(specialist="other"),), "writer has no alarm a1"),
    ],
)
def test_an_alarm_that_a_specialist_has_not_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], alarms: tuple[Alarm, ...], said: str
):
    if alarms:
        put(folder, *alarms)

    assert run(["monitor", "writer", "--accept", "a1"]) == 2
    assert said in capsys.readouterr().err
    assert (folder / FILE_NAME).exists() == bool(alarms)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (alarm(closed=1.0), "a1 is closed already, since 1970-01-01 00:00:01Z"),
        (
            alarm(acceptance=Acceptance(who="eve", at=2.0)),
            "a1 was accepted already by eve at 1970-01-01 00:00:02Z",
        ),
    ],
)
def test_what_was_decided_before_stays_as_it_was(
    folder: Path, capsys: pytest.CaptureFixture[str], kept: Alarm, said: str
):
    put(folder, kept)

    assert run(["monitor", "writer", "--accept", "a1"]) == 3
    assert said in capsys.readouterr().err
    assert in_state(folder) == kept


def test_a_note_without_an_alarm_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["monitor", "writer", "--note", "why"]) == 2
    assert "--note is about an alarm that is accepted" in capsys.readouterr().err
