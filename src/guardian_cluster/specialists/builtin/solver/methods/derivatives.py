"""What the derivative of an expression is, and how it came about."""

from guardian_cluster.specialists.builtin.solver.methods.arithmetic import simplified_number
from guardian_cluster.specialists.builtin.solver.methods.functions_agree import check_derivative
from guardian_cluster.specialists.builtin.solver.methods.notation import show
from guardian_cluster.specialists.builtin.solver.methods.results import symbolic_solution, text_solution
from guardian_cluster.specialists.builtin.solver.methods.symbolic import real_symbol, to_symbolic
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.methods.wording import write
from guardian_cluster.specialists.builtin.solver.problem import Differentiate
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution

_TOLERATED_LENGTH = 1.25
"""How much longer 2x·sin(x) + x^2·cos(x) may be than x·(2·sin(x) + x·cos(x)) and is still preferred."""

_ORDINALS = {1: "", 2: "second ", 3: "third "}


def differentiate(problem: Differentiate) -> Solution:
    """Differentiate, check the slope numerically, and insert the point if there is one."""
    name = problem.variable
    symbol, function = real_symbol(name), to_symbolic(problem.expression)
    first = _derivative(function, symbol)
    check_derivative(problem.expression, name, first)
    steps = [f"f({name}) = {write(problem.expression)}", *_rule_steps(function, symbol)]
    derivative = first
    for order in range(2, problem.order + 1):
        steps.append(f"{_ORDINALS[order - 1]}derivative: {show(derivative)}")
        derivative = _derivative(derivative, symbol)
    if problem.at is None:
        return text_solution(show(derivative), steps)
    point = to_symbolic(problem.at)
    steps += [f"{_ORDINALS[problem.order]}derivative: {show(derivative)}", f"At {name} = {show(point)}:"]
    return symbolic_solution(simplified_number(derivative.subs(symbol, point)), steps)


def _derivative(function: Symbolic, symbol: Symbolic) -> Symbolic:
    """Return the derivative in its shortest form; raise `Refusal` if SymPy leaves any of it undone."""
    derivative = sp.diff(function, symbol)
    if derivative.has(sp.Derivative, sp.Subs, sp.DiracDelta):
        raise Refusal("the expression has no derivative that can be written down")
    if derivative.is_polynomial(symbol):
        return sp.expand(derivative)
    return familiar(derivative, sp.simplify(derivative))


def familiar(form: Symbolic, simplified: Symbolic) -> Symbolic:
    """Return the form the rules gave, unless the simplified one is much shorter."""
    return form if len(str(form)) <= _TOLERATED_LENGTH * len(str(simplified)) else simplified


def _rule_steps(function: Symbolic, symbol: Symbolic) -> list[str]:
    """Name the rule that applies at the top, with its parts."""
    if function.is_Add:
        terms = sp.Add.make_args(function)
        return [f"d/d{symbol} of {show(term)} is {show(_derivative(term, symbol))}" for term in terms]
    if function.is_Mul:
        factors = [factor for factor in sp.Mul.make_args(function) if factor.has(symbol)]
        if len(factors) > 1:
            parts = [
                f"d/d{symbol} of {show(factor)} is {show(_derivative(factor, symbol))}" for factor in factors
            ]
            return ["Product rule: (u·v)' = u'·v + u·v'", *parts]
    inner = [part for part in function.args if part.has(symbol)]
    if len(inner) == 1 and not inner[0].is_Symbol:
        slope = show(_derivative(inner[0], symbol))
        return [f"Chain rule with inner part {show(inner[0])}, whose derivative is {slope}"]
    return []
