"""SolverSpecialist: the built-in solver, answering in the shape of a model."""

import logging
from typing import Protocol

from guardian_cluster.contract.snapshot import Endpoint
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.builtin.saying import said
from guardian_cluster.specialists.builtin.solver.reading.question import understand
from guardian_cluster.specialists.builtin.solver.solution import (
    NotUnderstood,
    Solution,
    render,
    render_refusal,
)
from guardian_cluster.specialists.builtin.solver.solver import Solver
from guardian_cluster.specialists.builtin.solver.worker import SolverBusy, SolverUnavailable
from guardian_cluster.specialists.specialist import Context, Feed, Task

log = logging.getLogger("guardian.gateway")


class Answerer(Protocol):
    """Something that answers a question in words, or says that it cannot."""

    async def answer(self, question: str) -> str:
        """Return the answer.

        Raises:
            AttemptFailed: it could not be found out, for a reason that lies with the machine.
        """
        ...


class SolverSpecialist:
    """Answers the last message of the user, exactly; the conversation before it is not read."""

    def __init__(self, name: str, answerer: Answerer, clock: Clock) -> None:
        self.name = name
        self._answerer = answerer
        self._clock = clock

    async def execute(self, task: Task, context: Context, endpoint: Endpoint, feed: Feed) -> None:
        """Answer the task; see `Specialist.execute`."""
        request = task.request
        text = await self._answerer.answer(request.chat.last_question())
        await feed(said(text, request, endpoint, self._clock.now()))


class SolverAnswers:
    """The solver as an answerer. Its process starts with the first question."""

    def __init__(self) -> None:
        self._solver = Solver()

    async def answer(self, question: str) -> str:
        """Return the solution with its steps, or why there is none; see `Answerer.answer`."""
        try:
            solved = await self._solver.solve(question)
        except SolverBusy as error:
            raise AttemptFailed(str(error), code="solver_busy", status=503, retry_after_s=1.0) from error
        except SolverUnavailable as error:
            raise AttemptFailed(str(error), code="solver_unavailable", status=503) from error
        return render(solved) if isinstance(solved, Solution) else render_refusal(solved)

    async def warm(self) -> None:
        """Start the process now, so that the first question need not wait for it."""
        await self._solver.warm()

    async def restart(self) -> None:
        """Start the process anew, if there is one; what it works on is begun again. Raises nothing."""
        try:
            await self._solver.restart()
        except (SolverBusy, SolverUnavailable) as error:  # then the next question starts it
            log.warning("the solver's process is not started yet", extra={"reason": str(error)})

    async def close(self) -> None:
        """End the solver's process."""
        await self._solver.close()


def is_solvable(question: str) -> bool:
    """Return whether the solver understands the whole of a question."""
    return not isinstance(understand(question), NotUnderstood)
