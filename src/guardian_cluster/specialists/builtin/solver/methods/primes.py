"""Whether a number is prime, proven: beyond 2^64 the fast test is only probable.

Pocklington's criterion (Pocklington 1914; Crandall and Pomerance, Prime Numbers, theorem 4.1.3): n is prime
if the factored part F of n - 1 exceeds the square root of n and for each prime q in F there is a base a with
a^(n-1) = 1 modulo n and gcd(a^((n-1)/q) - 1, n) = 1.
"""

import math

from guardian_cluster.specialists.builtin.solver.methods.sympy_access import sp
from guardian_cluster.specialists.builtin.solver.refusal import Refusal

CERTAIN_BELOW = 2**64
"""SymPy's test is proven up to here."""

MAX_BITS = 4000
"""Of a number that is tested; a single test of a larger one takes seconds."""

_TRIAL_LIMIT = 100_000
"""Primes up to here are tried as factors of n - 1, then rho and p - 1; more would take seconds."""

_MAX_BASE = 200

_UNPROVEN = "the number is very probably prime, but that is not proven"


def is_prime(number: int) -> bool:
    """Tell whether a number is prime; raise `Refusal` where that cannot be proven."""
    if number.bit_length() > MAX_BITS:
        raise Refusal("the number is too large to test whether it is prime")
    if not sp.isprime(number):
        return False
    if number < CERTAIN_BELOW or _is_certified(number):
        return True
    raise Refusal(_UNPROVEN)


def factors_of(number: int) -> dict[int, int]:
    """Return the proven prime factors of a positive number with their exponents."""
    factors = {int(prime): int(exponent) for prime, exponent in sp.factorint(number).items()}
    if math.prod(prime**exponent for prime, exponent in factors.items()) != number:
        raise Refusal("the factors that were found did not pass the check")
    if not all(is_prime(prime) for prime in factors):
        raise Refusal(_UNPROVEN)
    return factors


def _is_certified(number: int) -> bool:
    """Tell whether Pocklington's criterion proves the number prime."""
    known = 1
    for prime, exponent in sp.factorint(number - 1, limit=_TRIAL_LIMIT, use_ecm=False).items():
        prime = int(prime)
        if not sp.isprime(prime) or (prime >= CERTAIN_BELOW and not _is_certified(prime)):
            continue
        if not _has_base(number, prime):
            return False
        known *= prime ** int(exponent)
    return known * known > number


def _has_base(number: int, prime: int) -> bool:
    for base in range(2, _MAX_BASE):
        if pow(base, number - 1, number) != 1:
            return False
        if math.gcd(pow(base, (number - 1) // prime, number) - 1, number) == 1:
            return True
    return False
