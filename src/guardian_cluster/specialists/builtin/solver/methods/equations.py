"""For which real (and, for polynomials, complex) values of one unknown an equation holds."""

from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.rational import rational_value
from guardian_cluster.specialists.builtin.solver.methods.results import (
    assigned_decimal,
    shortened,
    text_solution,
)
from guardian_cluster.specialists.builtin.solver.methods.roots import Root, quadratic_roots, roots_of
from guardian_cluster.specialists.builtin.solver.methods.sampling import agree, sample
from guardian_cluster.specialists.builtin.solver.methods.solution_sets import solve_transcendental
from guardian_cluster.specialists.builtin.solver.methods.symbolic import to_fraction, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write_equation
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import Equation, Number, substitute, variables

_NO_SOLUTION = "no solution"


def solve_equation(equation: Equation, unknown: str) -> Solution:
    """Solve one equation for one unknown; raise `Refusal` unless all solutions are surely found."""
    symbol = sp.Symbol(unknown)
    if set(variables(equation.left, equation.right)) - {unknown}:
        return _solve_for_letter(equation, unknown)
    symbols = {unknown: symbol}
    difference = to_symbolic(equation.left, symbols) - to_symbolic(equation.right, symbols)
    numerator = sp.expand(sp.fraction(sp.together(difference))[0])
    if not numerator.is_polynomial(symbol):
        return solve_transcendental(equation, unknown)
    polynomial = sp.Poly(numerator, symbol)
    if polynomial.is_zero:
        answer = f"every {unknown} for which both sides are defined"
        return text_solution(answer, [write_equation(equation), "Both sides are always equal."])
    if polynomial.degree() == 0:
        steps = [write_equation(equation), f"The sides always differ by {show(difference)}."]
        return text_solution(_NO_SOLUTION, steps)
    return _solve_polynomial(equation, unknown, polynomial)


def _solve_polynomial(equation: Equation, unknown: str, polynomial: Symbolic) -> Solution:
    steps = [write_equation(equation), f"Equivalent to: {show(polynomial.as_expr())} = 0"]
    if all(coefficient.is_Rational for coefficient in polynomial.all_coeffs()):
        steps += _method_steps(polynomial, unknown)
        roots = roots_of(polynomial)
    elif polynomial.degree() == 1:
        a, b = polynomial.all_coeffs()
        roots = [Root(sp.simplify(-b / a), True, True, 1)]
    elif polynomial.degree() == 2:
        roots = quadratic_roots(polynomial)
    else:
        raise Refusal("an equation of this degree with irrational coefficients is beyond it")
    valid = [root for root in roots if _holds(equation, unknown, root)]
    steps += [
        f"{_name(root, unknown)} is excluded: it makes a side undefined"
        for root in roots
        if root not in valid
    ]
    return _roots_solution(valid, unknown, steps)


def _method_steps(polynomial: Symbolic, unknown: str) -> list[str]:
    if polynomial.degree() == 1:
        a, b = polynomial.all_coeffs()
        divided = [] if a == 1 else [f"Divide by {show(a)}: {unknown} = {show(-b / a)}"]
        return [f"{show(a * polynomial.gen)} = {show(-b)}", *divided]
    if polynomial.degree() == 2:
        a, b, c = polynomial.all_coeffs()
        return [
            f"Discriminant: ({show(b)})^2 - 4·({show(a)})·({show(c)}) = {show(b * b - 4 * a * c)}",
            f"{unknown} = (-({show(b)}) ± sqrt({show(b * b - 4 * a * c)}))/(2·({show(a)}))",
        ]
    return [f"Factor: {show(sp.factor(polynomial.as_expr()))} = 0", "Each factor may be zero."]


def _holds(equation: Equation, unknown: str, root: Root) -> bool:
    """Tell whether a root of the cleared equation solves the original one; raise `Refusal` if unsure."""
    if not root.is_real:
        return True
    if root.value.is_Rational:
        return _holds_exactly(equation, unknown, root)
    value = str(sp.N(root.value, 40))
    left, right = sample(equation.left, unknown, value), sample(equation.right, unknown, value)
    if left is None or right is None or not agree(left, right):
        raise Refusal("a solution that was found did not pass the check")
    return True


def _holds_exactly(equation: Equation, unknown: str, root: Root) -> bool:
    fraction = to_fraction(root.value)
    value = Number(f"{fraction.numerator}/{fraction.denominator}")
    try:
        sides = [
            rational_value(substitute(side, unknown, value), []) for side in (equation.left, equation.right)
        ]
    except Refusal:
        return False
    if None in sides:
        left, right = (sample(substitute(side, unknown, value)) for side in (equation.left, equation.right))
        return left is not None and right is not None and agree(left, right)
    if sides[0] != sides[1]:
        raise Refusal("a solution that was found did not pass the check")
    return True


def _name(root: Root, unknown: str) -> str:
    return f"{unknown} {'=' if root.is_exact else '≈'} {root.exact_text()}"


def _roots_solution(roots: list[Root], unknown: str, steps: list[str]) -> Solution:
    real, other = [root for root in roots if root.is_real], [root for root in roots if not root.is_real]
    exact = " or ".join(_name(root, unknown) for root in real) or (
        "no real solution" if other else _NO_SOLUTION
    )
    steps += [
        f"{_name(root, unknown)} counts {root.multiplicity} times" for root in roots if root.multiplicity > 1
    ]
    approximate = None
    if not all(root.value.is_Integer for root in real):
        approximate = " or ".join(assigned_decimal(unknown, root.value) for root in real)
    complex_part = " or ".join(_name(root, unknown) for root in other)
    exact = f"{exact}; complex: {complex_part}" if other else exact
    shows_both = approximate is not None and all(root.is_exact for root in real)
    answer = f"{exact} ({approximate})" if shows_both else exact
    return Solution(answer, shortened(steps), exact, approximate)


def _solve_for_letter(equation: Equation, unknown: str) -> Solution:
    """Solve an equation with several letters, if the unknown stands in it alone and with a fixed factor."""
    symbol = sp.Symbol(unknown)
    names = variables(equation.left, equation.right)
    symbols = {name: sp.Symbol(name) for name in names}
    difference = to_symbolic(equation.left, symbols) - to_symbolic(equation.right, symbols)
    slope = sp.simplify(sp.diff(difference, symbol))
    if slope.free_symbols or slope.is_zero:
        raise Refusal(
            f"with several letters it only solves for one that has a fixed factor, which {unknown} has not"
        )
    value = sp.simplify(-difference.subs(symbol, 0) / slope)
    steps = [
        write_equation(equation),
        f"{unknown} has the factor {show(slope)} once everything is on one side.",
    ]
    return text_solution(f"{unknown} = {show(value)}", steps)
