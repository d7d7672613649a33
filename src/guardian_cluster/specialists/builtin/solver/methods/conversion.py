"""How much an amount is in another unit, exactly."""

from fractions import Fraction

from guardian_cluster.specialists.builtin.solver.methods.arithmetic import exact_fraction
from guardian_cluster.specialists.builtin.solver.methods.figures import exact_text, readable_text
from guardian_cluster.specialists.builtin.solver.methods.results import rational_solution, symbolic_solution
from guardian_cluster.specialists.builtin.solver.methods.symbolic import from_rational
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import sp
from guardian_cluster.specialists.builtin.solver.problem import Convert
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.unit_table import Unit
from guardian_cluster.specialists.builtin.solver.units import look_up, show


def convert(problem: Convert) -> Solution:
    """Convert one or several amounts into one unit."""
    target = _unit(problem.target)
    values = [(exact_fraction(amount.number, "the amount"), amount.unit) for amount in problem.amounts]
    if target.dimension == "temperature":
        return _temperature(values[0][0], values[0][1], problem.target)
    steps: list[str] = []
    total = Fraction(0)
    powers = {_unit(phrase).pi for _, phrase in values}
    if len(powers) > 1:
        raise Refusal("an angle is given partly in radians and partly in degrees")
    pi = powers.pop() - target.pi
    for value, phrase in values:
        unit = _unit(phrase)
        factor = unit.factor / target.factor
        turned = {0: "", 1: "·π", -1: "/π"}[pi]
        steps.append(_equal(f"1 {unit.symbol}", factor, f"{turned} {target.symbol}"))
        steps.append(_equal(f"{exact_text(value)} × {exact_text(factor)}{turned}", value * factor, turned))
        total += value * factor
    if pi:
        return symbolic_solution(from_rational(total) * sp.pi**pi, steps, show(problem.target))
    return rational_solution(total, steps, show(problem.target))


def _equal(left: str, value: Fraction, unit: str) -> str:
    """Return an equation, or an approximate one where the exact value is too long to read."""
    right = readable_text(value)
    return f"{left} {right}{unit}" if right.startswith("≈") else f"{left} = {right}{unit}"


def _unit(phrase: str) -> Unit:
    unit = look_up(phrase)
    if unit is None:
        raise Refusal(f"the unit '{phrase}' is not known")
    return unit


def _temperature(value: Fraction, source_phrase: str, target_phrase: str) -> Solution:
    """Convert a temperature through kelvin; nothing is colder than zero of them."""
    source, target = _unit(source_phrase), _unit(target_phrase)
    kelvin = value * source.factor + source.offset
    if kelvin < 0:
        raise Refusal("there is no temperature below absolute zero")
    result = (kelvin - target.offset) / target.factor
    steps = [
        _equal(f"{exact_text(value)} {source.symbol}", kelvin, " K"),
        _equal(f"{exact_text(kelvin)} K", result, f" {target.symbol}"),
    ]
    return rational_solution(result, steps, target.symbol)
