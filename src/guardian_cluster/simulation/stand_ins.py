"""Stand-ins for the model servers of a configuration: one on this machine for each endpoint, struck as told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.fault import Fault
from guardian_cluster.simulation.pace import Pace
from guardian_cluster.simulation.request import ModelRequest, content_text
from guardian_cluster.simulation.schedule import Schedule
from guardian_cluster.simulation.script import Obliges
from guardian_cluster.simulation.server import ModelServer
from guardian_cluster.simulation.servers import Servers
from guardian_cluster.simulation.strikes import Strike, meets_connections

_LEAST_BEGINNING = 12
"""Characters of the text that must stand in a message to be taken for its beginning: fewer are there by chance."""


@dataclass(frozen=True, slots=True)
class GoesOn:
    """Say a text, or, where the conversation ends with the beginning of it, what follows that.

    The beginning may be a last message of the assistant, or stand in a request to go on.
    """

    text: str

    def __call__(self, request: ModelRequest) -> Answer:
        """Return what is left of the text."""
        ends = [content_text(message.get("content")) for message in request.messages[-2:]]
        return Answer(text=self.text[max((self._begun(end) for end in ends), default=0) :])

    def _begun(self, said: str) -> int:
        """Return how many characters of the text stand in what was said; 0 for none or too few."""
        at = said.find(self.text[:_LEAST_BEGINNING])
        if at < 0:
            return 0
        pairs = enumerate(zip(said[at:], self.text, strict=False))
        return next((place for place, (a, b) in pairs if a != b), min(len(said) - at, len(self.text)))


@dataclass(slots=True)
class Claims:
    """Gives the faults of a strike to the servers that are asked first, one each."""

    faults: tuple[Fault | Schedule, ...]
    claimed: dict[str, Fault | Schedule] = field(default_factory=dict[str, Fault | Schedule])
    _asked: dict[str, int] = field(default_factory=dict[str, int])

    def fault_for(self, server: str) -> Fault | None:
        """Return the fault that meets this request to a server."""
        if server not in self.claimed and len(self.claimed) < len(self.faults):
            self.claimed[server] = self.faults[len(self.claimed)]
        fault = self.claimed.get(server)
        if not isinstance(fault, Schedule):
            return fault
        number = self._asked.get(server, 0)
        self._asked[server] = number + 1
        return fault.fault_for(number)


class StandIns(Servers):
    """Servers by the id of the endpoint they stand for. They all say the same text, each at the pace given.

    Use it with `async with`: then they serve, and `strike` and `heal` say what befalls them.
    """

    def __init__(self, paces: Mapping[str, Pace], text: str, seed: int) -> None:
        servers = {
            name: ModelServer(
                Obliges(GoesOn(text)),
                name=name,
                pace=pace,
                rng=Random(f"{seed}:{name}"),
                keeps_requests=False,
            )
            for name, pace in paces.items()
        }
        super().__init__(servers)
        self._claims = Claims(())

    @property
    def struck(self) -> frozenset[str]:
        """Those that a fault has met since the last strike; of connections, those that it can meet."""
        return frozenset(self._claims.claimed)

    def strike(self, strike: Strike, reachable: Iterable[str]) -> None:
        """Let it befall: whoever of those reachable is asked first, or, where it meets connections, the first."""
        names = list(reachable)
        self._claims = Claims(strike.faults)
        of_connections = [fault for fault in strike.faults if meets_connections(fault)]
        if of_connections:
            for name in names if strike.everywhere else names[:1]:
                self._claims.claimed[name] = self._servers[name].fault = of_connections[0]
            return
        for name in names:
            self._servers[name].fault = _claiming(self._claims, name)

    def heal(self) -> None:
        """End what befell: whoever is asked from now on answers."""
        self._claims = Claims(())
        for server in self._servers.values():
            server.fault = None


def _claiming(claims: Claims, name: str) -> Schedule:
    return Schedule(lambda _: claims.fault_for(name))
