"""What the solver's process may do: compute, within its memory and time, and nothing else.

The limits of the operating system hold in any case; the audit hook, which is no security boundary, turns an
attempt to open a socket, a process or a file for writing into an error that is noticed.
"""

import ctypes
import math
import os
import resource
import signal
import sys
from typing import Any

_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h: the signal to get when the parent dies."""

_OPEN_FILES = 32
"""SymPy imports some of its modules late; nothing else is opened."""

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "pty.",
)

_FORBIDDEN_CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
    "shutil.",
)


def die_with_parent() -> None:
    """Ask to be killed when the parent dies; other systems than Linux have the closed pipe alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def confine(memory_mb: int) -> None:
    """Limit memory for good, and forbid files, processes, core dumps and the network."""
    memory = memory_mb * 1024 * 1024
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    sys.addaudithook(_refuse)


def allow_cpu(seconds: float) -> None:
    """Let the process use this much more processor time; beyond it the system kills it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


def peak_memory_mb() -> float:
    """Return the largest resident size the process has had since it was started.

    Linux lets a process inherit `ru_maxrss` from the one that started it, so there `/proc` is asked.
    """
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as status:
            peak = next(line for line in status if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        flags = arguments[2]
        if isinstance(flags, int) and flags & _WRITING:
            raise PermissionError("the solver's process writes no files")
    elif event.startswith(_FORBIDDEN) or event.startswith(_FORBIDDEN_CHANGES):
        raise PermissionError(f"the solver's process may not use {event}")
