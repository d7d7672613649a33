import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardian_cluster.storage.spool import Spool, open_segment

LIMIT = 10_000

_opened: list[Spool] = []


@pytest.fixture(autouse=True)
def closed_in_the_end() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def spool(folder: Path, boot_id: str = "boot", **changes: object) -> Spool:
    values: dict[str, object] = {"limit_bytes": LIMIT, "segment_bytes": 500}
    opened = Spool(folder, boot_id, **(values | changes))  # type: ignore[arg-type]
    opened.open()
    _opened.append(opened)
    return opened


def drain(given: Spool) -> list[bytes]:
    frames: list[bytes] = []
    while (frame := given.first()) is not None:
        frames.append(frame)
        given.release()
    return frames


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.lists(st.none() | st.binary(max_size=300), max_size=40))
def test_a_spool_is_a_bounded_queue(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | None]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    tested, model = spool(folder, limit_bytes=1_500), deque[bytes]()

    for step in steps:
        if step is None:
            assert tested.first() == (model[0] if model else None)
            tested.release()
            if model:
                model.popleft()
        elif tested.append(step):
            model.append(step)
        assert sum(path.stat().st_size for path in folder.rglob("*.frames")) == tested.size_bytes <= 1_500

    assert drain(tested) == list(model)
    assert list(folder.rglob("*.frames")) == []


def test_what_ended_gateways_left_comes_first_oldest_first(tmp_path: Path) -> None:
    for number, boot_id in enumerate(["zebra", "ant"]):
        left = spool(tmp_path, boot_id)
        left.append(boot_id.encode() * 40)
        left.append(boot_id.encode())
        left.close()
        os.utime(tmp_path / boot_id, (number, number))

    later = spool(tmp_path, "later")
    later.append(b"new")

    # The second takes over what the first left, the later one what both did.
    assert drain(later) == [b"zebra" * 40, b"zebra", b"ant" * 40, b"ant", b"new"]
    later.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_gateway_spools_is_left_alone(tmp_path: Path) -> None:
    living = spool(tmp_path, "living")
    living.append(b"mine")

    other = spool(tmp_path, "other")

    assert drain(other) == []
    assert drain(living) == [b"mine"]


def test_what_was_not_released_is_given_again(tmp_path: Path) -> None:
    tested = spool(tmp_path)
    tested.append(b"one")

    assert tested.first() == tested.first() == b"one"


def test_releasing_without_looking_releases_nothing(tmp_path: Path) -> None:
    tested = spool(tmp_path)
    tested.append(b"one")

    tested.release()

    assert tested.first() == b"one"


def test_space_is_given_back_while_more_arrives(tmp_path: Path) -> None:
    tested = spool(tmp_path, limit_bytes=2_000)
    frame = bytes(200)

    for _ in range(100):
        assert tested.append(frame)
        assert tested.append(frame)
        tested.first()
        tested.release()
        tested.first()
        tested.release()

    assert tested.size_bytes <= 500


def test_a_frame_beyond_the_limit_is_not_kept(tmp_path: Path) -> None:
    tested = spool(tmp_path, limit_bytes=100)

    assert tested.append(bytes(50))
    assert not tested.append(bytes(50))
    assert tested.append(bytes(30))


def damage_tail(content: bytes) -> bytes:
    return content[:-3]


def damage_bits(content: bytes) -> bytes:
    return content[:-3] + bytes([content[-3] ^ 1]) + content[-2:]


def damage_length(content: bytes) -> bytes:
    return content[:11] + b"\xff\xff\xff\xff" + content[15:]


@pytest.mark.parametrize("damage", [damage_tail, damage_bits, damage_length])
def test_a_damaged_end_is_passed_over_and_counted(tmp_path: Path, damage: object) -> None:
    left = spool(tmp_path, segment_bytes=20)
    for frame in (b"one", b"other", b"next segment"):
        left.append(frame)
    left.close()
    (first, *_) = sorted(tmp_path.rglob("*.frames"))
    first.write_bytes(damage(first.read_bytes()))  # type: ignore[operator]

    later = spool(tmp_path, "later")

    assert drain(later) == [b"one", b"next segment"]
    assert later.damaged == 1


def test_a_file_that_somebody_deleted_is_passed_over(tmp_path: Path) -> None:
    tested = spool(tmp_path, segment_bytes=1)
    tested.append(b"one")
    tested.append(b"two")
    min(tmp_path.rglob("*.frames")).unlink()

    assert drain(tested) == [b"two"]


def test_a_full_disk_is_no_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    tested = spool(tmp_path, opener=lambda _: open_segment(Path("/dev/full")))

    assert not tested.append(b"one")
    assert not tested.append(b"two")
    assert tested.size_bytes == 0
    assert list(tmp_path.rglob("*.frames")) == []


class FillsUp:
    """A file on a disk with room for some bytes, which takes what fits."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: bytes) -> int:
        written = self._file.write(data[: self._room])
        self._room -= written
        return written

    def close(self) -> None:
        self._file.close()


def test_a_disk_that_fills_up_in_a_frame_keeps_those_before(tmp_path: Path) -> None:
    disks = [20, 1_000]
    tested = spool(tmp_path, opener=lambda path: FillsUp(open_segment(path), disks.pop(0)))  # type: ignore[arg-type]

    assert tested.append(b"fits")
    assert not tested.append(b"does not fit")
    assert tested.append(b"fits again")

    assert drain(tested) == [b"fits", b"fits again"]
    assert tested.damaged == 0


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    tested = spool(tmp_path / "file")

    assert not tested.append(b"one")
    assert tested.first() is None


def test_files_are_private(tmp_path: Path) -> None:
    tested = spool(tmp_path / "spool")
    tested.append(b"one")

    for path in (tmp_path / "spool").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
