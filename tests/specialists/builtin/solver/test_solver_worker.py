"""The worker process as its callers meet it: slow, full, killed, cancelled, closed. Real processes."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop

from guardian_cluster.specialists.builtin.solver.methods.solve import METHODS, solve
from guardian_cluster.specialists.builtin.solver.problem import Problem
from guardian_cluster.specialists.builtin.solver.reading.question import understand
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, NotUnderstood, Solution
from guardian_cluster.specialists.builtin.solver.solver import Solver
from guardian_cluster.specialists.builtin.solver.worker import (
    SolverBusy,
    SolverLimits,
    SolverProcess,
    SolverUnavailable,
)


def problem(text: str) -> Problem:
    understood = understand(text)
    assert not isinstance(understood, NotUnderstood), understood.reason
    return understood


EASY = problem("2 + 2")
OUT_OF_MEMORY = (
    "it needs more than 64 MB of memory",
    "the solver's process ended twice while it worked on this",  # Python does not always survive to say so
)
# The product of two primes of 60 digits: understood at once, factored by nobody within minutes.
HARD = problem(f"factor {(2**200 - 75) * (2**199 - 49)}")


def answer(result: Solution | CannotSolve) -> str:
    return result.answer if isinstance(result, Solution) else result.reason


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


async def until_gone(pid: int) -> None:
    """Wait for the end of a process that may be nobody's child any more."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(10):
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def pid_of(process: SolverProcess) -> int:
    assert process.pid is not None
    return process.pid


@pytest.fixture
async def process() -> AsyncIterator[SolverProcess]:
    async with SolverProcess(SolverLimits(time_s=1.0, line=2)) as process:
        await process.warm()
        yield process


async def test_the_process_starts_with_the_first_problem() -> None:
    async with SolverProcess() as process:
        assert process.pid is None

        assert answer(await process.solve(EASY)) == "4"

        assert process.started is not None
        assert process.started.memory_mb < 100


async def test_a_problem_that_takes_too_long_is_stopped_and_the_next_meets_a_fresh_process(
    process: SolverProcess,
) -> None:
    first = pid_of(process)

    assert answer(await process.solve(HARD)) == "it takes longer than 1 s"
    await until_gone(first)

    assert answer(await process.solve(EASY)) == "4"
    assert pid_of(process) != first


async def test_a_problem_that_needs_too_much_memory_is_stopped_and_the_next_is_answered() -> None:
    async with SolverProcess(SolverLimits(memory_mb=64, time_s=30)) as process:
        result = await process.solve(problem("expand (w + x + y + z)^60"))

        assert answer(result) in OUT_OF_MEMORY
        assert answer(await process.solve(EASY)) == "4"


def test_a_fault_of_python_itself_counts_as_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: Problem) -> Solution:
        raise SystemError("error return without exception set")

    monkeypatch.setitem(METHODS, type(EASY), failing)

    with pytest.raises(MemoryError):
        solve(EASY)


async def test_a_process_that_has_grown_is_replaced_between_problems() -> None:
    # It needs about 50 MB to start, which is more than half of this limit already.
    async with SolverProcess(SolverLimits(memory_mb=90)) as process:
        assert answer(await process.solve(EASY)) == "4"
        await until(lambda: process.pid is None)

        assert answer(await process.solve(EASY)) == "4"


async def test_problems_take_turns_and_each_gets_its_own_answer(process: SolverProcess) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(process.solve(problem(f"{number} * 7"))) for number in range(2)]

    assert [answer(task.result()) for task in tasks] == ["0", "7"]


async def test_a_full_line_turns_the_next_problem_away(process: SolverProcess) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(process.solve(each)) for each in (HARD, EASY, EASY)]
        await asyncio.sleep(0)

        with pytest.raises(SolverBusy, match="2 problems are waiting"):
            await process.solve(EASY)

    assert [answer(task.result()) for task in tasks] == ["it takes longer than 1 s", "4", "4"]


async def test_nobody_waits_in_line_for_longer_than_allowed() -> None:
    async with SolverProcess(SolverLimits(line_wait_s=0.05)) as process, asyncio.TaskGroup() as group:
        slow = group.create_task(process.solve(HARD))
        await asyncio.sleep(0)

        with pytest.raises(SolverBusy, match=r"busy for 0\.05 s"):
            await process.solve(EASY)

        slow.cancel()


async def test_a_caller_that_leaves_ends_its_problem_and_disturbs_nobody(process: SolverProcess) -> None:
    first = pid_of(process)
    task = asyncio.create_task(process.solve(HARD))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(first)

    assert answer(await process.solve(problem("5 * 5"))) == "25"


async def test_a_caller_that_leaves_the_line_gives_its_place_back(process: SolverProcess) -> None:
    working, waiting = (asyncio.create_task(process.solve(each)) for each in (HARD, EASY))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(process.solve(EASY)) for _ in range(2)]

    assert answer(await working) == "it takes longer than 1 s"
    assert [answer(task.result()) for task in tasks] == ["4", "4"]


async def test_a_caller_that_leaves_during_the_start_leaves_the_process_to_the_next() -> None:
    async with SolverProcess() as process:
        task = asyncio.create_task(process.solve(EASY))
        await until(lambda: process.pid is not None)
        first = pid_of(process)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert answer(await process.solve(EASY)) == "4"
        assert pid_of(process) == first


async def test_a_process_killed_while_idle_is_replaced(process: SolverProcess) -> None:
    first = pid_of(process)
    os.kill(first, signal.SIGKILL)
    await until_gone(first)

    assert answer(await process.solve(EASY)) == "4"
    assert pid_of(process) != first


async def test_a_process_killed_at_work_is_replaced_once_and_then_blamed_on_the_problem() -> None:
    async with SolverProcess(SolverLimits(time_s=60)) as process, asyncio.TaskGroup() as group:
        await process.warm()
        first = pid_of(process)
        task = group.create_task(process.solve(HARD))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        await until(lambda: process.pid not in (None, first) and process.started is not None)
        os.kill(pid_of(process), signal.SIGKILL)

    assert answer(task.result()) == "the solver's process ended twice while it worked on this"


async def test_closing_ends_the_process_even_at_work() -> None:
    process = SolverProcess()
    await process.warm()
    first = pid_of(process)
    task = asyncio.create_task(process.solve(HARD))
    await asyncio.sleep(0)

    await process.close()

    await until_gone(first)
    with pytest.raises(SolverUnavailable, match="closed"):
        await task
    with pytest.raises(SolverUnavailable, match="closed"):
        await process.solve(EASY)


async def test_a_process_that_does_not_start_in_time_is_an_error_that_says_so() -> None:
    async with SolverProcess(SolverLimits(start_s=0.001)) as process:
        with pytest.raises(SolverUnavailable, match=r"did not start within 0\.001 s"):
            await process.warm()

        assert process.pid is None


async def test_the_solver_answers_a_text() -> None:
    async with Solver() as solver:
        await solver.warm()

        result = await solver.solve("What is 17% of 2,350?")

    assert isinstance(result, Solution)
    assert "399.5" in result.answer


async def test_a_text_that_is_no_question_needs_no_process() -> None:
    async with Solver() as solver:
        result = await solver.solve("Write a poem")

        assert isinstance(result, CannotSolve)
        assert solver.process.pid is None


def test_the_process_works_under_uvloop_too() -> None:
    async def exchange() -> list[str]:
        async with SolverProcess(SolverLimits(time_s=1.0)) as process:
            return [answer(await process.solve(each)) for each in (EASY, HARD, EASY)]

    assert uvloop.run(exchange()) == ["4", "it takes longer than 1 s", "4"]


async def test_a_process_that_the_system_refuses_to_start_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    async with SolverProcess() as process:
        with pytest.raises(SolverUnavailable, match="/nowhere/python"):
            await process.solve(EASY)


async def test_closing_during_the_start_leaves_no_process_behind() -> None:
    process = SolverProcess()
    task = asyncio.create_task(process.solve(EASY))
    await asyncio.sleep(0)

    await process.close()

    with pytest.raises(SolverUnavailable, match="closed"):
        await task
    assert process.pid is None


async def test_a_process_that_cannot_load_its_methods_is_an_error_that_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sympy.py").write_text("raise ImportError('no mathematics today')")
    monkeypatch.syspath_prepend(tmp_path)

    async with SolverProcess() as process:
        with pytest.raises(SolverUnavailable, match="does not start: ImportError: no mathematics today"):
            await process.solve(EASY)


async def test_a_process_is_started_anew_and_what_it_worked_on_is_begun_again(process: SolverProcess) -> None:
    before = pid_of(process)
    working = asyncio.create_task(process.solve(EASY))
    await asyncio.sleep(0)
    await process.restart()

    assert answer(await working) == "4"
    assert pid_of(process) != before


async def test_where_there_is_no_process_none_is_started_anew() -> None:
    async with SolverProcess() as process:
        await process.restart()

        assert process.pid is None
