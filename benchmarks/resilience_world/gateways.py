"""`guardian serve` in front of the endpoints of several cases, as processes of their own."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.harness.processes import Running, cores
from benchmarks.harness.targets import GUARDIAN, START_TIMEOUT_S
from benchmarks.resilience_world.stage import CERTIFICATES, Stage

TIMEOUTS = {"connect_s": 1.0, "first_token_s": 2.0, "between_chunks_s": 2.0, "total_s": 10.0}
"""Short, so that a fault of seconds matters; an answer takes half a second here."""

MAX_ANSWER_BYTES = 200_000
"""Hundreds of times what an answer has here."""

_HEAD = """\
[data]
folder = "{folder}"

[gateway.limits]
max_answer_bytes = {most}

[watch]
on_repetition = "retry"
"""

_SPECIALIST = """
[specialist.{name}]
model = "simulated-1"
timeouts = {{ {timeouts} }}
fallback = [{fallback}]
"""


class Door(Protocol):
    """A gateway that serves."""

    @property
    def base_url(self) -> str:
        """Where clients ask, `/v1` included."""
        ...

    @property
    def running(self) -> Running:
        """Its processes."""
        ...


@dataclass(frozen=True)
class Guardian:
    """A running `guardian serve`."""

    base_url: str
    running: Running
    data: Path


def configuration(stages: Sequence[Stage], folder: Path) -> str:
    """Return a configuration with a specialist for each case."""
    parts = [_HEAD.format(folder=folder, most=MAX_ANSWER_BYTES)]
    for stage in stages:
        urls = dict(stage.urls)
        spare = urls.pop("fallback", None)
        named = f'"{stage.name}-fallback"' if spare else ""
        parts.append(_specialist(stage.name, list(urls.values()), named))
        if spare:
            parts.append(_specialist(f"{stage.name}-fallback", [spare], ""))
    return "".join(parts)


def _specialist(name: str, urls: Sequence[str], fallback: str) -> str:
    timeouts = ", ".join(f"{key} = {value}" for key, value in TIMEOUTS.items())
    head = _SPECIALIST.format(name=name, timeouts=timeouts, fallback=fallback)
    return head + "".join(f'\n[[specialist.{name}.endpoint]]\nurl = "{url}"\n' for url in urls)


@contextlib.contextmanager
def guardian(stages: Sequence[Stage], lane: int) -> Generator[Guardian]:
    """Run `guardian serve` until the block ends, on the gateway's core in every lane."""
    with tempfile.TemporaryDirectory(prefix="guardian-resilience-") as name:
        folder = Path(name)
        (folder / "guardian.toml").write_text(configuration(stages, folder / "data"))
        CERTIFICATES.cert_pem.write_to_path(folder / "ca.pem")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GUARDIAN_")}
        with (folder / "output.log").open("wb") as output:
            running = Running(
                [GUARDIAN, "serve", "--config", folder / "guardian.toml", "--listen", "127.0.0.1:0"],
                cores()[0],
                output=output,
                environment=kept | {"SSL_CERT_FILE": str(folder / "ca.pem")},
            )
            try:
                yield Guardian(_address(running, folder / "output.log"), running, folder / "data")
            finally:
                running.stop()


def _address(running: Running, log: Path) -> str:
    """Wait until it says where it serves; raises RuntimeError with the end of what it said if it does not."""
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        said = log.read_text(errors="replace")
        found = re.search(r"Ready\s+(http\S+)", said)
        if found and "curl" in said:
            return found[1]
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.process.wait(0.02)
            break
    raise RuntimeError(f"the gateway did not start\noutput: {log.read_text(errors='replace')[-2000:]}")
