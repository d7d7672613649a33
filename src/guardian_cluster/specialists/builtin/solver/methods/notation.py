"""How a SymPy result is written: `2x^2`, `ln(x)`, `e^(2x)`; never with asterisks, which Markdown swallows."""

import re
from typing import Any, Final

from guardian_cluster.specialists.builtin.solver.methods.sympy_access import Symbolic, sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal

MAX_ANSWER_CHARACTERS = 8000
"""Longer results (an expanded (x + y)^300) are not read by anybody."""

_WRITTEN: Final = {"log": "ln", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil"}

_PLAIN: Final = frozenset(
    {
        *("sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
        *("floor", "sign", "binomial", "Min", "Max", "erf", "zeta"),
    }
)
"""Functions that keep their name; results with any other one are refused as being of no use in a chat."""

_OWN_SIGNS: Final = frozenset({"exp", "Abs", "factorial"})
"""Functions that are written with a sign instead of a name."""

_COEFFICIENT = re.compile(r"(?<![\^\w.)/])([0-9]+)\*(?=[A-Za-zπ](?![A-Za-z(])|\()")
"""A factor that may stand before a letter or parentheses without a sign."""


class _Printer(sp.StrPrinter):
    """SymPy's own one-line form, with the names people use."""

    def _print_exp(self, expr: Any) -> str:
        return f"e^{self._exponent(expr.args[0])}"

    def _exponent(self, exponent: Any) -> str:
        text: str = self._print(exponent)
        return text if exponent.is_Symbol or (exponent.is_Integer and exponent >= 0) else f"({text})"

    def _print_Exp1(self, expr: Any) -> str:
        return "e"

    def _print_Pi(self, expr: Any) -> str:
        return "π"

    def _print_ImaginaryUnit(self, expr: Any) -> str:
        return "i"

    def _print_Infinity(self, expr: Any) -> str:
        return "infinity"

    def _print_NegativeInfinity(self, expr: Any) -> str:
        return "-infinity"

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"

    def _print_factorial(self, expr: Any) -> str:
        text: str = self._print(expr.args[0])
        return f"{text}!" if expr.args[0].is_Atom else f"({text})!"

    def _print_Function(self, expr: Any) -> str:
        name: str = expr.func.__name__
        arguments = ", ".join(self._print(argument) for argument in expr.args)
        return f"{_WRITTEN.get(name, name)}({arguments})"

    def _print_Piecewise(self, expr: Any) -> str:
        raise Refusal("the result depends on cases")


def show(value: Symbolic) -> str:
    """Return a SymPy expression as one line of text; raise `Refusal` if nobody could read it."""
    for call in value.atoms(sp.Function):
        name = call.func.__name__
        if name not in _PLAIN and name not in _WRITTEN and name not in _OWN_SIGNS:
            raise Refusal(f"the result needs the special function {name}")
    text: str = _Printer({"order": None}).doprint(value)
    text = _COEFFICIENT.sub(r"\1", text.replace("**", "^")).replace("*", "·")
    if len(text) > MAX_ANSWER_CHARACTERS:
        raise Refusal(f"the result is longer than {MAX_ANSWER_CHARACTERS} characters")
    return text
