"""Runs the load generator and says what came of it."""

import subprocess
import tempfile
from array import array
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.harness.native import native_program

GRACE_S = 30.0
"""How much longer than planned a run may take: the generator itself waits 10 s for answers under way."""


class Percentiles(msgspec.Struct, frozen=True):
    """What the load generator says of one kind of sample, in milliseconds."""

    p50: float
    p99: float
    max: float


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one run."""

    ok: int
    """Answers with status 200 and a mark."""
    wrong: int
    """Other answers."""
    broken: int
    """Connections that closed, or sent something that is not HTTP, in the middle of an exchange."""
    unfinished: int
    late: int
    """Requests that found no free connection when they were due; their latency counts from then."""
    reconnects: int
    marks: int
    elapsed_s: float
    latency_ms: Percentiles | None
    other_latency_ms: Percentiles | None
    first_token_ms: Percentiles | None
    transit_ms: Percentiles | None
    latencies_ns: list[int] = []
    """One for each right answer to an ordinary request, where the pattern asks to keep them."""

    @property
    def failed(self) -> int:
        """Requests without a right answer."""
        return self.wrong + self.broken + self.unfinished


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """What is sent: closed loop without a rate, open loop with `rate` requests per second."""

    body: Path
    connections: int
    seconds: float = 600.0
    rate: float = 0.0
    requests: int | None = None
    other: Path | None = None
    other_share: float = 0.0
    keep_latencies: bool = False
    streamed: bool = False
    """Whether the body asks for a stream, whose marks can be counted."""

    def arguments(self, port: int) -> list[str]:
        """Return the load generator's arguments."""
        options = {"-p": port, "-b": self.body, "-c": self.connections, "-d": self.seconds, "-r": self.rate}
        if self.requests is not None:
            options["-n"] = self.requests
        if self.other is not None:
            options |= {"-B": self.other, "-s": self.other_share}
        return [str(part) for pair in options.items() for part in pair]


def run_load(port: int, pattern: Pattern) -> Load:
    """Send `pattern` to 127.0.0.1:PORT and return what came of it.

    The generator runs on the caller's own core. Raises RuntimeError when it cannot connect.
    """
    command = [str(native_program("loadgen")), *pattern.arguments(port)]
    with tempfile.NamedTemporaryFile() as kept:
        if pattern.keep_latencies:
            command += ["-o", kept.name]
        done = subprocess.run(command, capture_output=True, timeout=pattern.seconds + GRACE_S, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.decode().strip() or f"loadgen ended with {done.returncode}")
        load = msgspec.json.decode(done.stdout, type=Load)
        return msgspec.structs.replace(load, latencies_ns=array("q", kept.read()).tolist())
