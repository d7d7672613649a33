"""What the worker process cannot do, and that it never outlives its parent."""

import os
import select
import signal
import subprocess
import sys

import pytest

from guardian_cluster.specialists.builtin.solver.worker import SolverProcess

PACKAGE = "guardian_cluster.specialists.builtin.solver"


def confined(code: str) -> str:
    """Run code in a process that is confined to 200 MB, and return what it printed."""
    script = f"import os, socket, subprocess, sys\nfrom {PACKAGE}.confinement import *\nconfine(200)\n{code}"
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    return finished.stdout.strip() or finished.stderr.strip().splitlines()[-1]


FORBIDDEN = {
    "socket.socket()": "PermissionError: the solver's process may not use socket.__new__",
    "open('/tmp/solver-was-here', 'w')": "PermissionError: the solver's process writes no files",
    "os.open('/tmp/solver-was-here', os.O_CREAT)": "PermissionError: the solver's process writes no files",
    "os.remove('/tmp/solver-was-here')": "PermissionError: the solver's process may not use os.remove",
    "os.mkdir('/tmp/solver-was-here')": "PermissionError: the solver's process may not use os.mkdir",
    "os.fork()": "PermissionError: the solver's process may not use os.fork",
    "os.system('true')": "PermissionError: the solver's process may not use os.system",
    "subprocess.run(['true'])": "PermissionError: the solver's process may not use subprocess.Popen",
    "bytearray(300 * 1024 * 1024)": "MemoryError",
}


@pytest.mark.parametrize(("code", "error"), FORBIDDEN.items())
def test_a_confined_process_is_stopped_at_whatever_is_not_computing(code: str, error: str) -> None:
    assert confined(code) == error


def test_a_confined_process_may_still_read_and_compute() -> None:
    assert confined("print(len(open('/proc/self/stat').read()) > 0, 2**100)") == f"True {2**100}"


def test_a_process_that_uses_more_processor_time_than_allowed_is_killed() -> None:
    script = f"from {PACKAGE}.confinement import *\nallow_cpu(0)\nwhile True: pass"

    finished = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)

    assert finished.returncode == -signal.SIGXCPU


def test_the_process_loads_no_network_code_of_the_gateway() -> None:
    code = (
        f"import sys; import {PACKAGE}.worker_main; import {PACKAGE}.methods.solve;"
        "print(sorted({'aiohttp', 'uvicorn', 'uvloop', 'asyncio', 'sqlalchemy'} & set(sys.modules)))"
    )

    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert output.stdout.strip() == "[]"


def environment_of(pid: int | None) -> set[bytes]:
    with open(f"/proc/{pid}/environ", "rb") as file:
        return {entry.partition(b"=")[0] for entry in file.read().split(b"\0") if entry}


async def test_the_process_does_not_get_the_environment_of_the_gateway(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PROVIDER_API_KEY", "secret")

    async with SolverProcess() as process:
        await process.warm()
        names = environment_of(process.pid)

    assert names == {b"PYTHONPATH", b"PYTHONHASHSEED", b"LC_ALL"}


def test_the_process_ends_when_its_input_does() -> None:
    command = [sys.executable, "-m", f"{PACKAGE}.worker_main", "512", "5"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.close()

        assert running.wait(timeout=60) == 0


PARENT = f"""
import asyncio, os, signal
from {PACKAGE}.worker import SolverProcess
async def main():
    process = SolverProcess()
    await process.warm()
    print(process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_the_process_ends_when_its_parent_is_killed() -> None:
    finished = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, check=False, timeout=60)
    assert finished.returncode == -signal.SIGKILL

    try:
        handle = os.pidfd_open(int(finished.stdout))
    except ProcessLookupError:
        return
    with open(handle, "rb", closefd=True):
        assert select.select([handle], [], [], 10.0)[0], "the orphan is still running after 10 s"
