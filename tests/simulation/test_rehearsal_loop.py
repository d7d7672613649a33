"""The loop of rehearsals: waiting takes no time, threads are waited for, nobody outside is reached."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from guardian_cluster.simulation import Hang, ModelServer, Pace
from guardian_cluster.simulation.observation import Expected
from guardian_cluster.simulation.observer import observe
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock, RehearsalLoop

QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def rehearsed(play: Callable[[RehearsalLoop], Coroutine[Any, Any, Any]]) -> Any:
    async def main() -> Any:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, RehearsalLoop)
        return await play(loop)

    with asyncio.Runner(loop_factory=RehearsalLoop) as runner:
        return runner.run(main())


def test_an_hour_of_waiting_passes_at_once():
    async def play(loop: RehearsalLoop) -> float:
        began = loop.time()
        await asyncio.sleep(3_600)
        return loop.time() - began

    began = time.monotonic()

    assert 3_600 <= rehearsed(play) < 3_602
    assert time.monotonic() - began < 5


def test_timers_fire_in_their_order_and_at_their_time():
    async def play(loop: RehearsalLoop) -> list[tuple[str, float]]:
        began, fired = loop.time(), list[tuple[str, float]]()

        async def wait(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            fired.append((name, loop.time() - began))

        await asyncio.gather(wait("late", 90.0), wait("early", 0.25), wait("between", 60.0))
        return fired

    fired = rehearsed(play)

    assert [name for name, _ in fired] == ["early", "between", "late"]
    assert [at for _, at in fired] == pytest.approx([0.25, 60.0, 90.0], abs=0.2)


def test_a_timeout_strikes_what_hangs():
    async def play(_: RehearsalLoop) -> None:
        async with asyncio.timeout(600):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        rehearsed(play)


def test_work_in_a_thread_is_waited_for_and_no_time_is_skipped_meanwhile():
    async def play(loop: RehearsalLoop) -> float:
        async with asyncio.timeout(5):
            await asyncio.to_thread(time.sleep, 0.1)
        return loop.skipped_s

    assert rehearsed(play) < 1


def test_words_on_sockets_come_before_the_time_that_follows_them():
    async def play(loop: RehearsalLoop) -> tuple[float, float, str]:
        clock = RehearsalClock(loop)
        pace = Pace(first_token_s=40.0, between_chunks_s=20.0)
        async with ModelServer("one two three four", pace=pace) as server:
            answered = await observe(server.url, QUESTION, Expected(), clock=clock)
            server.fault = Hang(1)
            hung = await observe(server.url, QUESTION, Expected(), silence_s=300.0, clock=clock)
        return answered.first_content_s or 0.0, answered.total_s, hung.verdict

    first_s, total_s, verdict = rehearsed(play)

    assert first_s == pytest.approx(40.0, abs=0.5)
    assert total_s == pytest.approx(80.0, abs=0.5)
    assert verdict == "hung"


@pytest.mark.parametrize("host", ["guardian.example", "192.0.2.1", "2001:db8::1"])
def test_nobody_outside_is_reached(host: str):
    async def play(_: RehearsalLoop) -> None:
        await asyncio.open_connection(host, 80)

    with pytest.raises(OSError, match="nothing outside is reached"):
        rehearsed(play)


def test_the_clock_is_moved_on_at_once_and_what_was_due_has_run():
    async def play(loop: RehearsalLoop) -> tuple[float, float, list[str]]:
        clock, ran = RehearsalClock(loop), list[str]()
        before, dated = clock.monotonic(), clock.now()
        loop.call_later(60, ran.append, "due")
        loop.call_later(600, ran.append, "later")
        await loop.advance(120)
        return clock.monotonic() - before, clock.now() - dated, ran

    passed_s, dated_s, ran = rehearsed(play)

    assert passed_s == pytest.approx(120, abs=0.5)
    assert dated_s == pytest.approx(120, abs=0.5)
    assert ran == ["due"]
