"""Workers and their supervisor in one program, with the wires between them in the hands of a test."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

from guardian_cluster.contract.fleet import Holdings, Share
from guardian_cluster.contract.snapshot import ApiKey, Base, Limits
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.gateway.auth import Caller
from guardian_cluster.gateway.limits import Accounts, OverLimit, Reservation, month_of
from guardian_cluster.processes.shares import GATEWAY, SharedLimits

START = 1_700_000_000.0


@dataclass
class TownWorker:
    """One worker: its accounts, and what is on its way to it and from it."""

    accounts: Accounts
    heard: int = 0
    to_it: deque[tuple[int, list[Share]]] = field(default_factory=deque)
    from_it: deque[Holdings] = field(default_factory=deque)


class Town:
    """Some workers that share the limits of one key."""

    def __init__(self, limits: Limits, workers: int = 2) -> None:
        self.clock = ManualClock(START)
        self.limits = limits
        self.caller = Caller("t", "k", "client", limits)
        self.shared = SharedLimits(self.clock)
        self.shared.configure(base_with(limits))
        self.workers: dict[int, TownWorker] = {}
        self.let_in: list[tuple[float, float]] = []
        self._last = 0
        for _ in range(workers):
            self.start()
        self.settle()

    def start(self) -> int:
        """Start a worker; return its number."""
        self._last += 1
        accounts = Accounts(self.clock, shared=True)
        accounts.on_change = lambda: None
        self.workers[self._last] = TownWorker(accounts)
        self.shared.join(self._last)
        self.send()
        return self._last

    def kill(self, number: int) -> None:
        """Let a worker end at once: what it said before is heard, what it did not say is lost."""
        while self.workers[number].from_it:
            self.hear(number)
        del self.workers[number]
        self.shared.leave(number)
        self.send()

    def ask(self, number: int, tokens: int = 0, cost_usd: float = 0.0) -> Reservation | None:
        """Let a worker be asked; return what was reserved, or nothing where it refused."""
        worker = self.workers[number]
        try:
            reservation = worker.accounts.reserve(self.caller, tokens, cost_usd)
        except OverLimit:
            return None
        finally:
            self.tell(number, worker.accounts.changed())
        self.let_in.append((self.clock.monotonic(), tokens))
        return reservation

    def tell(self, number: int, names: list[str]) -> None:
        """Let a worker say what it holds; it is heard later."""
        worker = self.workers[number]
        holdings = tuple(worker.accounts.holdings(names))
        if holdings:
            month = month_of(self.clock.now())
            worker.from_it.append(Holdings(heard=worker.heard, month=month, holdings=holdings))

    def send(self) -> None:
        """Put what the supervisor has to say on its way."""
        for number, shares in self.shared.take_told().items():
            if number in self.workers:
                self.workers[number].to_it.append((self.shared.numbers[number] - 1, shares))

    def hear(self, number: int) -> None:
        """Let the supervisor hear a worker's next words."""
        worker = self.workers[number]
        if worker.from_it:
            self.shared.take(number, worker.from_it.popleft())
            self.send()

    def listen(self, number: int) -> None:
        """Let a worker hear the supervisor's next words, and answer."""
        worker = self.workers[number]
        if worker.to_it:
            worker.heard, shares = worker.to_it.popleft()
            worker.accounts.grant(share for share in shares if share.account != GATEWAY)
            self.tell(number, worker.accounts.changed())

    def settle(self) -> None:
        """Let everybody hear everything that was said."""
        while any(worker.to_it or worker.from_it for worker in self.workers.values()):
            for number in tuple(self.workers):
                self.hear(number)
                self.listen(number)

    def tick(self) -> None:
        """Let a second's work be done, without anybody hearing of it yet."""
        for number, worker in self.workers.items():
            self.tell(number, worker.accounts.active())
        self.shared.tick()
        self.send()

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, and everybody hear what was said meanwhile."""
        self.clock.advance(seconds)
        self.tick()
        self.settle()

    def most_in_a_minute(self) -> int:
        """Return how many requests were let in at most in any minute."""
        times = [at for at, _ in self.let_in]
        return max((bisect_left(times, at + 60) - index for index, at in enumerate(times)), default=0)


def base_with(limits: Limits) -> Base:
    """Return what is deployed for one key."""
    key = ApiKey(id="k", sha256="0" * 64, tenant="t", created=0.0, limits=limits)
    return Base(specialists=(), keys=(key,))
