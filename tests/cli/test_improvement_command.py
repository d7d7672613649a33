import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from decided_state import kept, put
from improvement_samples import THRESHOLD

from guardian_cluster.cli.main import run
from guardian_cluster.config import load_config
from guardian_cluster.contract.threshold_action import Scope, ThresholdEvidence
from guardian_cluster.domain.improvement import SettingChange, ThresholdChange
from guardian_cluster.learning.threshold_ledger import Draft, with_drafts
from guardian_cluster.processes.deployer import Deployer
from guardian_cluster.thresholds import ThresholdFile

HARM = ThresholdChange(detector="harm", specialist="small", tenant="acme", before=0.8, after=0.6)

EVIDENCE = ThresholdEvidence(
    examples=400, since=0.0, until=1.0, new=400, asked=0.05, expected=0.05, realised_low=0.0,
    realised_high=0.1, least=0.0, most=1.0,
)  # fmt: skip


def learn(folder, after, before=None):
    """Put a threshold on file as the control process does."""
    draft = Draft(Scope("harm", "small", "acme"), before, after, EVIDENCE)
    ThresholdFile(folder).change(lambda actions: with_drafts(actions, [draft], 1.0))


def deploy(folder):
    """Deploy as the gateway's supervisor does when a file has changed."""
    config = load_config(None, environment={"GUARDIAN_DATA__FOLDER": str(folder)})
    return Deployer(config).deploy(config)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, and return its data folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setenv("LOGNAME", "ada")
    return tmp_path / "data"


def test_where_nothing_was_proposed_that_is_said_and_no_file_made(folder, capsys):
    assert run(["improvement", "list"]) == 0
    assert run(["improvement", "list", "--json"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out) == []
    assert "nothing is proposed" in err
    assert not folder.exists()


def test_improvements_are_listed_with_their_grounds(folder, capsys):
    put(folder, "i1")
    put(folder, "i2", THRESHOLD, flagged=True)

    assert run(["improvement", "list"]) == 0

    out, err = capsys.readouterr()
    heading, *rows = out.splitlines()
    assert heading.split() == ["ID", "STATE", "SPECIALIST", "WHAT", "BEFORE", "AFTER", "SINCE"]
    assert rows[0].split()[:6] == [
        "i1", "queued", "writer", "specialists.writer.timeouts.first_token_s", "60.0", "7.0",
    ]  # fmt: skip
    assert rows[1] == "    Sound answers begin sooner.; 2 records; 50% of its requests"
    assert rows[3].endswith("blast-radius: it concerns more than writer")
    assert err == "waiting for you: guardian improvement approve i1\n"


def test_lists_are_narrowed_by_state_and_specialist(folder, capsys):
    put(folder, "i1")
    put(folder, "i2", flagged=True)

    run(["improvement", "list", "--state", "investigated", "--json"])
    found = json.loads(capsys.readouterr().out)
    run(["improvement", "list", "--specialist", "coder", "--json"])

    assert [each["improvement"]["id"] for each in found] == ["i2"]
    assert json.loads(capsys.readouterr().out) == []


def test_one_is_shown_with_what_undoes_it(folder, capsys):
    put(folder, "i1")

    assert run(["improvement", "show", "i1"]) == 0
    out = capsys.readouterr().out
    assert run(["improvement", "show", "i1", "--json"]) == 0

    facts = {line[:12].strip(): line[13:] for line in out.splitlines()}
    assert facts["undone by"] == "specialists.writer.timeouts.first_token_s from 7.0 to 60.0"
    assert facts["cause"] == "hang in endpoint=writer/1"
    assert facts["records"] == "r1 r2"
    assert json.loads(capsys.readouterr().out)["improvement"]["record_ids"] == ["r1", "r2"]


def test_approving_a_setting_says_that_nothing_has_changed_yet(folder, capsys):
    put(folder, "i1")

    assert run(["improvement", "approve", "i1", "--note", "do it"]) == 0

    err = capsys.readouterr().err
    assert err.startswith(
        "approved i1: specialists.writer.timeouts.first_token_s from 60.0 to 7.0; nothing is"
    )
    (item,) = kept(folder)
    assert (item.state, item.who, item.note) == ("approved", "ada", "do it")


def test_an_approved_threshold_is_deployed_and_undoing_it_takes_it_back(folder, capsys):
    folder.mkdir()
    learn(folder, 0.8)
    put(folder, "i1", HARM)

    assert run(["improvement", "approve", "i1"]) == 0
    assert capsys.readouterr().err.endswith("threshold harm/small/acme from 0.8 to 0.6; it is in force\n")
    deployed = deploy(folder).overlay.thresholds
    run(["thresholds"])
    listed = capsys.readouterr().out
    assert run(["improvement", "undo", "i1"]) == 0

    assert [each.value for each in deployed] == [0.6]
    assert "came of improvement i1; applied by ada" in listed
    assert [each.value for each in deploy(folder).overlay.thresholds] == [0.8]
    assert kept(folder)[0].state == "undone"


def test_a_threshold_that_has_moved_since_is_left_and_waits(folder, capsys):
    folder.mkdir()
    learn(folder, 0.8)
    put(folder, "i1", HARM)
    learn(folder, 0.7, before=0.8)

    assert run(["improvement", "approve", "i1"]) == 2

    err = capsys.readouterr().err
    assert "another threshold of harm/small/acme is in force than when this was proposed: 0.7" in err
    assert "(thresholds-changed)" in err
    assert kept(folder)[0].state == "queued"
    assert ThresholdFile(folder).thresholds()[0].value == 0.7


def test_a_second_decision_says_who_was_first(folder, capsys):
    put(folder, "i1")
    run(["improvement", "reject", "i1", "--note", "not now"])
    capsys.readouterr()

    assert run(["improvement", "approve", "i1"]) == 2

    err = capsys.readouterr().err
    assert "improvement i1 is rejected by ada; it would have to be queued" in err
    assert "guardian improvement show i1" in err
    assert "(improvement-decided)" in err


def test_of_commands_at_once_one_decides(folder):
    put(folder, "i1")

    with ThreadPoolExecutor(2) as threads:
        ends = list(threads.map(lambda what: run(["improvement", what, "i1"]), ["reject", "reject"]))

    assert sorted(ends) == [0, 2]


@pytest.mark.parametrize("command", ["show", "approve", "reject", "undo"])
def test_one_that_is_not_there_is_an_error_that_says_what_to_do(folder, capsys, command):
    assert run(["improvement", command, "i\x1b[2J"]) == 2

    err = capsys.readouterr().err
    assert "guardian improvement list" in err
    assert "(improvement-unknown)" in err
    assert "\x1b[2J" not in err


def test_a_damaged_state_is_an_error(folder, capsys):
    folder.mkdir()
    (folder / "state.db").write_bytes(b"no database" * 1_000)

    assert run(["improvement", "list"]) == 73
    assert "state.db" in capsys.readouterr().err


def test_hostile_text_cannot_steer_the_terminal(folder, capsys):
    hostile = SettingChange(path="a\x1b[2J", before="\x1b]0;x\x07", after="\n\x1b[H")
    put(folder, "i1", hostile, reason="\x1b[31mred", specialist="\x1b[2J")

    run(["improvement", "list"])
    run(["improvement", "show", "i1"])
    run(["improvement", "approve", "i1"])

    out, err = capsys.readouterr()
    assert "\x1b" not in out + err


def test_json_escapes_what_a_terminal_would_obey_and_says_the_same(folder, capsys):
    hostile = "\x9b31m\u202eevil\x7f\U000e0041 ü"
    put(folder, "i1", reason=hostile)

    run(["improvement", "list", "--json"])

    out = capsys.readouterr().out
    assert json.loads(out)[0]["improvement"]["reason"] == hostile
    assert all(sign.isprintable() or sign == "\n" for sign in out)
    assert "ü" in out


def test_bytes_that_are_no_text_are_no_error_of_ours(folder, capsys, monkeypatch):
    put(folder, "i1")
    monkeypatch.setenv("LOGNAME", "ad\udce9")

    assert run(["improvement", "show", "\udcff"]) == 2
    assert run(["improvement", "list", "--specialist", "\udcff"]) == 0
    assert run(["improvement", "approve", "i1", "--note", "caf\udce9"]) == 0

    assert (kept(folder)[0].who, kept(folder)[0].note) == ("ad\ufffd", "caf\ufffd")


def test_undoing_one_says_which_threshold_is_in_force_then(folder, capsys):
    folder.mkdir()
    learn(folder, 0.8)
    put(folder, "i1", HARM)
    put(
        folder,
        "i2",
        ThresholdChange(detector="harm", specialist="small", tenant="acme", before=0.6, after=0.5),
    )
    run(["improvement", "approve", "i1"])
    run(["improvement", "approve", "i2"])
    capsys.readouterr()

    run(["improvement", "undo", "i1"])
    run(["improvement", "undo", "i2"])

    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("from 0.8 to 0.6; in force now: 0.5")
    assert second.endswith("from 0.6 to 0.5; in force now: 0.8")
