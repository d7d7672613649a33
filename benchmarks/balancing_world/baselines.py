"""How others choose: known rules, and LiteLLM's as its source has them (v1.109.1, router and router_strategy)."""

import random
from collections import defaultdict, deque
from math import exp

from benchmarks.balancing_world.policy import Tried
from benchmarks.balancing_world.simulation import Simulation
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.request.balancing.budgets import Budget

COOLDOWN_S = 5.0
COOLDOWN_WINDOW_S = 60.0
LEAST_IN_WINDOW = 5
KEPT_LATENCIES = 10
TAU_S = 10.0
TIMEOUT_PENALTY_S = 1_000.0


class Counted:
    """One attempt, counted in flight until it ends."""

    def __init__(self, rule: "Rule", number: int) -> None:
        self._rule = rule
        self._number = number
        self._began_at = rule.simulation.now
        rule.in_flight[number] += 1

    def heard(self, *, content: bool) -> None:
        """Content does not matter to these rules."""

    def succeeded(self, tokens: int) -> None:
        self._rule.in_flight[self._number] -= 1
        self._rule.answered(self._number, self._rule.simulation.now - self._began_at)

    def failed(self, failure: AttemptFailed) -> None:
        self._rule.in_flight[self._number] -= 1
        self._rule.broke(self._number, failure)

    def cancelled(self) -> None:
        self._rule.in_flight[self._number] -= 1


class Rule:
    """Asks anybody, at random."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.rng: random.Random = simulation.rng
        self.places = len(simulation.servers)
        self.in_flight = [0] * self.places
        self._budget = Budget(0.2)
        self.note_request = self._budget.note_request
        self.may_retry = self._budget.take

    def choose(self, tried: Tried) -> int | None:
        free = [number for number in self.available() if number not in tried]
        return self.pick(free or self.available())

    def available(self) -> list[int]:
        return list(range(self.places))

    def pick(self, among: list[int]) -> int:
        return self.rng.choice(among)

    def begin(self, number: int) -> Counted:
        return Counted(self, number)

    def hedge_after_s(self, asked: int) -> float | None:
        return None

    def may_hedge(self, asked: int, tried: Tried) -> int | None:
        return None

    def stall_after_s(self, number: int) -> float | None:
        return None

    def probes_due(self) -> list[int]:
        return []

    def probed(self, number: int, *, ok: bool) -> None:
        """Nobody was probed."""

    def answered(self, number: int, took_s: float) -> None:
        """Take an answer."""

    def broke(self, number: int, failure: AttemptFailed) -> None:
        """Take a failure."""


class RoundRobin(Rule):
    """Asks one after the other."""

    _last = 0

    def pick(self, among: list[int]) -> int:
        self._last += 1
        return among[self._last % len(among)]


class LeastBusy(Rule):
    """Asks who has the fewest requests in flight."""

    def pick(self, among: list[int]) -> int:
        return min(among, key=lambda number: (self.in_flight[number], self.rng.random()))


class Pace:
    """A peak EWMA: longer times are believed at once, shorter ones with time."""

    def __init__(self) -> None:
        self._peak_s = 0.0
        self._seen_at = 0.0

    def add(self, took_s: float, now: float) -> None:
        kept = exp((self._seen_at - now) / TAU_S) if took_s < self._peak_s else 0.0
        self._peak_s = self._peak_s * kept + took_s * (1.0 - kept)
        self._seen_at = now

    def expected_s(self) -> float:
        return self._peak_s


class TwoChoices(Rule):
    """Asks the cheaper of two at random by peak EWMA and requests in flight (Finagle, Linkerd)."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        self.paces = [Pace() for _ in range(self.places)]

    def pick(self, among: list[int]) -> int:
        two = self.rng.sample(among, k=min(2, len(among)))
        return min(two, key=lambda number: self.paces[number].expected_s() * (self.in_flight[number] + 1))

    def answered(self, number: int, took_s: float) -> None:
        self.paces[number].add(took_s, self.simulation.clock.monotonic())

    def broke(self, number: int, failure: AttemptFailed) -> None:
        if failure.code == "upstream_timeout":
            self.paces[number].add(15.0, self.simulation.clock.monotonic())


class Cooling(Rule):
    """LiteLLM's default: at random, without those that cool down: a 429, or half of five failed in a minute."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        self._until = [0.0] * self.places
        self._seen: dict[int, deque[tuple[float, bool]]] = defaultdict(deque)

    def available(self) -> list[int]:
        now = self.simulation.now
        return [number for number in range(self.places) if self._until[number] <= now] or super().available()

    def answered(self, number: int, took_s: float) -> None:
        self._note(number, is_failure=False)

    def broke(self, number: int, failure: AttemptFailed) -> None:
        failed, total = self._note(number, is_failure=True)
        is_limited = failure.upstream_status == 429
        if is_limited or (total >= LEAST_IN_WINDOW and failed > total / 2):
            self._until[number] = self.simulation.now + COOLDOWN_S

    def _note(self, number: int, *, is_failure: bool) -> tuple[int, int]:
        seen, now = self._seen[number], self.simulation.now
        seen.append((now, is_failure))
        while seen[0][0] < now - COOLDOWN_WINDOW_S:
            seen.popleft()
        return sum(failure for _, failure in seen), len(seen)


class LowestLatency(Rule):
    """LiteLLM's latency-based routing: the least mean of the last ten; only a timeout counts, as 1,000 s."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__(simulation)
        self._last = [deque[float](maxlen=KEPT_LATENCIES) for _ in range(self.places)]

    def pick(self, among: list[int]) -> int:
        return min(among, key=lambda number: (self._mean_s(number), self.rng.random()))

    def _mean_s(self, number: int) -> float:
        last = self._last[number]
        return sum(last) / len(last) if last else 0.0

    def answered(self, number: int, took_s: float) -> None:
        self._last[number].append(took_s)

    def broke(self, number: int, failure: AttemptFailed) -> None:
        if failure.code == "upstream_timeout":
            self._last[number].append(TIMEOUT_PENALTY_S)


BASELINES: dict[str, type[Rule]] = {
    "random": Rule,
    "round_robin": RoundRobin,
    "least_busy": LeastBusy,
    "p2c_peak_ewma": TwoChoices,
    "litellm_default": Cooling,
    "litellm_latency": LowestLatency,
}
