"""A child process is kept running, restarted when asked to, and ended."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from serving import lives, until

from guardian_cluster.processes.child import FIRST_PAUSE_S, Child


@asynccontextmanager
async def kept_running(child: Child) -> AsyncGenerator[None, None]:
    running = asyncio.create_task(child.keep_running())
    try:
        yield
    finally:
        await child.end()
        running.cancel()
        await asyncio.wait({running})


async def test_a_child_that_dies_is_first_started_again_after_the_first_pause(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "guardian.supervisor")
    async with kept_running(Child("no_such_module", lambda: ([], ()), grace_s=1)):
        await until(lambda: len(caplog.records) == 2)

    pauses = [record.__dict__["pause_s"] for record in caplog.records]
    assert pauses == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S]


async def test_a_child_that_cannot_be_started_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "quiet_child.py").write_text("import pathlib, sys\npathlib.Path(sys.argv[1]).touch()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    python, started = sys.executable, tmp_path / "started"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    async with kept_running(Child("quiet_child", lambda: ([str(started)], ()), grace_s=1)):
        await until(lambda: "could not be started" in caplog.text)
        monkeypatch.setattr(sys, "executable", python)
        await until(started.exists)

    assert "quiet_child" in [record.__dict__.get("child") for record in caplog.records]


async def test_a_restart_kills_a_child_that_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deaf_child.py").write_text(
        "import os, pathlib, signal, sys\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "pathlib.Path(sys.argv[1], f'{os.getpid()}.pid').touch()\n"
        "while True: signal.pause()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    child = Child("deaf_child", lambda: ([str(tmp_path)], ()), grace_s=0.2)
    async with kept_running(child):
        await until(lambda: len(list(tmp_path.glob("*.pid"))) == 1)
        child.restart()
        await until(lambda: len(list(tmp_path.glob("*.pid"))) == 2)

        assert len(_living(tmp_path)) == 1


def _living(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.pid") if lives(int(file.stem))]


@pytest.fixture
def noting_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module `noting_child` that leaves a file with the name of its argument, and stays."""
    (tmp_path / "noting_child.py").write_text(
        "import pathlib, signal, sys\n"
        f"pathlib.Path({str(tmp_path)!r}, sys.argv[1] + '.started').touch()\n"
        "while True: signal.pause()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


async def test_a_restart_asked_for_while_the_child_is_being_started_is_not_lost(noting_child: Path) -> None:
    given: list[str] = []

    def arguments() -> tuple[list[str], tuple[int, ...]]:
        given.append(f"start-{len(given) + 1}")
        if len(given) == 1:  # runs as soon as the start of the process waits for something
            asyncio.get_running_loop().call_soon(child.restart)
        return given[-1:], ()

    child = Child("noting_child", arguments, grace_s=1)
    async with kept_running(child):
        await until((noting_child / "start-2.started").exists)

        assert given == ["start-1", "start-2"]


async def test_a_restart_asked_for_before_the_first_start_starts_once(noting_child: Path) -> None:
    given: list[str] = []

    def arguments() -> tuple[list[str], tuple[int, ...]]:
        given.append("first")
        return given, ()

    child = Child("noting_child", arguments, grace_s=1)
    child.restart()
    async with kept_running(child):
        await until((noting_child / "first.started").exists)

    assert given == ["first"]


async def test_a_restart_asked_for_while_a_dead_child_rests_takes_the_arguments_of_then(
    noting_child: Path, caplog: pytest.LogCaptureFixture
) -> None:
    argument = [str(noting_child / "nowhere" / "old")]
    child = Child("noting_child", lambda: (argument, ()), grace_s=1)
    async with kept_running(child):
        await until(lambda: "is started again" in caplog.text)
        argument[0] = "new"
        child.restart()
        await until((noting_child / "new.started").exists)

    assert len(caplog.records) == 1  # it was not ended once more for a restart that had been done


async def test_an_end_while_the_child_is_being_started_leaves_none(noting_child: Path) -> None:
    child = Child("noting_child", lambda: (["one"], ()), grace_s=1)
    running = asyncio.create_task(child.keep_running())
    await asyncio.sleep(0)  # so that the start has begun
    await child.end()
    async with asyncio.timeout(5):
        await running

    assert running.exception() is None
