"""What a request held is let go of as it ends, without the garbage collector, whose pauses all requests would feel."""

import asyncio
import gc

import pytest
from clusters import TEXT, RunningCluster, running_cluster
from harness import base, specialist
from test_race import hedging

from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.attempt import Attempt
from guardian_cluster.request.execution import Execution
from guardian_cluster.simulation import Fault, Hang, ModelServer, Reset, Slow, Status

TURNS = 50
"""Of the event loop, after an answer: what was cancelled ends, and connections go back."""


def left() -> list[str]:
    """Return what is still there of requests."""
    return [type(each).__name__ for each in gc.get_objects() if isinstance(each, Execution | Attempt)]


async def ask(running: RunningCluster, *, stream: bool) -> None:
    """Put one request, and keep nothing of it: an error that is kept holds all that raised it."""
    body = {"model": "smart", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    try:
        if stream:
            async for _ in running.cluster.stream_request(UserRequest(body=body)):
                pass
        else:
            await running.cluster.process_request(UserRequest(body=body))
    except GuardianError:
        pass


async def ask_without_collector(running: RunningCluster, *, stream: bool) -> tuple[int, list[str]]:
    """Put one request; return how many attempts it took, and what is left of it."""
    gc.collect()
    gc.disable()
    try:
        await ask(running, stream=stream)
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return len(running.collected.requests[-1].attempts), left()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("stream", "fault", "attempts"),
    [
        (True, None, 1),
        (False, None, 1),
        (True, Status(500), 2),
        (False, Status(500), 2),
        (True, Reset(3), 2),
        (False, Reset("headers"), 2),
    ],
    ids=["plain", "whole", "failover", "whole-failover", "continued", "whole-reset"],
)
async def test_an_answer_leaves_nothing_behind(stream: bool, fault: Fault | None, attempts: int):
    async with ModelServer(TEXT) as one, ModelServer(TEXT) as other:
        smart = specialist("smart", one.url, fallback=("backup",))
        async with running_cluster(base(smart, specialist("backup", other.url))) as running:
            await ask(running, stream=stream)  # what is made once is made
            one.fault = fault
            asked, still_there = await ask_without_collector(running, stream=stream)

    assert (asked, still_there) == (attempts, [])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", [Slow(extra_s=0.15), Hang("request")], ids=["first-wins", "second-wins"])
async def test_a_race_leaves_nothing_behind(stream: bool, fault: Fault):
    second = None if isinstance(fault, Hang) else Hang("request")
    async with ModelServer(TEXT, faults=fault) as one, ModelServer(TEXT, faults=second) as other:
        async with running_cluster(base(specialist("smart", one.url, other.url))) as running:
            hedging(running, first="smart/1", second="smart/2")
            await ask(running, stream=stream)
            asked, still_there = await ask_without_collector(running, stream=stream)

    assert (asked, still_there) == (2, [])


async def test_a_client_that_leaves_leaves_nothing_behind():
    async with ModelServer(TEXT, faults=Hang(2)) as one:
        async with running_cluster(base(specialist("smart", one.url))) as running:
            gc.collect()
            gc.disable()
            try:
                asking = asyncio.create_task(ask(running, stream=True))
                await one.until(lambda: one.open_requests == 1)
                there = left()
                asking.cancel()
                await asyncio.wait({asking})
                del asking
                await one.until(lambda: one.open_requests == 0)
                still_there = left()
            finally:
                gc.enable()

    assert (sorted(there), still_there) == (["Attempt", "Execution"], [])
