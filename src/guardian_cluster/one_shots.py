"""Moves that are done once: connections renewed, endpoints forgiven, the solver's process started anew."""

import asyncio
from collections.abc import Iterator, Sequence

from guardian_cluster.contract.snapshot import Endpoint, Snapshot
from guardian_cluster.domain.action import HeldMove, RenewPool, Reprobe, Restart
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.specialists.solver import SolverAnswers
from guardian_cluster.specialists.transport import Transport

OneShot = RenewPool | Reprobe | Restart


class Due:
    """Remembers which were done: each action once in the life of a gateway, however many snapshots name it."""

    def __init__(self) -> None:
        self._done: dict[str, float] = {}
        """Id -> until when a snapshot may name it."""

    def take(self, moves: Sequence[HeldMove], now: float) -> list[OneShot]:
        """Return those of a snapshot that are to be done now, in their order; then they are done."""
        named = [each for each in moves if isinstance(each.move, OneShot)]
        fresh = [each for each in named if each.until > now and each.id not in self._done]
        self._done |= {each.id: each.until for each in named}
        self._done = {id: until for id, until in self._done.items() if until > now}
        return [each.move for each in fresh if isinstance(each.move, OneShot)]


class OneShots:
    """Does them. None can fail, and none is waited for; done again they do no harm."""

    def __init__(self, balancer: LoadBalancer, transport: Transport, solver: SolverAnswers) -> None:
        self._balancer = balancer
        self._transport = transport
        self._solver = solver
        self._due = Due()
        self._restarting: asyncio.Task[None] | None = None

    def do(self, snapshot: Snapshot, now: float) -> None:
        """Do what a snapshot that is served from now on names for the first time."""
        for move in self._due.take(snapshot.overlay.moves, now):
            match move:
                case RenewPool():
                    for endpoint in _endpoints(snapshot, move):
                        self._transport.renew(endpoint.url)
                case Reprobe():
                    for endpoint in _endpoints(snapshot, move):
                        self._balancer.forgive(endpoint.id)
                case Restart(specialist=name):
                    if any(each.name == name and each.kind == "solver" for each in snapshot.base.specialists):
                        self._restart()

    async def close(self) -> None:
        """End what is under way."""
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)

    def _restart(self) -> None:
        if self._restarting is None or self._restarting.done():
            self._restarting = asyncio.create_task(self._solver.restart())


def _endpoints(snapshot: Snapshot, move: RenewPool | Reprobe) -> Iterator[Endpoint]:
    """Yield the endpoint that a move names, or all of its specialist where it names none."""
    for specialist in snapshot.base.specialists:
        if specialist.name == move.specialist:
            yield from (each for each in specialist.endpoints if move.endpoint in ("", each.id))
