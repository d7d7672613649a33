"""Who knows everything about the endpoints now, and nothing about the future: what policies are held against."""

from benchmarks.balancing_world.baselines import Rule
from benchmarks.balancing_world.policy import Tried
from benchmarks.balancing_world.server import FAST_FAILURE_S, Server
from benchmarks.balancing_world.simulation import Simulation

NEVER_S = 1e6


class Oracle(Rule):
    """Asks where an answer is to be expected first; `hedges` asks a second where the first is late."""

    def __init__(self, simulation: Simulation, *, hedges: bool = False, is_careful: bool = False) -> None:
        """Prepare one that `hedges`, and one that `is_careful`: retries are bounded, and failures weigh twice."""
        super().__init__(simulation)
        self._hedges = hedges
        self._power = 2.0 if is_careful else 1.0

    def weight(self, server: Server) -> float:
        """Return what asking this one costs."""
        return expected_s(server, self.simulation.now, self._power)

    def pick(self, among: list[int]) -> int:
        servers = self.simulation.servers
        return min(among, key=lambda number: (self.weight(servers[number]), self.rng.random()))

    def hedge_after_s(self, asked: int) -> float | None:
        if not self._hedges:
            return None
        place, server = self.simulation.mix.places[asked], self.simulation.servers[asked]
        share = 0.25 if self.simulation.mix.streamed else 1.0
        return 2.1 * place.mean_s * server.slowness * share  # the slowest twentieth

    def may_hedge(self, asked: int, tried: Tried) -> int | None:
        idle = [
            number
            for number, server in enumerate(self.simulation.servers)
            if number not in tried
            and server.in_service < 0.5 * server.place.slots
            and self.weight(server) < NEVER_S
        ]
        return self.pick(idle) if idle else None


def expected_s(server: Server, now: float, power: float) -> float:
    """Return the time after which an answer is to be expected, failures and their repetition included."""
    if server.hung:
        return NEVER_S
    mean_s, slots = server.place.mean_s * server.slowness, server.place.slots
    ahead = len(server.queue) + server.in_service + 1 - slots
    took_s = mean_s * (1.0 + max(0, ahead) / slots)
    if server.in_service >= server.most or (server.allowed and server.left_allowance(now) < 1.0):
        return NEVER_S
    good = (1.0 - server.error) * (1.0 - server.late_error) * (1.0 - server.cut)
    if good <= 0.0:
        return NEVER_S
    return ((1.0 - server.error) * took_s + server.error * FAST_FAILURE_S) / good**power
