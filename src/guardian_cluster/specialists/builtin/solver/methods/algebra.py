"""How equations and expressions with unknowns are solved, expanded, factored and simplified."""

from guardian_cluster.specialists.builtin.solver.methods.equations import solve_equation
from guardian_cluster.specialists.builtin.solver.methods.functions_agree import check_same_function
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import text_solution
from guardian_cluster.specialists.builtin.solver.methods.symbolic import to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import sp
from guardian_cluster.specialists.builtin.solver.methods.systems import solve_system
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import Rewrite, Solve
from guardian_cluster.specialists.builtin.solver.solution import Solution


def solve_equations(problem: Solve) -> Solution:
    """Solve one equation or a system."""
    if len(problem.equations) == 1 and len(problem.unknowns) == 1:
        return solve_equation(problem.equations[0], problem.unknowns[0])
    return solve_system(problem.equations, problem.unknowns)


def rewrite(problem: Rewrite) -> Solution:
    """Write an expression in another form, and check that it is still the same."""
    original = to_symbolic(problem.expression)
    form = {"expand": sp.expand, "factor": sp.factor, "simplify": sp.simplify}[problem.form](original)
    check_same_function(problem.expression, form)
    steps = [
        f"Read as: {write(problem.expression)}",
        "The result has the same value wherever both are defined.",
    ]
    return text_solution(show(form), steps)
