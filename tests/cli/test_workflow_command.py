import json

import msgspec
import pytest

from guardian_cluster.cli.main import run
from guardian_cluster.engine.database import open_file
from guardian_cluster.engine.ledger import Ledger, PendingRun


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Work in a folder of its own, and return where its runs are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return tmp_path / "data" / "engine.db"


@pytest.fixture
def ledger(place):
    """Return a ledger as the control process holds it while a command runs."""
    database = open_file(place)
    ledger = Ledger(database)
    ledger.migrate()
    ledger.register_queue("cycle", 2)
    yield ledger
    ledger.close()
    database.dispose()


def enqueue(ledger, id, argument="small"):
    return ledger.enqueue("cycle", argument, id=id, once="", limit_s=60.0)


def test_where_nothing_ever_ran_nothing_is_listed_and_no_file_is_made(place, capsys):
    assert run(["workflow", "list"]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"no such run in {place}\n"
    assert not place.exists()


def test_runs_are_listed_with_what_they_were_given(ledger, capsys):
    for id in ("a", "b"):
        enqueue(ledger, id, "evil\x1b[2J")
    ledger.cancel("a")

    assert run(["workflow", "list", "--state", "waiting", "--workflow", "cycle"]) == 0

    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["ID", "WORKFLOW", "STATE"]
    assert line.split()[:3] == ["b", "cycle", "waiting"]
    assert "\x1b" not in line


def test_json_is_all_there_is_to_know(ledger, capsys):
    enqueue(ledger, "a")

    assert run(["workflow", "list", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert run(["workflow", "show", "a", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)
    assert shown == listed == json.loads(msgspec.json.encode(ledger.run_of("a")))


def test_a_run_is_cancelled_and_resumed(ledger, capsys):
    enqueue(ledger, "a")

    assert [run(["workflow", "cancel", "a"]), ledger.status("a").state] == [0, "cancelled"]
    assert [run(["workflow", "resume", "a"]), ledger.status("a").state] == [0, "waiting"]

    assert "guardian workflow resume a goes on with it" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [["cancel", "done"], ["resume", "waiting"]])
def test_what_cannot_be_is_said(ledger, capsys, asked):
    enqueue(ledger, "waiting")
    enqueue(ledger, "done")
    ledger.cancel("done")

    assert run(["workflow", *asked]) == 2

    assert f"cannot be {asked[0].removesuffix('e')}" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["show", "cancel", "resume"])
def test_an_unknown_run_is_said(ledger, capsys, command):
    assert run(["workflow", command, "no\x07such"]) == 2

    assert "there is no run no\\u0007such" in capsys.readouterr().err


def test_a_run_is_shown_on_a_page(ledger, capsys):
    enqueue(ledger, "a")

    assert run(["workflow", "show", "a"]) == 0

    out = capsys.readouterr().out
    assert [line.split()[-1] for line in out.splitlines()[:3]] == ["a", "cycle", "waiting"]
    assert out.endswith("no step of it was done yet\n")


def test_a_damaged_file_is_refused_and_left_as_it_is(place, capsys):
    place.parent.mkdir()
    place.write_bytes(b"no database " * 1_000)

    assert run(["workflow", "list"]) == 73

    err = capsys.readouterr().err
    assert "is damaged or no database" in err
    assert "restore it from your own backup" in err
    assert place.read_bytes().startswith(b"no database")


def test_a_run_of_a_dead_process_is_handed_back_only_while_it_has_it(ledger):
    enqueue(ledger, "a")

    assert not ledger.hand_back(PendingRun("a", "cycle", "somebody", 0.0))
