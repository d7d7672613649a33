"""Starts and stops processes by id, pinned to a core; reads CPU time and memory of their trees from /proc."""

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import IO

PROC = Path("/proc")
STOP_PATIENCE_S = 15.0
"""A gateway drains: it is given time, and nothing is under way when it is stopped."""


@functools.cache
def cores() -> tuple[int, int]:
    """Return the gateway's core and that of everything else; with one core they are the same."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[min(1, len(allowed) - 1)]


def leave_gateway_core() -> None:
    """Move this process, and by inheritance the load generator, to the core that is not the gateway's."""
    os.sched_setaffinity(0, {cores()[1]})


@contextlib.contextmanager
def pinned(core: int) -> Generator[None]:
    """Start what is started inside on `core`: a child inherits its parent's affinity."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Running:
    """A process with all its descendants, started here."""

    def __init__(
        self,
        command: Sequence[str | Path],
        core: int,
        *,
        output: IO[bytes] | int,
        environment: Mapping[str, str],
    ) -> None:
        self.command = [str(part) for part in command]
        with pinned(core):
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output != subprocess.PIPE else None,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C reaches the benchmark alone, which then stops its processes
            )

    def pids(self) -> list[int]:
        """Return the process and its descendants, parents first."""
        return descendants(self.process.pid)

    def find(self, module: str) -> int | None:
        """Return the process of the tree that was started as `-m MODULE`, by its command line."""
        return next((pid for pid in self.pids() if module in _command_line(pid)), None)

    def cpu_ns(self) -> int:
        """Return the time that all threads of the tree have spent on a core."""
        return sum(map(cpu_ns, self.pids()))

    def settle(self, *, limit_s: float = 2.0) -> None:
        """Wait until the tree has done what it put off, such as writing records: 100 ms with under 3 %."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            before = self.cpu_ns()
            time.sleep(0.1)
            if self.cpu_ns() - before < 3_000_000:
                return

    def stop(self, patience_s: float = STOP_PATIENCE_S) -> None:
        """End the tree: SIGTERM to the first process, and SIGKILL to those of its tree that outlive it."""
        tree = {pid: _start_time(pid) for pid in self.pids()}
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)
        for pid in filter(lambda pid: _is_same(pid, tree[pid]), tree):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_PATIENCE_S)
        end = time.monotonic() + STOP_PATIENCE_S
        while any(_is_same(*process) for process in tree.items()) and time.monotonic() < end:
            time.sleep(0.01)
        if self.process.stdout:
            self.process.stdout.close()


def descendants(root: int) -> list[int]:
    """Return `root` and all processes below it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_ns(pid: int) -> int:
    """Return the time the threads of one process have spent on a core; 0 when it is gone.

    `schedstat` counts in nanoseconds, `stat` in ticks of 10 ms. Threads that ended are not in it.
    """
    return _schedstat(pid, 0)


def core_wait_ns(pid: int) -> int:
    """Return the time they were ready to run while their core did something else."""
    return _schedstat(pid, 1)


def pss_mb(pid: int) -> float:
    """Return the memory of one process in MB (10^6 bytes); a page that several map counts in parts."""
    with contextlib.suppress(OSError):
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def command_cpu_s(command: Sequence[str | Path], core: int) -> float:
    """Run a command to its end and return the user and system time it took with its children."""
    words = [str(part) for part in command]
    with pinned(core):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat that follow the name: state, parent, ..."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _schedstat(pid: int, field: int) -> int:
    total = 0
    with contextlib.suppress(OSError):
        for task in (PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[field])
    return total


def _start_time(pid: int) -> str | None:
    """Return when a process began; `None` when it has ended."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def _is_same(pid: int, started: str | None) -> bool:
    """Whether the process runs still; its start tells it from a stranger that was given the same number."""
    return started is not None and _start_time(pid) == started


def _command_line(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""
