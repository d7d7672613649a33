"""The solver as the rest of the cluster sees it: a text goes in, a solution or a reason comes out."""

from typing import Self

from guardian_cluster.specialists.builtin.solver.reading.question import understand
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, NotUnderstood, Solution
from guardian_cluster.specialists.builtin.solver.worker import SolverLimits, SolverProcess


class Solver:
    """Answers short mathematical questions exactly, or says that it cannot."""

    def __init__(self, limits: SolverLimits | None = None) -> None:
        self.process = SolverProcess(limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def warm(self) -> None:
        """Start the worker process now, so that the first question need not wait for it."""
        await self.process.warm()

    async def restart(self) -> None:
        """Start the worker process anew, if there is one; see `SolverProcess.restart`."""
        await self.process.restart()

    async def solve(self, text: str) -> Solution | CannotSolve:
        """Answer one question.

        `text` is the last message of the user alone. Raises `SolverBusy` or `SolverUnavailable` (worker.py)
        when the worker process cannot be had; whatever is wrong with the question itself is a `CannotSolve`.
        """
        problem = understand(text)
        if isinstance(problem, NotUnderstood):
            return CannotSolve(problem.reason)
        return await self.process.solve(problem)

    async def close(self) -> None:
        """End the worker process."""
        await self.process.close()
