"""Simulated models in a process of their own: `python -m guardian_cluster.simulation --help`."""

import argparse
import asyncio
import json
import signal
from dataclasses import replace
from random import Random

from guardian_cluster.simulation.catalogue import NAMED_FAULTS
from guardian_cluster.simulation.pace import Pace
from guardian_cluster.simulation.world import Inhabitant, World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m guardian_cluster.simulation", description=__doc__)
    parser.add_argument("--servers", type=int, default=1, metavar="N", help="how many servers (default 1)")
    parser.add_argument("--say", default="All is well.", metavar="TEXT", help="what every server says")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="what ids and times are drawn from")
    parser.add_argument("--first-token-s", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--between-chunks-s", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--characters-per-chunk", type=int, default=8, metavar="N")
    parser.add_argument("--fault", choices=NAMED_FAULTS, help="the fault of the first server")
    return parser.parse_args()


def _inhabitants(asked: argparse.Namespace) -> dict[str, Inhabitant]:
    pace = Pace(asked.first_token_s, asked.between_chunks_s, asked.characters_per_chunk)
    fault = NAMED_FAULTS[asked.fault] if asked.fault else None
    names = [f"model-{number}" for number in range(1, asked.servers + 1)]
    healthy = Inhabitant(asked.say, pace=pace, keeps_requests=False)
    return {name: replace(healthy, faults=fault) if name == names[0] else healthy for name in names}


async def _serve(asked: argparse.Namespace) -> None:
    """Print one JSON line with the URL of each server, then serve until told to stop."""
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    async with World(_inhabitants(asked), rng=Random(asked.seed)) as world:
        print(json.dumps({name: server.url for name, server in world.items()}), flush=True)
        await told_to_stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
