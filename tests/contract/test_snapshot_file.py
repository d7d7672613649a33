"""The snapshot on disk: whole or not at all, private, and never misread."""

import stat
from pathlib import Path

import msgspec
import pytest
from harness import base, specialist
from held_moves import overlay

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import DenyRule, Endpoint, Snapshot, WatchPolicy
from guardian_cluster.contract.snapshot_file import (
    FILE_NAME,
    SERVED_NAME,
    keep_served,
    read_snapshot,
    stamp,
    write_snapshot,
)
from guardian_cluster.domain.action import Drain, Reroute

WATCH = WatchPolicy(
    deny=(DenyRule(name="word", text="hunter2", action="cut"),), canaries=("canary-12345678",)
)


def a_snapshot(rev: int = 7) -> Snapshot:
    endpoint = Endpoint(
        id="a/1", url="http://127.0.0.1:1/v1", model="m", api_key=Secret("sk-very-secret", "A_KEY")
    )
    one = msgspec.structs.replace(specialist("a"), endpoints=(endpoint,))
    return Snapshot(
        rev=rev,
        base=base(one, watch=WATCH),
        overlay=overlay(Drain(specialist="a", endpoint="a/1"), Reroute(specialist="a", to="b")),
    )


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_snapshot(tmp_path, a_snapshot())

    assert read_snapshot(tmp_path) == a_snapshot()


def test_one_of_the_version_before_is_read_without_what_is_no_more(tmp_path: Path) -> None:
    write_snapshot(tmp_path, a_snapshot())
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b'"overlay":{', b'"overlay":{"drained":{"a/1":12.5},'))

    assert read_snapshot(tmp_path) == a_snapshot()


def test_moves_that_only_a_newer_program_knows_are_passed_over_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_snapshot(tmp_path, a_snapshot())
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes().replace(b'"type":"drain"', b'"type":"teleport"'))

    found = read_snapshot(tmp_path)

    assert found.base == a_snapshot().base
    assert [held.move for held in found.overlay.moves] == [Reroute(specialist="a", to="b")]
    assert "not known here" in caplog.text


def test_only_the_owner_may_read_it_for_it_holds_the_endpoints_keys(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "fresh", a_snapshot())

    assert stat.S_IMODE((tmp_path / "fresh" / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o700


def test_a_new_one_takes_the_place_of_the_last_and_shows_in_the_stamp(tmp_path: Path) -> None:
    assert stamp(tmp_path) is None
    write_snapshot(tmp_path, a_snapshot(1))
    first = stamp(tmp_path)
    write_snapshot(tmp_path, a_snapshot(2))

    assert first is not None
    assert stamp(tmp_path) != first
    assert read_snapshot(tmp_path).rev == 2
    assert [file.name for file in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[" * 100_000, b'{"version":1}', b'{"version":1,"snapshot":{"rev":"x"}}', b"\xff\xfe"],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    with pytest.raises(ValueError, match=FILE_NAME):
        read_snapshot(tmp_path)


def test_another_version_is_refused_rather_than_guessed_at(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"version":2,"snapshot":{}}')

    with pytest.raises(ValueError, match="version 2"):
        read_snapshot(tmp_path)


def test_nothing_that_is_printed_shows_a_key() -> None:
    shown = [
        repr(a_snapshot()),
        str(a_snapshot()),
        f"{a_snapshot().base.specialists[0].endpoints[0].api_key}",
    ]

    assert all("sk-very-secret" not in text for text in shown)
    assert "A_KEY" in shown[2]


def test_what_is_served_is_kept_beside_what_is_deployed(tmp_path: Path) -> None:
    write_snapshot(tmp_path, a_snapshot(2))
    keep_served(tmp_path, a_snapshot(1))

    assert (read_snapshot(tmp_path).rev, read_snapshot(tmp_path, SERVED_NAME).rev) == (2, 1)
    assert stat.S_IMODE((tmp_path / SERVED_NAME).stat().st_mode) == 0o600


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    keep_served(tmp_path, a_snapshot(1))
    first = (tmp_path / SERVED_NAME).stat().st_ino
    keep_served(tmp_path, a_snapshot(1))
    same = (tmp_path / SERVED_NAME).stat().st_ino
    keep_served(tmp_path, a_snapshot(2))

    assert same == first
    assert read_snapshot(tmp_path, SERVED_NAME).rev == 2


@pytest.mark.parametrize("content", [b"damaged", b'{"version":2,"snapshot":{}}'])
def test_what_was_kept_and_cannot_be_read_gives_way(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SERVED_NAME).write_bytes(content)
    keep_served(tmp_path, a_snapshot(3))

    assert read_snapshot(tmp_path, SERVED_NAME).rev == 3
