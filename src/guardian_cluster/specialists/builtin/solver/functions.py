"""Which functions an expression may call, by which names, and with how many arguments."""

from typing import Final

import msgspec


class Function(msgspec.Struct, frozen=True):
    """A function of the solver: its one canonical name and the numbers of arguments it takes."""

    name: str
    fewest: int = 1
    most: int = 1


MAX_ARGUMENTS = 20

TRIGONOMETRIC: Final = frozenset({"sin", "cos", "tan", "sec", "csc", "cot"})
"""They take an angle, so a bare number as argument leaves open whether degrees or radians are meant."""

INVERSE_TRIGONOMETRIC: Final = frozenset({"asin", "acos", "atan"})
"""They give an angle, in radians."""

ANGLES: Final = frozenset({"degrees", "radians"})
"""The units an angle can be written in; `degrees` multiplies by π/180, `radians` changes nothing."""

_HYPERBOLIC = ("sinh", "cosh", "tanh")

_SIMPLE = ("sqrt", "cbrt", "exp", "ln", "abs", "floor", "ceil", "factorial")

_ALIASES = {
    "ceiling": "ceil",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "hcf": "gcd",
    "cosec": "csc",
}

_LISTS = ("gcd", "lcm", "min", "max")

FUNCTIONS: Final[dict[str, Function]] = {
    **{name: Function(name) for name in (*_SIMPLE, *_HYPERBOLIC, *TRIGONOMETRIC, *INVERSE_TRIGONOMETRIC)},
    **{name: Function(name, 2, MAX_ARGUMENTS) for name in _LISTS},
    **{
        alias: Function(name, *((2, MAX_ARGUMENTS) if name == "gcd" else ()))
        for alias, name in _ALIASES.items()
    },
}
"""By the name written; every use needs parentheses, save for those in `BARE`."""

BARE: Final = frozenset({"sqrt", "cbrt", "ln", "sin", "cos", "tan"})
"""Functions that may be written without parentheses before one number or letter, as in "sin x"."""

ROOTS: Final = frozenset({"sqrt", "cbrt"})
"""Bare functions whose reach is unclear as soon as anything follows: does "sqrt 16 + 9" mean 13 or 5?"""

PHRASES: Final[dict[str, str]] = {
    "square root of": "sqrt",
    "cube root of": "cbrt",
    "absolute value of": "abs",
    "natural log of": "ln",
    "natural logarithm of": "ln",
    "factorial of": "factorial",
    "sine of": "sin",
    "cosine of": "cos",
    "tangent of": "tan",
}
"""Functions in words; what follows must be one number or letter, or stand in parentheses."""
