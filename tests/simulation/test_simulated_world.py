import random

import pytest
from simulation_clients import ClientOf, ask

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.simulation import Change, Inhabitant, Refuse, Status, World

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TWO = {"east": Inhabitant("from the east"), "west": Inhabitant("from the west", faults=Status(503))}


async def test_a_world_runs_its_servers_together(client_of: ClientOf):
    async with World(TWO, rng=random.Random(1)) as world:
        completion = await client_of(world["east"]).chat.completions.create(**HI)
        failed = await ask(world["west"])

        assert list(world) == ["east", "west"]
        assert world["east"].url != world["west"].url

    assert completion.choices[0].message.content == "from the east"
    assert failed.head.startswith("HTTP/1.1 503")


async def test_the_same_seed_gives_the_same_bytes():
    async def played(seed: int) -> bytes:
        async with World(TWO, rng=random.Random(seed), clock=ManualClock()) as world:
            return (await ask(world["east"], stream=True)).data

    assert await played(1) == await played(1)
    assert await played(1) != await played(2)


async def test_a_server_more_leaves_the_others_as_they_were():
    async def played(inhabitants: dict[str, Inhabitant]) -> bytes:
        async with World(inhabitants, rng=random.Random(1), clock=ManualClock()) as world:
            return (await ask(world["east"])).data

    assert await played(TWO) == await played({"north": Inhabitant(), **TWO})


async def test_faults_begin_and_end_at_their_moments():
    async with World(TWO, rng=random.Random(1)) as world:
        await world.play([Change(0.01, "west", Refuse()), Change(0.0, "west", None)])
        with pytest.raises(ConnectionRefusedError):
            await ask(world["west"])

        await world.play([Change(0.0, "west", None)])
        assert "200 OK" in (await ask(world["west"])).head


async def test_leaving_a_world_stops_every_server():
    async with World(TWO, rng=random.Random(1)) as world:
        servers = list(world.values())

    for server in servers:
        with pytest.raises(ConnectionRefusedError):
            await ask(server)
