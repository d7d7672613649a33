"""Moves in force: the file they are in, and how they get into the snapshot."""

from pathlib import Path

import pytest
from test_deployer import config_in

from guardian_cluster.domain.action import Drain, HeldMove, Reroute
from guardian_cluster.errors import CannotCreate
from guardian_cluster.moves_file import FILE_NAME, MovesFile
from guardian_cluster.processes.changed import Seen
from guardian_cluster.processes.deployer import Deployer

DRAINED = HeldMove(id="a1", until=2e9, move=Drain(specialist="solver", endpoint="solver/1"))
BACKED_UP = HeldMove(
    id="a2",
    until=2e9,
    loop="person",
    move=Reroute(specialist="solver", to="recall", where=(("tenant", "acme"),)),
)


def test_what_is_put_comes_back_and_only_a_change_is_written(tmp_path: Path) -> None:
    file = MovesFile(tmp_path)

    assert file.load() == ()
    assert file.put([DRAINED, BACKED_UP])
    written = file.path.stat().st_mtime_ns
    assert not file.put([DRAINED, BACKED_UP])

    assert file.load() == (DRAINED, BACKED_UP)
    assert file.path.stat().st_mtime_ns == written
    assert file.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "damage", [b"", b"{", b'{"version": 2}', b'{"moves": [{"id": 1}]}', b"[" * 100_000, b"\xff\x00"]
)
def test_a_damaged_file_is_no_move_at_all_and_is_told_of(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(damage)

    assert MovesFile(tmp_path).load() == ()
    assert "cannot be read" in caplog.text
    assert MovesFile(tmp_path).put([DRAINED])
    assert MovesFile(tmp_path).load() == (DRAINED,)


def test_a_move_that_only_a_newer_program_knows_takes_no_other_with_it(tmp_path: Path) -> None:
    file = MovesFile(tmp_path)
    file.put([DRAINED, BACKED_UP])
    file.path.write_bytes(file.path.read_bytes().replace(b'"drain"', b'"teleport"'))

    assert file.load() == (BACKED_UP,)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, and no folder")

    with pytest.raises(CannotCreate, match="cannot be written"):
        MovesFile(tmp_path / "data").put([DRAINED])


def test_moves_are_deployed_with_a_new_revision_and_taken_back_with_the_next(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    deployer = Deployer(config)
    first = deployer.deploy(config)
    seen = Seen.now(config.data_folder)

    MovesFile(config.data_folder).put([DRAINED])
    second = deployer.deploy(config)
    noticed = Seen.now(config.data_folder)
    MovesFile(config.data_folder).put([])
    third = deployer.deploy(config)

    assert [each.overlay.moves for each in (first, second, third)] == [(), (DRAINED,), ()]
    assert [each.rev - first.rev for each in (first, second, third)] == [0, 1, 2]
    assert noticed.moves_at != seen.moves_at
    assert noticed.keys_at == seen.keys_at
