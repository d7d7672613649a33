"""Moves that are done once: each once, for whom it names, and never twice for several snapshots."""

import asyncio
import random
from dataclasses import dataclass, field

from harness import SOLVER, Collected, base, specialist
from held_moves import held
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.snapshot import Overlay, Snapshot
from guardian_cluster.domain.action import Drain, HeldMove, RenewPool, Reprobe, Restart
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.one_shots import Due, OneShots
from guardian_cluster.request.balancing.load_balancer import LoadBalancer
from guardian_cluster.simulation import ModelServer
from guardian_cluster.specialists.solver import SolverAnswers
from guardian_cluster.specialists.transport import Call, Response

NOW = ManualClock().now()
SERVING = base(specialist("a", "http://one/v1", "http://two/v1"), specialist("b", "http://three/v1"), SOLVER)
POOL = RenewPool(specialist="a", endpoint="a/2")


@dataclass
class Noting(SolverAnswers, LoadBalancer):
    """A transport, a balancer and a solver that only note what is asked of them."""

    done: list[str] = field(default_factory=list[str])
    repeated: int = 0

    async def send(self, call: Call) -> Response:
        raise NotImplementedError

    def renew(self, url: str) -> None:
        self.done.append(url)

    def forgive(self, endpoint_id: str) -> None:
        self.done.append(endpoint_id)

    async def restart(self) -> None:
        self.done.append("restart")


async def done(*revisions: list[HeldMove]) -> list[str]:
    noting = Noting()
    shots = OneShots(noting, noting, noting)
    for rev, moves in enumerate(revisions):
        shots.do(Snapshot(rev=rev, base=SERVING, overlay=Overlay(moves=tuple(moves))), NOW + rev)
    await asyncio.sleep(0)
    await shots.close()
    return noting.done


async def test_each_is_done_once_for_the_endpoint_it_names():
    pool, probe = held(POOL, "p"), held(Reprobe(specialist="b", endpoint="b/1"), "q")

    assert await done([pool], [pool, probe], [probe], [pool]) == ["http://two/v1", "b/1"]


async def test_without_an_endpoint_it_is_all_of_the_specialist():
    found = await done(
        [
            held(RenewPool(specialist="a", endpoint=""), "p"),
            held(Reprobe(specialist="gone", endpoint=""), "q"),
        ]
    )

    assert found == ["http://one/v1", "http://two/v1"]


async def test_only_what_has_a_process_is_started_anew():
    assert await done([held(Restart(specialist="a"), "r"), held(Restart(specialist="solver"), "s")]) == [
        "restart"
    ]


async def test_what_is_over_is_not_done():
    assert await done([held(POOL, "p", until=NOW - 1), held(Drain(specialist="a"), "d")]) == []


@given(st.lists(st.tuples(st.sets(st.integers(0, 3)), st.floats(0, 20)), max_size=8))
def test_an_action_is_never_done_twice_while_it_holds(revisions: list[tuple[set[int], float]]):
    due, now, taken = Due(), NOW, list[str]()
    for ids, later_s in revisions:
        now += later_s
        moves = [
            held(RenewPool(specialist="a", endpoint=str(id)), str(id), until=NOW + 30.0 * id) for id in ids
        ]
        taken += [each.endpoint for each in due.take(moves, now) if isinstance(each, RenewPool)]

    assert len(taken) == len(set(taken))


async def test_a_gateway_makes_new_connections_to_an_endpoint_whose_pool_is_renewed():
    async with ModelServer("hello") as server:
        serving = base(specialist("a", server.url))
        async with LLMGuardianCluster(
            Snapshot(rev=1, base=serving), sink=Collected(), rng=random.Random(1)
        ) as cluster:
            body = {"model": "a", "messages": [{"role": "user", "content": "hi"}]}
            moves = Overlay(moves=(held(RenewPool(specialist="a", endpoint="a/1"), "p"),))
            for rev, overlay in enumerate((Overlay(), Overlay(), moves, moves)):
                cluster.apply(Snapshot(rev=rev, base=serving, overlay=overlay))
                answered = await cluster.process_request(UserRequest(body=body))

        assert server.connections_opened == 2
        assert answered.record.moves == ("p",)
