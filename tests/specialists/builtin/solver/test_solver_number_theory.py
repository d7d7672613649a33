"""Primes, divisors and remainders: compared with plain Python."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solver_cases import answered, refused

ANSWERS = {
    "is 97 prime?": "Yes, 97 is a prime number",
    "Is 91 a prime number?": "No, 91 is not a prime number",
    "is 1 prime": "No, 1 is not a prime number",
    "is 2 prime": "Yes, 2 is a prime number",
    "is 2^31 - 1 prime": "Yes, 2147483647 is a prime number",
    "is 2^127 - 1 prime": f"Yes, {2**127 - 1} is a prime number",
    "is 561 prime": "No, 561 is not a prime number",
    "factor 360": "360 = 2^3 × 3^2 × 5",
    "prime factorization of 97": "97 is prime",
    "prime factors of 2^64 + 1": "18446744073709551617 = 274177 × 67280421310721",
    "gcd of 1071 and 462": "21",
    "gcd(12, 18)": "6",
    "greatest common divisor of 12, 18 and 27": "3",
    "lcm of 4, 6 and 10": "60",
    "least common multiple of 21 and 6": "42",
    "17 mod 5": "2",
    "(-7) mod 3": "2",
    "2^100 mod 7": str(pow(2, 100, 7)),
    "7^1000000 mod 13": str(pow(7, 1_000_000, 13)),
    "3*4 mod 5": "2",
    "remainder when 17 is divided by 5": "2",
    "remainder of 100 divided by 7": "2",
    "What is the remainder when dividing 29 by 6?": "5",
    "10th prime": "29",
    "what is the 100th prime number?": "541",
    "100000th prime": "1299709",
    "next prime after 100": "101",
    "largest prime less than 100": "97",
    "how many primes are there below 1000?": "168",
    "how many primes up to 7": "4",
    "divisors of 36": "1, 2, 3, 4, 6, 9, 12, 18, 36",
    "how many divisors does 360 have": "24",
    "modular inverse of 3 mod 11": "4",
    "inverse of 3 mod 6": "3 has no inverse modulo 6",
    "is 51 divisible by 3": "Yes, 51 is divisible by 3",
    "is 52 a multiple of 3": "No, 52 is not divisible by 3",
    "is 17 even or odd?": "17 is odd",
}

REFUSED = (
    "is 2.5 prime",
    "factor 1",
    "gcd of 0 and 0",
    "lcm of 4 and 0",
    "17 mod 0",
    "17 mod -5",
    "3+4 mod 5",
    "-7 mod 3",
    "0th prime",
    "10000000th prime",
    "previous prime before 2",
    "divisors of 0",
    "how many primes below 10^30",
    "100 choose 101",
    "inverse of 3",
)


@pytest.mark.parametrize(("question", "expected"), ANSWERS.items())
def test_a_question_about_whole_numbers_is_answered(question: str, expected: str) -> None:
    assert answered(question).answer == expected


@pytest.mark.parametrize("question", REFUSED)
def test_a_question_without_an_answer_is_refused(question: str) -> None:
    assert refused(question)


@given(st.integers(2, 10**12))
def test_the_factors_multiply_to_the_number_and_are_prime(number: int) -> None:
    product = answered(f"prime factors of {number}").answer.partition(" = ")[2] or str(number)
    factors = [part.partition("^") for part in product.split(" × ")]

    assert math.prod(int(base) ** int(power or 1) for base, _, power in factors) == number
    assert all(int(base) % divisor for base, _, _ in factors for divisor in range(2, min(int(base), 1000)))


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_the_common_divisor_is_pythons(first: int, second: int) -> None:
    assert answered(f"gcd of {first} and {second}").exact == str(math.gcd(first, second))


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_the_remainder_of_a_power_is_pythons(base: int, exponent: int, modulus: int) -> None:
    if base or exponent:
        assert answered(f"{base}^{exponent} mod {modulus}").exact == str(pow(base, exponent, modulus))


def test_a_number_that_is_only_probably_prime_is_not_called_prime() -> None:
    # It seems prime, but the number before it has no factors within reach except 2.
    number = 2552977695332506388748801461497699578025255007679512920275734443132619063

    assert "not proven" in refused(f"is {number} prime")
