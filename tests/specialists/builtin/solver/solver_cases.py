"""How the tables of questions are asked: understood and solved in this process, without the worker."""

from guardian_cluster.specialists.builtin.solver.methods.solve import solve
from guardian_cluster.specialists.builtin.solver.reading.question import understand
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, NotUnderstood, Solution


def answered(question: str) -> Solution:
    """Return the solution of a question that must have one."""
    problem = understand(question)
    assert not isinstance(problem, NotUnderstood), problem.reason
    result = solve(problem)
    assert isinstance(result, Solution), result.reason
    return result


def refused(question: str) -> str:
    """Return why a question is not answered, be it when it is read or when it is solved."""
    problem = understand(question)
    if isinstance(problem, NotUnderstood):
        return problem.reason
    result = solve(problem)
    assert isinstance(result, CannotSolve), result.answer
    return result.reason
