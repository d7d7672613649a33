"""The models of the cluster: real servers on loopback, which are struck and lifted, and know whom they struck."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.recovery_world.faults import Strike
from benchmarks.recovery_world.house import ENDPOINTS
from benchmarks.recovery_world.wording import number_of, right, wrong
from guardian_cluster.simulation import Answer, Fault, Pace
from guardian_cluster.simulation.reply import Reply
from guardian_cluster.simulation.request import ModelRequest
from guardian_cluster.simulation.server import ModelServer
from guardian_cluster.simulation.servers import Servers
from guardian_cluster.simulation.stand_ins import GoesOn

PACE = Pace(first_token_s=0.2, between_chunks_s=0.03, characters_per_chunk=64, spread=0.25)
"""A fast model: a third of a second for an answer."""

USUALLY_WRONG = 0.01
"""The share of questions that every model answers badly: no model is right each time."""


class Stage(Servers):
    """One server for each endpoint. Use it with `async with`."""

    def __init__(self, seed: int) -> None:
        self.strikes: tuple[Strike, ...] = ()
        self.met: set[int] = set()
        """The numbers of the requests that a fault has struck."""
        self._seed = seed
        servers = {
            id: ModelServer(
                _Model(self, id), name=id, pace=PACE, rng=random.Random(f"{seed}:{id}"), keeps_requests=False
            )
            for id in ENDPOINTS
        }
        super().__init__(servers)

    def strike(self, strikes: Sequence[Strike]) -> None:
        """Let these faults begin; with none, all ends."""
        self.strikes = tuple(strikes)
        for id, server in self._servers.items():
            gone = [each.kind.fault for each in self.struck_at(id) if _meets_connections(each)]
            server.fault = gone[0] if gone else _Struck(self, id)

    def struck_at(self, endpoint: str) -> list[Strike]:
        """Return the faults that may befall a server."""
        return [each for each in self.strikes if endpoint in each.endpoints()]

    def striking(self, endpoint: str, request: ModelRequest) -> Strike | None:
        """Return the fault that strikes a request at a server; the same whenever one asks."""
        for number, strike in enumerate(self.struck_at(endpoint)):
            draw = random.Random(f"{self._seed}:{endpoint}:{request.number}:{number}").random()
            if strike.meets(request, draw):
                self.met.add(number_of(request))
                return strike
        return None

    def is_usually_wrong(self, number: int) -> bool:
        """Return whether a question is one that every model answers badly."""
        return random.Random(f"{self._seed}:usual:{number}").random() < USUALLY_WRONG


@dataclass(frozen=True, slots=True)
class _Model:
    """Says the right thing, goes on with what was begun, and does as the fault of the moment has it."""

    stage: Stage
    endpoint: str

    def __call__(self, request: ModelRequest) -> Answer:
        strike = self.stage.striking(self.endpoint, request)
        if strike is not None and strike.kind.spoil is not None:
            return strike.kind.spoil(request)
        number = number_of(request)
        if not number:
            return Answer(text="ready")
        text = wrong(request) if self.stage.is_usually_wrong(number) else right(request)
        return GoesOn(text)(request)


@dataclass(frozen=True, slots=True)
class _Struck(Fault):
    """Plays whichever fault strikes a request."""

    stage: Stage = field(repr=False)
    endpoint: str

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        if not self.stage.strikes:
            return reply
        strike = self.stage.striking(self.endpoint, request)
        return (
            reply
            if strike is None or strike.kind.fault is None
            else strike.kind.fault.change_reply(request, reply)
        )


def _meets_connections(strike: Strike) -> bool:
    return strike.kind.fault is not None and strike.kind.fault.on_connect != "accept"
