"""The forms of questions about whole numbers: primes, divisors, remainders."""

from typing import Final

from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.problem import (
    Choose,
    CommonDivisor,
    CommonMultiple,
    CountPrimes,
    Divisors,
    Factorise,
    IsDivisible,
    IsPrime,
    ModularInverse,
    NeighbouringPrime,
    NthPrime,
    Problem,
    Remainder,
)
from guardian_cluster.specialists.builtin.solver.reading.expression import parse
from guardian_cluster.specialists.builtin.solver.reading.parts import (
    is_enclosed,
    items,
    number,
    pair,
)
from guardian_cluster.specialists.builtin.solver.reading.patterns import Form, Found
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import (
    Expression,
    Negation,
    Number,
    Operation,
    variables,
)


def _is_prime(found: Found) -> Problem:
    return IsPrime(number(found.groups["n"]))


def _factorise(found: Found) -> Problem:
    return Factorise(number(found.groups["n"]))


def _common_divisor(found: Found) -> Problem:
    return CommonDivisor(items(found))


def _common_multiple(found: Found) -> Problem:
    return CommonMultiple(items(found))


def _remainder(found: Found) -> Problem:
    """Read "2^100 mod 7"; the power may be huge, since only remainders of it are computed."""
    pieces = found.groups["a"]
    dividend = parse(pieces)
    if variables(dividend):
        raise Refusal("a remainder is only computed of numbers")
    is_open = isinstance(dividend, Negation) or (
        isinstance(dividend, Operation) and dividend.operator in ("+", "-", "/", "of")
    )
    if is_open and not is_enclosed(pieces):
        raise Refusal("it is unclear how far 'mod' reaches; use parentheses")
    _check_power(dividend)
    return Remainder(dividend, number(found.groups["m"]))


def _check_power(node: Expression) -> None:
    if isinstance(node, Operation) and node.operator == "^":
        check_bounds(node.left, node.right)
    else:
        check_bounds(node)


def _remainder_of_quotient(found: Found) -> Problem:
    """Read "remainder of 17 divided by 5" and "remainder when 17 is divided by 5"."""
    if "a" in found.groups:
        if found.groups["q"][0].text != "/":
            raise Refusal("the remainder of what division is not clear")
        return Remainder(number(found.groups["a"]), number(found.groups["q"][1:]))
    quotient = number(found.groups["q"])
    if not (isinstance(quotient, Operation) and quotient.operator == "/"):
        raise Refusal("the remainder of what division is not clear")
    return Remainder(quotient.left, quotient.right)


def _modular_inverse(found: Found) -> Problem:
    return ModularInverse(*pair(found, "a", "m"))


def _is_divisible(found: Found) -> Problem:
    return IsDivisible(*pair(found, "a", "m"))


def _is_even(found: Found) -> Problem:
    return IsDivisible(number(found.groups["a"]), Number("2"))


def _nth_prime(found: Found) -> Problem:
    return NthPrime(number(found.groups["n"]))


def _next_prime(found: Found) -> Problem:
    return NeighbouringPrime(number(found.groups["n"]), 1)


def _previous_prime(found: Found) -> Problem:
    return NeighbouringPrime(number(found.groups["n"]), -1)


def _primes_below(found: Found) -> Problem:
    return CountPrimes(number(found.groups["n"]), inclusive=False)


def _primes_up_to(found: Found) -> Problem:
    return CountPrimes(number(found.groups["n"]), inclusive=True)


def _divisors(found: Found) -> Problem:
    return Divisors(number(found.groups["n"]))


def _divisor_count(found: Found) -> Problem:
    return Divisors(number(found.groups["n"]), count_only=True)


def _choose(found: Found) -> Problem:
    return Choose(*pair(found, "a", "b"))


FORMS: Final[tuple[Form, ...]] = (
    Form(_is_prime, "is {n} a? prime number?", "if|whether {n} is a? prime number?"),
    Form(
        _factorise,
        "prime factorization|factorisation|factors|decomposition of {n}",
        "factor|factorise|factorize {n} into primes",
        "factor|factorise|factorize {n} into prime factors",
    ),
    Form(
        _common_divisor,
        "gcd|hcf|gcf of {items:list}",
        "greatest|highest common divisor|factor of {items:list}",
    ),
    Form(_common_multiple, "lcm of {items:list}", "least|lowest|smallest common multiple of {items:list}"),
    Form(
        _remainder,
        "{a} mod|modulo {m}",
        "remainder when dividing {a} by {m}",
        "remainder when you divide {a} by {m}",
    ),
    Form(_remainder_of_quotient, "remainder of|when|if {q}", "remainder when|if {a} is {q}"),
    Form(_modular_inverse, "modular? multiplicative? inverse of {a} mod|modulo {m}"),
    Form(_is_divisible, "is {a} divisible by {m}", "is {a} a? multiple of {m}"),
    Form(_is_even, "is {a} an? even number?", "is {a} even or odd", "is {a} odd or even"),
    Form(_nth_prime, "{n:number} th prime number?"),
    Form(
        _next_prime,
        "next|first prime number? after {n}",
        "smallest prime number? greater|larger|bigger than {n}",
    ),
    Form(
        _previous_prime,
        "previous|last prime number? before {n}",
        "largest|greatest|biggest prime number? less|smaller than {n}",
    ),
    Form(
        _primes_below,
        "how many primes are? there? below|under {n}",
        "how many primes are? there? less|smaller than {n}",
        "how many prime numbers are? there? below|under {n}",
        "how many prime numbers are? there? less|smaller than {n}",
        "number of primes below|under {n}",
    ),
    Form(
        _primes_up_to,
        "how many primes are? there? up to {n}",
        "how many prime numbers are? there? up to {n}",
    ),
    Form(_divisors, "all? the? positive? divisors|factors of {n}"),
    Form(
        _divisor_count,
        "how many positive? divisors|factors does {n} have",
        "number of positive? divisors|factors of {n}",
    ),
    Form(_choose, "{a} choose {b}"),
)
