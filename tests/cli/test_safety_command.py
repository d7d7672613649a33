import json
from pathlib import Path

import pytest
from decided_state import kept, put

from guardian_cluster.cli.main import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, and return its data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("LOGNAME", "ada")
    return tmp_path / "data"


def test_where_nothing_was_flagged_that_is_said(folder, capsys):
    put(folder, "i1")

    assert run(["safety", "list"]) == 0
    assert run(["safety", "list", "--json"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out) == []
    assert err == "nothing is under investigation\n"


def test_investigations_are_listed_with_what_is_held_against_the_improvement(folder, capsys):
    put(folder, "i1", flagged=True)

    assert run(["safety", "list"]) == 0

    out, err = capsys.readouterr()
    heading, row, concerns = out.splitlines()
    assert heading.split() == ["ID", "OUTCOME", "SPECIALIST", "IMPROVEMENT", "OWNER", "OPENED"]
    assert row.split()[:5] == ["s-i1", "open", "writer", "i1", "ada"]
    assert concerns == "    blast-radius: it concerns more than writer"
    assert err == "waiting for ada: guardian safety show s-i1\n"


@pytest.mark.parametrize("identity", ["s-i1", "i1"])
def test_one_is_shown_with_what_it_is_about(folder, capsys, identity):
    put(folder, "i1", flagged=True)

    assert run(["safety", "show", identity]) == 0
    out = capsys.readouterr().out
    assert run(["safety", "show", identity, "--json"]) == 0

    assert "specialists.writer.timeouts.first_token_s from 60.0 to 7.0" in out
    found = json.loads(capsys.readouterr().out)
    assert found["investigation"]["concerns"][0]["rule"] == "blast-radius"
    assert found["improvement"]["state"] == "investigated"


def test_a_cleared_improvement_waits_in_the_queue(folder, capsys):
    put(folder, "i1", flagged=True)

    assert run(["safety", "clear", "s-i1", "--note", "as meant"]) == 0
    assert capsys.readouterr().err.endswith("next: guardian improvement approve i1\n")
    run(["safety", "show", "i1"])

    assert kept(folder)[0].state == "queued"
    assert "ada: as meant" in capsys.readouterr().out


def test_an_upheld_concern_blocks_the_improvement(folder, capsys):
    put(folder, "i1", flagged=True)

    assert run(["safety", "uphold", "s-i1", "--note", "it reaches all tenants"]) == 0
    run(["safety", "list", "--open", "--json"])

    assert json.loads(capsys.readouterr().out) == []
    (item,) = kept(folder)
    assert (item.state, item.who, item.note) == ("blocked", "ada", "it reaches all tenants")


def test_a_concern_is_not_upheld_without_a_word(folder, capsys):
    put(folder, "i1", flagged=True)

    assert run(["safety", "uphold", "s-i1"]) == 2
    assert run(["safety", "uphold", "s-i1", "--note", " "]) == 2

    assert "(safety-no-note)" in capsys.readouterr().err
    assert kept(folder)[0].state == "investigated"


@pytest.mark.parametrize("command", [["show"], ["clear"], ["uphold", "--note", "x"]])
def test_one_that_is_not_there_is_an_error_that_says_what_to_do(folder, capsys, command):
    assert run(["safety", *command, "s-none"]) == 2

    err = capsys.readouterr().err
    assert "there is no investigation s-none" in err
    assert "guardian safety list" in err


def test_a_closed_one_says_who_closed_it(folder, capsys):
    put(folder, "i1", flagged=True)
    run(["safety", "clear", "i1"])
    capsys.readouterr()

    assert run(["safety", "clear", "i1"]) == 2
    assert "investigation s-i1 is closed: cleared by ada" in capsys.readouterr().err


def test_whom_the_newest_open_one_waits_for_is_told(folder, capsys):
    put(folder, "i1", flagged=True)
    put(folder, "i2", flagged=True, owner="bob")
    run(["safety", "clear", "i2"])
    capsys.readouterr()

    assert run(["safety", "list"]) == 0

    assert capsys.readouterr().err == "waiting for ada: guardian safety show s-i1\n"
