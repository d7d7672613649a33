"""Which problems the solver has methods for: one frozen type for each, between understanding and solving."""

from typing import Literal

import msgspec

from guardian_cluster.specialists.builtin.solver.tree import Equation, Expression


class _Kind(msgspec.Struct, frozen=True, tag=True):
    """A question with everything its method needs."""


class Evaluate(_Kind, frozen=True):
    """The value of an expression."""

    expression: Expression


class ChangeByPercent(_Kind, frozen=True):
    """The base after it grew (or, with a negative sign, shrank) by a percentage."""

    base: Expression
    percent: Expression
    sign: Literal[1, -1]


class WhatPercent(_Kind, frozen=True):
    """How many per cent of the whole the part is."""

    part: Expression
    whole: Expression


class PercentChange(_Kind, frozen=True):
    """By how many per cent the second differs from the first."""

    before: Expression
    after: Expression


class WholeOfPercent(_Kind, frozen=True):
    """The whole of which the part is this percentage."""

    part: Expression
    percent: Expression


class Solve(_Kind, frozen=True):
    """The values of the unknowns for which all equations hold."""

    equations: tuple[Equation, ...]
    unknowns: tuple[str, ...]


class Rewrite(_Kind, frozen=True):
    """The expression expanded, factored or simplified."""

    expression: Expression
    form: Literal["expand", "factor", "simplify"]


class Differentiate(_Kind, frozen=True):
    """The derivative, as a function or at a point."""

    expression: Expression
    variable: str
    order: int = 1
    at: Expression | None = None


class Integrate(_Kind, frozen=True):
    """The antiderivative, or the integral between two bounds."""

    expression: Expression
    variable: str
    lower: Expression | None = None
    upper: Expression | None = None


class TakeLimit(_Kind, frozen=True):
    """Where the expression tends as the variable approaches the point."""

    expression: Expression
    variable: str
    point: Expression
    side: Literal["both", "left", "right"] = "both"


class AddUp(_Kind, frozen=True):
    """The sum (or product) of the terms from one index to another."""

    term: Expression
    index: str
    first: Expression
    last: Expression
    operation: Literal["sum", "product"] = "sum"


class ExpandSeries(_Kind, frozen=True):
    """The Taylor polynomial around a point."""

    expression: Expression
    variable: str
    point: Expression
    degree: int = 5


class IsPrime(_Kind, frozen=True):
    """Whether the number is prime."""

    number: Expression


class Factorise(_Kind, frozen=True):
    """The primes the number is made of."""

    number: Expression


class CommonDivisor(_Kind, frozen=True):
    """The greatest number that divides all of them."""

    numbers: tuple[Expression, ...]


class CommonMultiple(_Kind, frozen=True):
    """The least number that all of them divide."""

    numbers: tuple[Expression, ...]


class Remainder(_Kind, frozen=True):
    """What remains of the first after division by the second."""

    dividend: Expression
    modulus: Expression


class IsDivisible(_Kind, frozen=True):
    """Whether the second divides the first."""

    dividend: Expression
    divisor: Expression


class ModularInverse(_Kind, frozen=True):
    """The number that times this one leaves the remainder one."""

    number: Expression
    modulus: Expression


class NthPrime(_Kind, frozen=True):
    """The n-th prime, two being the first."""

    position: Expression


class NeighbouringPrime(_Kind, frozen=True):
    """The next larger or smaller prime."""

    number: Expression
    direction: Literal[1, -1]


class CountPrimes(_Kind, frozen=True):
    """How many primes there are up to a limit."""

    limit: Expression
    inclusive: bool


class Divisors(_Kind, frozen=True):
    """The numbers that divide this one, or how many there are."""

    number: Expression
    count_only: bool = False


class Choose(_Kind, frozen=True):
    """In how many ways some can be chosen from so many."""

    total: Expression
    chosen: Expression


class Average(_Kind, frozen=True):
    """The arithmetic mean."""

    numbers: tuple[Expression, ...]


class Amount(msgspec.Struct, frozen=True):
    """A number of units; `unit` is a name from units.py."""

    number: Expression
    unit: str


class Convert(_Kind, frozen=True):
    """The amount in another unit; several amounts, as in 5 ft 10 in, are added."""

    amounts: tuple[Amount, ...]
    target: str


Problem = (
    Evaluate
    | ChangeByPercent
    | WhatPercent
    | PercentChange
    | WholeOfPercent
    | Solve
    | Rewrite
    | Differentiate
    | Integrate
    | TakeLimit
    | AddUp
    | ExpandSeries
    | IsPrime
    | Factorise
    | CommonDivisor
    | CommonMultiple
    | Remainder
    | IsDivisible
    | ModularInverse
    | NthPrime
    | NeighbouringPrime
    | CountPrimes
    | Divisors
    | Choose
    | Average
    | Convert
)
