"""For which values of several unknowns all equations of a system hold."""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import assigned_decimal, text_solution
from guardian_cluster.specialists.builtin.solver.methods.symbolic import to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write_equation
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import Equation


def solve_system(equations: Sequence[Equation], unknowns: Sequence[str]) -> Solution:
    """Solve a system for all of its unknowns; raise `Refusal` unless all solutions are surely found."""
    symbols = {name: sp.Symbol(name) for name in unknowns}
    zeros = [
        to_symbolic(equation.left, symbols) - to_symbolic(equation.right, symbols) for equation in equations
    ]
    ordered = [symbols[name] for name in unknowns]
    steps = [f"({index}) {write_equation(equation)}" for index, equation in enumerate(equations, start=1)]
    if not all(zero.is_polynomial(*ordered) for zero in zeros):
        raise Refusal("systems are only solved where the unknowns stand in no root, function or denominator")
    polynomials = [sp.Poly(zero, *ordered) for zero in zeros]
    if all(polynomial.total_degree() <= 1 for polynomial in polynomials):
        return _solve_linear(zeros, ordered, steps)
    return _solve_polynomial(zeros, ordered, steps)


def _solve_linear(zeros: Sequence[Symbolic], unknowns: Sequence[Symbolic], steps: list[str]) -> Solution:
    matrix, constants = sp.linear_eq_to_matrix(list(zeros), list(unknowns))
    reduced, pivots = matrix.row_join(constants).rref(simplify=True)
    steps.append("Elimination leaves:")
    steps += [_row(reduced, index, unknowns) for index in range(len(pivots))]
    if len(unknowns) in pivots:
        return text_solution("no solution: the equations contradict each other", steps)
    if len(pivots) < len(unknowns):
        free = [show(unknown) for index, unknown in enumerate(unknowns) if index not in pivots]
        rows = ", ".join(_row(reduced, index, unknowns) for index in range(len(pivots)))
        return text_solution(
            f"infinitely many solutions: {rows} ({', '.join(free)} may be any number)", steps
        )
    values = [reduced[index, len(unknowns)] for index in range(len(unknowns))]
    _check(zeros, unknowns, values)
    steps.append("Put into the equations, the values satisfy each of them.")
    return _assignments([values], unknowns, steps)


def _row(reduced: Symbolic, index: int, unknowns: Sequence[Symbolic]) -> str:
    """Write a row of the reduced matrix as its first unknown, in terms of the others."""
    count = len(unknowns)
    pivot = next((column for column in range(count) if reduced[index, column] != 0), None)
    if pivot is None:
        return f"0 = {show(reduced[index, count])}"
    rest = sum(-reduced[index, column] * unknowns[column] for column in range(pivot + 1, count))
    return f"{show(unknowns[pivot])} = {show(reduced[index, count] + rest)}"


def _solve_polynomial(zeros: Sequence[Symbolic], unknowns: Sequence[Symbolic], steps: list[str]) -> Solution:
    try:
        found = sp.solve_poly_system(list(zeros), *unknowns, strict=True)
    except NotImplementedError as error:
        raise Refusal("the system has infinitely many solutions, or is beyond it") from error
    if found is None:
        return text_solution("no solution", steps)
    for values in found:
        _check(zeros, unknowns, values)
    real = [values for values in found if all(_is_real(value) for value in values)]
    steps.append("Every solution was put into all equations and satisfies them.")
    if len(real) < len(found):
        steps.append(f"{len(found) - len(real)} more solutions are complex.")
    return _assignments(real, unknowns, steps) if real else text_solution("no real solution", steps)


def _is_real(value: Symbolic) -> bool:
    return bool(abs(sp.im(sp.N(value, 30))) < 1e-20)


def _check(zeros: Sequence[Symbolic], unknowns: Sequence[Symbolic], values: Sequence[Symbolic]) -> None:
    replacements = dict(zip(unknowns, values, strict=True))
    if any(abs(sp.N(zero.subs(replacements), 30)) > 1e-15 for zero in zeros):
        raise Refusal("a solution that was found did not pass the check")


def _assignments(
    found: Sequence[Sequence[Symbolic]], unknowns: Sequence[Symbolic], steps: Sequence[str]
) -> Solution:
    exact = " or ".join(_assignment(values, unknowns) for values in found)
    if all(value.is_Integer for values in found for value in values):
        return text_solution(exact, steps)
    approximate = " or ".join(
        ", ".join(assigned_decimal(show(name), value) for name, value in zip(unknowns, values, strict=True))
        for values in found
    )
    return Solution(f"{exact} ({approximate})", tuple(steps), exact, approximate)


def _assignment(values: Sequence[Symbolic], unknowns: Sequence[Symbolic]) -> str:
    pairs = zip(unknowns, values, strict=True)
    return ", ".join(f"{show(name)} = {show(sp.radsimp(sp.expand(value)))}" for name, value in pairs)
