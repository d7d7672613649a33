import json

import pytest

from guardian_cluster.cli.main import run
from guardian_cluster.contract.threshold_action import DriftNote, Scope, ThresholdEvidence
from guardian_cluster.learning.threshold_ledger import Draft, in_force, with_drafts
from guardian_cluster.thresholds import ThresholdFile

EVIDENCE = ThresholdEvidence(
    examples=400, since=0.0, until=86_400.0, new=390, left_out=12, asked=0.05, expected=0.0499,
    realised_low=0.031, realised_high=0.0735, observed=0.02, least=0.0, most=1.0,
    drift=DriftNote(change="higher", scores=40, at=1.0),
)  # fmt: skip


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """Work in a folder of its own, and return its thresholds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    return ThresholdFile(tmp_path / "data")


def learn(file, before, after, specialist="small"):
    draft = Draft(Scope("harm", specialist, "acme"), before, after, EVIDENCE)
    file.change(lambda actions: with_drafts(actions, [draft], 1.0))


def test_without_thresholds_it_is_said_when_there_will_be_some(capsys):
    assert run(["thresholds"]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert "once there are 400 scores" in err


def test_thresholds_are_listed_with_their_evidence(file, capsys):
    for before, after in ((None, 0.9), (0.9, 0.812345), (0.812345, 0.95)):
        learn(file, before, after)

    assert run(["thresholds"]) == 0

    out, err = capsys.readouterr()
    heading, first, _, second, grounds, third, _ = out.splitlines()
    assert heading.split()[:9] == [
        "ID", "STATE", "DETECTOR", "SPECIALIST", "TENANT", "BEFORE", "AFTER", "ASKED", "EXPECTED",
    ]  # fmt: skip
    assert first.split()[:7] == ["t1", "replaced", "harm", "small", "acme", "-", "0.9"]
    assert second.split()[:8] == ["t2", "in", "force", "harm", "small", "acme", "0.9", "0.8123"]
    assert second.endswith("5.0%   5.0% [3.1%, 7.3%]")
    assert grounds == (
        "    400 scores (390 new, 12 left out) up to 1970-01-02 00:00:00Z; the one before reported 2.0%; "
        "higher since a drift; applied by calibrator"
    )
    assert third.split()[:2] == ["t3", "proposed"]
    assert err == "waiting for you: guardian thresholds apply t3\n"


def test_json_is_all_there_is_to_know(file, capsys):
    learn(file, None, 0.9)

    assert run(["thresholds", "--json"]) == 0

    (action,) = json.loads(capsys.readouterr().out)
    assert (action["id"], action["state"], action["after"], action["who"]) == (
        "t1",
        "applied",
        0.9,
        "calibrator",
    )
    assert action["evidence"]["drift"] == {"change": "higher", "scores": 40, "at": 1.0}


def test_apply_and_undo_say_what_is_in_force_now(file, capsys):
    learn(file, None, 0.8)
    learn(file, 0.8, 0.9)

    assert run(["thresholds", "apply", "t2"]) == 0
    assert capsys.readouterr().err == "applied t2: harm/small/acme from 0.8 to 0.9\n"
    assert [action.after for action in in_force(file.load()).values()] == [0.9]

    assert run(["thresholds", "undo", "t2"]) == 0
    assert capsys.readouterr().err == "undone t2 of harm/small/acme; in force now: t1, 0.8\n"
    assert run(["thresholds", "undo", "t1"]) == 0
    assert capsys.readouterr().err == "undone t1 of harm/small/acme; none is in force now\n"
    assert in_force(file.load()) == {}


@pytest.mark.parametrize("command", ["apply", "undo"])
def test_one_that_is_not_there_is_an_error_that_says_what_to_do(capsys, command):
    assert run(["thresholds", command, "t9"]) == 2

    err = capsys.readouterr().err
    assert "there is no threshold t9" in err
    assert "guardian thresholds lists all" in err
    assert err.endswith("see: guardian thresholds --help      (thresholds-unknown)\n")


def test_a_damaged_file_is_an_error(file, capsys):
    file.path.parent.mkdir()
    file.path.write_text("{")

    assert run(["thresholds"]) == 78
    assert "(thresholds-unreadable)" in capsys.readouterr().err


def test_a_configuration_may_be_named_before_and_after_the_command(tmp_path, file, monkeypatch):
    monkeypatch.delenv("GUARDIAN_DATA__FOLDER")
    (tmp_path / "other.toml").write_text(f'[data]\nfolder = "{file.path.parent}"\n')
    learn(file, None, 0.8)

    assert run(["thresholds", "undo", "t1", "--config", "other.toml"]) == 0
    assert run(["thresholds", "--config", "other.toml", "apply", "t1"]) == 0

    assert len(in_force(file.load())) == 1


def test_names_cannot_steer_the_terminal(file, capsys):
    learn(file, None, 0.8, specialist="\x1b[2J")

    run(["thresholds"])

    assert "\x1b" not in capsys.readouterr().out
