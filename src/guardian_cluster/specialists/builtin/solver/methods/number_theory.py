"""What can be said about whole numbers: primes, factors, common divisors, remainders."""

import math
from fractions import Fraction
from functools import reduce

from guardian_cluster.specialists.builtin.solver.methods.primes import factors_of, is_prime
from guardian_cluster.specialists.builtin.solver.methods.rational import whole_number
from guardian_cluster.specialists.builtin.solver.methods.results import rational_solution, text_solution
from guardian_cluster.specialists.builtin.solver.methods.sympy_access import sp
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
    Remainder,
)
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import Solution
from guardian_cluster.specialists.builtin.solver.tree import Operation

MAX_PRIME_POSITION = 200_000
"""Of the n-th prime: about the 2.75 millionth number, found within a second."""

MAX_PRIME_COUNT_LIMIT = 10_000_000

MAX_LISTED_DIVISORS = 200

MAX_CHOICE = 5000
"""Of the total in "n choose k", so that the result has a readable length."""


def prime(problem: IsPrime) -> Solution:
    """Answer whether a number is prime, with its factors if it is not."""
    number = whole_number(problem.number)
    if number < 2:
        return text_solution(f"No, {number} is not a prime number", ["Prime numbers start with 2."])
    if is_prime(number):
        return text_solution(
            f"Yes, {number} is a prime number", [f"{number} has no divisors except 1 and {number}."]
        )
    smallest = _small_factor(number)
    step = (
        f"{number} = {smallest} × {number // smallest}"
        if smallest
        else "A primality test finds it composite."
    )
    return text_solution(f"No, {number} is not a prime number", [step])


def _small_factor(number: int) -> int | None:
    """Return the smallest divisor that is found quickly."""
    return next((divisor for divisor in range(2, 100_000) if number % divisor == 0), None)


def factorise(problem: Factorise) -> Solution:
    """Write a number as a product of primes."""
    number = whole_number(problem.number)
    if number < 2:
        raise Refusal("only whole numbers from 2 on are products of primes")
    factors = factors_of(number)
    steps: list[str] = []
    rest = number
    for factor in (factor for factor, exponent in sorted(factors.items()) for _ in range(exponent)):
        steps.append(f"{rest} ÷ {factor} = {rest // factor}")
        rest //= factor
    product = " × ".join(
        f"{factor}^{power}" if power > 1 else f"{factor}" for factor, power in sorted(factors.items())
    )
    is_one = len(factors) == 1 and number in factors
    return text_solution(f"{number} is prime" if is_one else f"{number} = {product}", steps)


def common_divisor(problem: CommonDivisor) -> Solution:
    """Find the greatest common divisor by Euclid's algorithm."""
    numbers = [whole_number(number) for number in problem.numbers]
    if not any(numbers):
        raise Refusal("every number divides zero, so there is no greatest common divisor")
    steps: list[str] = []
    divisor = reduce(lambda left, right: _euclid(left, right, steps), map(abs, numbers))
    return rational_solution(Fraction(divisor), steps)


def _euclid(left: int, right: int, steps: list[str]) -> int:
    while right:
        steps.append(f"{left} = {left // right} × {right} + {left % right}")
        left, right = right, left % right
    return left


def common_multiple(problem: CommonMultiple) -> Solution:
    """Find the least common multiple."""
    numbers = [abs(whole_number(number)) for number in problem.numbers]
    if not all(numbers):
        raise Refusal("zero has no positive multiples")
    steps: list[str] = []
    multiple = numbers[0]
    for number in numbers[1:]:
        divisor = math.gcd(multiple, number)
        common = multiple * number // divisor
        steps.append(f"lcm({multiple}, {number}) = {multiple} × {number} ÷ {divisor} = {common}")
        multiple = common
    return rational_solution(Fraction(multiple), steps)


def remainder(problem: Remainder) -> Solution:
    """Find the remainder that is not negative; of a power without computing the power."""
    modulus = _modulus(whole_number(problem.modulus, "the divisor"))
    node = problem.dividend
    if isinstance(node, Operation) and node.operator == "^":
        base, exponent = whole_number(node.left), whole_number(node.right, "the exponent")
        if exponent < 0 or not (base or exponent):
            raise Refusal("a remainder is only computed of powers with a positive exponent")
        result = pow(base, exponent, modulus)
        steps = [f"Square and multiply, keeping only remainders of the division by {modulus}."]
        return rational_solution(Fraction(result), steps)
    dividend = whole_number(node, "the dividend")
    result = dividend % modulus
    return rational_solution(Fraction(result), [f"{dividend} = {dividend // modulus} × {modulus} + {result}"])


def _modulus(value: int) -> int:
    if value < 1:
        raise Refusal("remainders are only computed for divisors from 1 on")
    return value


def divisible(problem: IsDivisible) -> Solution:
    """Answer whether one number divides another."""
    dividend, divisor = whole_number(problem.dividend), whole_number(problem.divisor)
    if not divisor:
        raise Refusal("nothing is divisible by zero")
    quotient, rest = divmod(dividend, divisor)
    steps = [f"{dividend} = {quotient} × {divisor} + {rest}"]
    if divisor == 2:
        return text_solution(f"{dividend} is {'odd' if rest else 'even'}", steps)
    answer = "No" if rest else "Yes"
    verb = "is not" if rest else "is"
    return text_solution(f"{answer}, {dividend} {verb} divisible by {divisor}", steps)


def modular_inverse(problem: ModularInverse) -> Solution:
    """Find the inverse between 1 and the modulus."""
    number, modulus = whole_number(problem.number), whole_number(problem.modulus, "the modulus")
    if modulus < 2:
        raise Refusal("the modulus must be at least 2")
    divisor = math.gcd(number, modulus)
    if divisor != 1:
        steps = [f"gcd({number}, {modulus}) = {divisor}, but an inverse needs 1"]
        return text_solution(f"{number} has no inverse modulo {modulus}", steps)
    inverse = pow(number, -1, modulus)
    return rational_solution(
        Fraction(inverse),
        [f"{number} × {inverse} = {number * inverse} = {number * inverse // modulus} × {modulus} + 1"],
    )


def nth_prime(problem: NthPrime) -> Solution:
    """Find the n-th prime."""
    position = whole_number(problem.position, "the position")
    if not 1 <= position <= MAX_PRIME_POSITION:
        raise Refusal(f"primes are only counted from the 1st to the {MAX_PRIME_POSITION}th")
    found = int(sp.prime(position))
    return rational_solution(
        Fraction(found), [f"Counting 2 as the first prime, {found} is number {position}."]
    )


def neighbouring_prime(problem: NeighbouringPrime) -> Solution:
    """Find the next prime in either direction."""
    number = whole_number(problem.number)
    if problem.direction < 0 and number <= 2:
        raise Refusal("there is no prime below 2")
    candidate = number + problem.direction if number >= 2 else 2
    while not is_prime(candidate):
        candidate += problem.direction
    return rational_solution(Fraction(candidate), [f"No number between {number} and {candidate} is prime."])


def count_primes(problem: CountPrimes) -> Solution:
    """Count the primes up to a limit."""
    limit = whole_number(problem.limit, "the limit")
    if limit > MAX_PRIME_COUNT_LIMIT:
        raise Refusal(f"primes are only counted up to {MAX_PRIME_COUNT_LIMIT}")
    last = limit if problem.inclusive else limit - 1
    return rational_solution(Fraction(int(sp.primepi(last))), [f"Counting the primes from 2 to {last}."])


def divisors(problem: Divisors) -> Solution:
    """List or count the positive divisors."""
    number = abs(whole_number(problem.number))
    if not number:
        raise Refusal("every number divides zero")
    factors = factors_of(number) if number > 1 else {}
    count = math.prod(exponent + 1 for exponent in factors.values())
    product = " × ".join(f"{factor}^{exponent}" for factor, exponent in sorted(factors.items())) or "1"
    steps = [f"{number} = {product}", f"Number of divisors: {count}"]
    if problem.count_only:
        return rational_solution(Fraction(count), steps)
    if count > MAX_LISTED_DIVISORS:
        raise Refusal(f"it has {count} divisors, which is too long a list")
    return text_solution(", ".join(str(divisor) for divisor in sp.divisors(number)), steps)


def choose(problem: Choose) -> Solution:
    """Compute a binomial coefficient."""
    total, chosen = whole_number(problem.total), whole_number(problem.chosen)
    if not 0 <= chosen <= total <= MAX_CHOICE:
        raise Refusal(f"only up to all of at most {MAX_CHOICE} things can be chosen")
    return rational_solution(
        Fraction(math.comb(total, chosen)),
        [f"{total}!/({chosen}!·{total - chosen}!) = {math.comb(total, chosen)}"],
    )
