import random

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation_clients import ClientOf

from guardian_cluster.simulation import (
    Empty,
    ModelServer,
    Refuse,
    Schedule,
    Status,
    after,
    always,
    first,
    flapping,
    in_turn,
    sometimes,
)

BAD = Status(503)


def met(schedule: Schedule, requests: int) -> str:
    return "".join("x" if schedule.fault_for(number) else "." for number in range(requests))


def test_each_schedule_meets_its_requests():
    assert met(always(BAD), 4) == "xxxx"
    assert met(first(2, BAD), 4) == "xx.."
    assert met(after(3, BAD), 5) == "...xx"
    assert met(flapping(BAD, healthy=2, failing=1), 7) == "..x..x."
    assert met(in_turn(BAD, None, Empty()), 5) == "x.x.."


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_a_drawn_schedule_gives_a_request_the_same_fault_each_time(seed: int, share: float):
    schedule = sometimes(BAD, share, random.Random(seed))
    assert met(schedule, 50) == met(schedule, 50) == met(sometimes(BAD, share, random.Random(seed)), 50)


def test_a_drawn_schedule_meets_about_its_share():
    seen = met(sometimes(BAD, 0.3, random.Random(1)), 2000).count("x")

    assert 540 <= seen <= 660  # three standard deviations


def test_a_refused_port_cannot_count_requests():
    with pytest.raises(ValueError, match="meets connections, not requests"):
        first(3, Refuse()).fault_for(0)


def test_flapping_has_both_its_sides():
    with pytest.raises(ValueError, match="at least 1 of each"):
        flapping(BAD, healthy=0, failing=0)


async def test_a_burst_passes_and_setting_it_again_counts_anew(client_of: ClientOf):
    messages = [{"role": "user", "content": "hi"}]
    async with ModelServer(faults=first(2, BAD)) as server:
        client = client_of(server)

        async def outcome() -> str:
            try:
                await client.chat.completions.create(model="m", messages=messages)
            except openai.InternalServerError:
                return "x"
            return "."

        before = [await outcome() for _ in range(4)]
        server.fault = first(1, BAD)
        afterwards = [await outcome() for _ in range(2)]

    assert (before, afterwards) == (["x", "x", ".", "."], ["x", "."])
