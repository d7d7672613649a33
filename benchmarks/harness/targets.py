"""Starts what is measured: the fake model server, the gateway, and the bare pass-through."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from benchmarks.harness.native import native_program
from benchmarks.harness.processes import Running, cores

CHECKOUT = Path(__file__).resolve().parents[2]
GUARDIAN = Path(sys.executable).parent / "guardian"
START_TIMEOUT_S = 60.0
WORKER = "guardian_cluster.processes.gateway"
CONTROL = "guardian_cluster.processes.control"

Kind = Literal["gateway", "bare"]
KINDS = get_args(Kind)

CONFIG = """\
[data]
folder = "{folder}"

[specialist.fake-model]
url = "http://127.0.0.1:{upstream}/v1"
model = "fake-model"

[watch]
canaries = ["CANARY-6f1d0c2e9b7a4853"]

[[watch.deny]]
name = "project"
text = "Project Nightjar"

[[watch.deny]]
name = "host"
text = "vault.internal.example"

[[watch.deny]]
name = "phrase"
text = "the passphrase is"
"""
"""The watcher looks for texts that never come: looking is what is measured. Records are on by default."""


@dataclass(frozen=True)
class Target:
    """Something that answers chat completions on a port of 127.0.0.1."""

    name: str
    port: int
    running: Running | None = None
    """Its processes; `None` for the fake model server, which is not weighed."""
    start_s: float = 0.0
    """From the command to its first right answer."""

    @property
    def tree(self) -> Running:
        """The processes of a target that has them."""
        if self.running is None:
            raise ValueError(f"{self.name} is not weighed")
        return self.running

    @property
    def worker(self) -> int:
        """The process that answers: the gateway's worker, or a target's only process."""
        return self.tree.find(WORKER) or self.tree.process.pid


class Upstream(Target):
    """The fake model server, also the target of the direct figures."""

    def set_gap_ms(self, gap_ms: int) -> None:
        """Set the pause between the chunks of streams that start from now on."""
        status, _ = _post(self.port, f"/gap/{gap_ms}", b"")
        if status != 200:
            raise RuntimeError(f"the fake model server answered {status}")


@contextlib.contextmanager
def fake_model() -> Generator[Upstream]:
    """Run the fake model server on the load generator's core."""
    running = Running([native_program("upstream")], cores()[1], output=subprocess.PIPE, environment={})
    try:
        assert running.process.stdout is not None
        yield Upstream("direct", int(running.process.stdout.readline()))
    finally:
        running.stop()


def serve(kind: Kind, upstream: Upstream, probe: bytes) -> contextlib.AbstractContextManager[Target]:
    """Run what a benchmark measures: the gateway, or a stand-in that shows the noise of the machine."""
    return gateway(upstream, probe) if kind == "gateway" else bare(upstream, probe, name="stand-in")


@contextlib.contextmanager
def gateway(upstream: Upstream, probe: bytes) -> Generator[Target]:
    """Run `guardian serve` in front of `upstream`, with watcher and records on, until it answers `probe`."""
    with tempfile.TemporaryDirectory(prefix="guardian-benchmark-") as folder:
        config = Path(folder) / "guardian.toml"
        config.write_text(CONFIG.format(folder=Path(folder) / "data", upstream=upstream.port))
        port = _free_port()
        command = [GUARDIAN, "serve", "--config", config, "--listen", f"127.0.0.1:{port}"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GUARDIAN_")}
        with _serving("gateway", command, port, environment, probe, Path(folder)) as target:
            yield target


@contextlib.contextmanager
def bare(upstream: Upstream, probe: bytes, *, name: str = "bare") -> Generator[Target]:
    """Run the bare pass-through in front of `upstream`, as one uvicorn worker."""
    port = _free_port()
    options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    place = ["--app-dir", CHECKOUT, "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "uvicorn", "benchmarks.bare:app", *options, *place]
    address = f"http://127.0.0.1:{upstream.port}/v1/chat/completions"
    environment = os.environ | {"BARE_UPSTREAM": address}
    with (
        tempfile.TemporaryDirectory(prefix="guardian-benchmark-") as folder,
        _serving(name, command, port, environment, probe, Path(folder)) as target,
    ):
        yield target


@contextlib.contextmanager
def _serving(
    name: str,
    command: Sequence[str | Path],
    port: int,
    environment: dict[str, str],
    probe: bytes,
    folder: Path,
) -> Generator[Target]:
    log = folder / "output.log"
    with log.open("wb") as output:
        started = time.monotonic()
        running = Running(command, cores()[0], output=output, environment=environment)
        try:
            _await_answer(running, port, probe, log)
            yield Target(name, port, running, time.monotonic() - started)
        finally:
            running.stop()


def _await_answer(running: Running, port: int, probe: bytes, log: Path) -> None:
    """Ask until a right answer comes; raises RuntimeError with the end of the output when none does."""
    end = time.monotonic() + START_TIMEOUT_S
    last = "no connection"
    while time.monotonic() < end and running.process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, answer = _post(port, "/v1/chat/completions", probe)
            if status == 200 and b"@" in answer:
                return
            last = f"{status} {answer[:300]!r}"
        time.sleep(0.01)
    output = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(
        f"no right answer from: {' '.join(running.command)}\nlast answer: {last}\noutput: {output}"
    )


def _post(port: int, path: str, body: bytes) -> tuple[int, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
