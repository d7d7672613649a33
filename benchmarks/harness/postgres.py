"""A PostgreSQL of its own: in a new folder, on a Unix socket there alone, gone afterwards."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

START_S = 60
_MADE = ("-U", "guardian", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL that is installed, if there is one."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


@contextmanager
def running_postgres(programs: Path) -> Generator[str]:
    """Run a server of these programs, and yield its address. Raises RuntimeError where it does not start."""
    folder = Path(tempfile.mkdtemp(prefix="guardian-pg-", dir="/tmp"))  # short: a socket's path has 107 bytes
    try:
        with _running(programs, folder):
            yield f"postgresql://guardian@/postgres?host={folder}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(programs: Path, folder: Path) -> Generator[None]:
    become = _unprivileged(folder)
    data = folder / "data"
    make = [*become, programs / "initdb", "-D", data, *_MADE]
    subprocess.run(make, check=True, capture_output=True, timeout=START_S, cwd=folder)
    options = ["-c", "listen_addresses=", "-k", folder, "-c", "fsync=off", "-c", "shared_buffers=16MB"]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen(
            [*become, programs / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder
        )
    try:
        _await_start(programs, folder, server)
        yield
    finally:
        server.send_signal(signal.SIGINT)  # disconnects who is left and ends
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(15)


def _await_start(programs: Path, folder: Path, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    asked = [programs / "pg_isready", "-q", "-h", folder]
    while subprocess.run(asked, timeout=START_S).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            said = (folder / "log").read_text(errors="replace")[-2_000:]
            raise RuntimeError(f"PostgreSQL did not start: {said}")


def _unprivileged(folder: Path) -> list[str]:
    """Return what to put before a command so that it does not run as root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
