"""Several simulated models at once, everything about them drawn from one seed."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from guardian_cluster.domain.clock import Clock
from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.fault import Fault
from guardian_cluster.simulation.pace import Pace
from guardian_cluster.simulation.schedule import Schedule
from guardian_cluster.simulation.script import Script
from guardian_cluster.simulation.server import ModelServer
from guardian_cluster.simulation.servers import Servers


@dataclass(frozen=True, slots=True)
class Inhabitant:
    """How one server of a world starts out."""

    said: Script | Answer | str = "All is well."
    faults: Schedule | Fault | None = None
    pace: Pace = field(default_factory=Pace)
    models: tuple[str, ...] = ("simulated-1",)
    api_key: str | None = None
    tls: ssl.SSLContext | None = None
    keeps_requests: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """A fault that begins, or with None ends, at a moment of a play."""

    at_s: float
    server: str
    fault: Schedule | Fault | None


class World(Servers):
    """Servers by name, started together and stopped together.

    Each draws from a stream of its own, so a server added to a world leaves the others as they were.
    """

    def __init__(
        self, inhabitants: Mapping[str, Inhabitant], *, rng: Random, clock: Clock | None = None
    ) -> None:
        seed = rng.getrandbits(63)
        servers = {
            name: ModelServer(
                one.said,
                name=name,
                faults=one.faults,
                pace=one.pace,
                models=one.models,
                api_key=one.api_key,
                tls=one.tls,
                keeps_requests=one.keeps_requests,
                rng=Random(f"{seed}:{name}"),
                clock=clock,
            )
            for name, one in inhabitants.items()
        }
        super().__init__(servers)

    async def play(self, changes: Sequence[Change]) -> None:
        """Make each change at its moment, counted in seconds from this call."""
        passed_s = 0.0
        for change in sorted(changes, key=lambda change: change.at_s):
            await asyncio.sleep(change.at_s - passed_s)
            passed_s = change.at_s
            self._servers[change.server].fault = change.fault
