"""Which forms of question the solver knows, in English, and the problem each of them states.

Leading and trailing courtesies are already gone (question.py). The first form that covers all of the rest wins.
"""

from collections.abc import Callable, Iterator
from typing import Final

from guardian_cluster.specialists.builtin.solver import readings as read
from guardian_cluster.specialists.builtin.solver.patterns import Found, Pattern, compile_pattern, words_of
from guardian_cluster.specialists.builtin.solver.problem import Problem

_Build = Callable[[Found], Problem]

_PERCENTAGES: tuple[tuple[_Build, tuple[str, ...]], ...] = (
    (
        read.increase,
        (
            "increase {base} by {percent}",
            "{base} increased|raised by {percent}",
            "{percent} more|greater than {base}",
        ),
    ),
    (
        read.decrease,
        (
            "decrease|reduce|lower {base} by {percent}",
            "{base} decreased|reduced|lowered by {percent}",
            "{percent} less than {base}",
            "{percent} off of? {base}",
        ),
    ),
    (
        read.what_percent,
        (
            "what percent|percentage of {whole} is {part}",
            "{part} is what percent|percentage of {whole}",
            "what percent|percentage is {part} of {whole}",
            "what percent|percentage is {part} out of {whole}",
            "{part} as a? percent|percentage of {whole}",
            "{part} out of {whole} as a? percent|percentage",
        ),
    ),
    (
        read.percent_change,
        ("percent|percentage change|increase|decrease from {before} to {after}",),
    ),
    (
        read.whole_of_percent,
        ("{part} is {percent} of what number?", "{percent} of what number? is {part}"),
    ),
)

_ALGEBRA: tuple[tuple[_Build, tuple[str, ...]], ...] = (
    (
        read.substituted,
        (
            "{f} at|when|if|where|for {v:variable} = {value}",
            "if {v:variable} = {value} ,? then? what is {f}",
        ),
    ),
    (
        read.equations,
        (
            "{equations:equations}",
            "solve the? following? equation|equations|system? of? equations? :? {equations:equations}",
            "solve :? {equations:equations} [,? for {unknowns:letters}]",
            "solve for {unknowns:letters} :|if|in|when|given? {equations:equations}",
            "{unknowns:letters} if|when|given|where {equations:equations}",
            "{unknowns:letters} such that {equations:equations}",
            "if {equations:equations} ,? then? what is|are {unknowns:letters}",
            "if {equations:equations} ,? find {unknowns:letters}",
            "{equations:equations} ,|;? solve for {unknowns:letters}",
            "{equations:equations} ,|;? find {unknowns:letters}",
        ),
    ),
    (read.zeros, ("solutions|roots|zeros|zeroes of {f}",)),
    (read.expand, ("expand {f}", "expand and simplify {f}", "multiply out {f}")),
    (read.factor, ("factor|factorise|factorize {f}", "factor|factorise|factorize {f} into primes")),
    (read.simplify, ("simplify {f}",)),
)

_AT = "[at {point:variable} = {at}]"
_WITH_RESPECT = "[with respect to {v:variable}]"
_BOUNDS = "from [{v2:variable} =] {a} to [{v3:variable} =] {b}"

_CALCULUS: tuple[tuple[_Build, tuple[str, ...]], ...] = (
    (
        read.derivative,
        (
            f"first? derivative of {{f}} {_WITH_RESPECT} {_AT}",
            f"differentiate {{f}} {_WITH_RESPECT} {_AT}",
            f"derivative with respect to {{v:variable}} of {{f}} {_AT}",
        ),
    ),
    (read.second_derivative, (f"second derivative of {{f}} {_WITH_RESPECT} {_AT}",)),
    (read.third_derivative, (f"third derivative of {{f}} {_WITH_RESPECT} {_AT}",)),
    (read.leibniz, (f"d/d {{v:variable}} of? {{f}} {_AT}",)),
    (
        read.integral,
        (
            f"indefinite? integral|antiderivative of {{f}} [d {{v:variable}}] {_WITH_RESPECT.replace('v:', 'v4:')}",
            f"definite? integral of {{f}} [d {{v:variable}}] {_BOUNDS}",
            f"definite? integral {_BOUNDS} of {{f}} [d {{v:variable}}]",
            f"integrate|∫ {{f}} [d {{v:variable}}] {_WITH_RESPECT.replace('v:', 'v4:')} [{_BOUNDS}]",
            f"∫ {_BOUNDS} of {{f}} [d {{v:variable}}]",
            f"integrate {{f}} {_BOUNDS} {_WITH_RESPECT}",
            "integrate {f} [d {v:variable}] between {a} and {b}",
        ),
    ),
    (
        read.limit,
        (
            "limit of {f} as {v:variable} approaches|-> {point}",
            "limit of {f} as {v:variable} goes|tends to {point}",
            "lim|limit of? {f} ,? [as] {v:variable} -> {point}",
        ),
    ),
    (read.limit_first, ("lim|limit [as] {v:variable} approaches|-> {point:point} of? {f}",)),
    (
        read.limit_from_left,
        (
            "limit of {f} as {v:variable} approaches|-> {point} from the? left",
            "limit of {f} as {v:variable} approaches|-> {point} from below",
        ),
    ),
    (
        read.limit_from_right,
        (
            "limit of {f} as {v:variable} approaches|-> {point} from the? right",
            "limit of {f} as {v:variable} approaches|-> {point} from above",
        ),
    ),
    (
        read.series,
        (
            "taylor|maclaurin series|expansion|polynomial of|for {f} "
            "[around|about|at|near [{v:variable} =] {point}] [up? to|of order|degree {degree:number}]",
        ),
    ),
)

_INDEX = (
    "for {k:variable} from {a} to {b}",
    "from {k:variable} = {a} to {b}",
    "for {k:variable} = {a} to {b}",
    ", {k:variable} = {a} to {b}",
)

_SUMS: tuple[tuple[_Build, tuple[str, ...]], ...] = (
    (
        read.indexed_sum,
        (*(f"sum of? {{t}} {index}" for index in _INDEX), f"sum {_INDEX[1]} of {{t}}"),
    ),
    (read.indexed_product, tuple(f"product of? {{t}} {index}" for index in _INDEX)),
    (read.sum_of_integers, ("sum of all? the? integers|numbers from {a} to {b}",)),
    (
        read.sum_of_first,
        ("sum of the? first {n} natural numbers", "sum of the? first {n} positive integers"),
    ),
    (read.sum_of_list, ("sum|total of {items:list}", "add {items:list}", "add up {items:list}")),
    (read.product_of_list, ("product of {items:list}", "multiply {items:list}")),
    (read.product_of_two, ("multiply {a} by {b}",)),
    (read.quotient, ("divide {a} by {b}",)),
    (read.difference, ("subtract {b} from {a}",)),
    (read.distance, ("difference between {a} and {b}",)),
    (read.average, ("average|mean of {items:list}",)),
)

_NUMBER_THEORY: tuple[tuple[_Build, tuple[str, ...]], ...] = (
    (read.is_prime, ("is {n} a? prime number?", "if|whether {n} is a? prime number?")),
    (
        read.factorise,
        (
            "prime factorization|factorisation|factors|decomposition of {n}",
            "factor|factorise|factorize {n} into prime factors",
        ),
    ),
    (
        read.common_divisor,
        (
            "gcd|hcf|gcf of {items:list}",
            "greatest|highest common divisor|factor of {items:list}",
        ),
    ),
    (read.common_multiple, ("lcm of {items:list}", "least|lowest|smallest common multiple of {items:list}")),
    (read.remainder, ("{a} mod|modulo {m}", "remainder when dividing {a} by {m}", "remainder when you divide {a} by {m}")),
    (read.remainder_of_quotient, ("remainder of|when|if {q}", "remainder when|if {a} is {q}")),
    (
        read.modular_inverse,
        ("modular? multiplicative? inverse of {a} mod|modulo {m}",),
    ),
    (read.is_divisible, ("is {a} divisible by {m}", "is {a} a? multiple of {m}")),
    (read.is_even, ("is {a} an? even number?", "is {a} even or odd", "is {a} odd or even")),
    (read.nth_prime, ("{n:number} th prime number?",)),
    (
        read.next_prime,
        (
            "next|first prime number? after {n}",
            "smallest prime number? greater|larger|bigger than {n}",
        ),
    ),
    (
        read.previous_prime,
        (
            "previous|last prime number? before {n}",
            "largest|greatest|biggest prime number? less|smaller than {n}",
        ),
    ),
    (
        read.primes_below,
        (
            "how many primes are? there? below|under {n}",
            "how many primes are? there? less|smaller than {n}",
            "how many prime numbers are? there? below|under {n}",
            "how many prime numbers are? there? less|smaller than {n}",
            "number of primes below|under {n}",
        ),
    ),
    (
        read.primes_up_to,
        ("how many primes are? there? up to {n}", "how many prime numbers are? there? up to {n}"),
    ),
    (read.divisors, ("divisors|factors of {n}",)),
    (
        read.divisor_count,
        ("how many divisors|factors does {n} have", "number of divisors|factors of {n}"),
    ),
    (read.choose, ("{a} choose {b}",)),
)

_EVERY = (*_PERCENTAGES, *_ALGEBRA, *_CALCULUS, *_SUMS, *_NUMBER_THEORY)


def _patterns() -> Iterator[Pattern]:
    for build, templates in _EVERY:
        for template in templates:
            yield compile_pattern(template, build)


PATTERNS: Final = tuple(_patterns())

WORDS: Final = frozenset(words_of([template for _, templates in _EVERY for template in templates]))
"""Every word a form mentions; any other word makes a text something else than a question for the solver."""
