"""The file of threshold actions: several processes change it, and none loses another's decision."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from guardian_cluster.contract.threshold_action import Scope, ThresholdEvidence
from guardian_cluster.errors import BadArgument, CannotCreate, ConfigError
from guardian_cluster.learning.threshold_ledger import Draft, with_drafts
from guardian_cluster.locked_file import LockedFile
from guardian_cluster.thresholds import ThresholdFile

EVIDENCE = ThresholdEvidence(
    examples=400, since=0.0, until=1.0, new=400, asked=0.05, expected=0.05, realised_low=0.0,
    realised_high=0.1, least=0.0, most=1.0,
)  # fmt: skip


def learn(file: ThresholdFile, tenant: str = "acme") -> None:
    draft = Draft(Scope("harm", "small", tenant), None, 0.8, EVIDENCE)
    file.change(lambda actions: with_drafts(actions, [draft], 1.0))


def test_what_is_read_is_what_was_written_and_it_is_private(tmp_path: Path) -> None:
    file = ThresholdFile(tmp_path / "data")
    assert file.load() is None

    learn(file)

    assert [action.id for action in file.load() or ()] == ["t1"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


def test_several_at_once_lose_nothing(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: learn(ThresholdFile(tmp_path), f"tenant{n}"), range(40)))

    found = ThresholdFile(tmp_path).load() or ()
    assert {action.tenant for action in found} == {f"tenant{n}" for n in range(40)}
    assert len({action.id for action in found}) == 40


def test_what_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    file = ThresholdFile(tmp_path)
    learn(file)
    before = file.path.stat()

    file.change(lambda actions: actions)

    assert file.path.stat().st_ino == before.st_ino


def test_decisions_say_who_and_when(tmp_path: Path) -> None:
    file = ThresholdFile(tmp_path)
    learn(file)

    undone = file.undo("t1", who="ada", at=5.0)
    applied = file.apply("t1", who="bob", at=6.0)

    assert (undone.state, undone.who, undone.decided) == ("undone", "ada", 5.0)
    assert (applied.state, applied.who, applied.decided) == ("applied", "bob", 6.0)
    with pytest.raises(BadArgument, match=r"(?s)in force already.*guardian thresholds lists"):
        file.apply("t1", who="bob", at=7.0)
    with pytest.raises(BadArgument, match="no threshold "):
        file.undo("\x1b[2J", who="bob", at=7.0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b'{"version":2,"actions":[]}',
        b'{"actions":[{"id":"t1"}]}',
        b'{"actions":' + b"[" * 90_000,
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    file = ThresholdFile(tmp_path)
    file.path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"(?s)thresholds.json.*damaged.*move it away"):
        learn(file)
    assert file.path.read_bytes() == content


def test_two_actions_of_one_id_are_damage(tmp_path: Path) -> None:
    file = ThresholdFile(tmp_path)
    learn(file)
    file.change(lambda actions: actions + actions)

    with pytest.raises(ConfigError, match="the same id"):
        file.load()


def test_a_file_that_cannot_be_written_or_locked_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CannotCreate, match="thresholds-unwritable"):
        learn(ThresholdFile(tmp_path / "file"))

    file = ThresholdFile(tmp_path, lock_timeout_s=0.05)
    with LockedFile(file.path, most_bytes=1).locked(), pytest.raises(CannotCreate, match="thresholds-locked"):
        learn(file)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"12345")

    assert LockedFile(path, most_bytes=5).read() == b"12345"
    with pytest.raises(ValueError, match="larger than 4 bytes"):
        LockedFile(path, most_bytes=4).read()


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path: Path) -> None:
    file = ThresholdFile(tmp_path)
    (tmp_path / "thresholds.json.new").write_bytes(b"half of")

    learn(file)

    assert {path.name for path in tmp_path.iterdir()} == {"thresholds.json", "thresholds.lock"}
