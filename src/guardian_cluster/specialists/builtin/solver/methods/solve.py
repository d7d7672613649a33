"""Which method solves which problem, and what becomes of a problem that no method can solve."""

from collections.abc import Callable
from typing import Any, Final

from guardian_cluster.specialists.builtin.solver import problem as kinds
from guardian_cluster.specialists.builtin.solver.methods import (
    algebra,
    arithmetic,
    conversion,
    derivatives,
    integrals,
    limits,
    number_theory,
    percentages,
    sums,
    taylor,
)
from guardian_cluster.specialists.builtin.solver.problem import Problem
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.solution import CannotSolve, Solution

METHODS: Final[dict[type, Callable[[Any], Solution]]] = {
    kinds.Evaluate: arithmetic.evaluate,
    kinds.Average: arithmetic.average,
    kinds.ChangeByPercent: percentages.change_by_percent,
    kinds.WhatPercent: percentages.what_percent,
    kinds.PercentChange: percentages.percent_change,
    kinds.WholeOfPercent: percentages.whole_of_percent,
    kinds.Solve: algebra.solve_equations,
    kinds.Rewrite: algebra.rewrite,
    kinds.Differentiate: derivatives.differentiate,
    kinds.Integrate: integrals.integrate,
    kinds.TakeLimit: limits.take_limit,
    kinds.AddUp: sums.add_up,
    kinds.ExpandSeries: taylor.expand_series,
    kinds.IsPrime: number_theory.prime,
    kinds.Factorise: number_theory.factorise,
    kinds.CommonDivisor: number_theory.common_divisor,
    kinds.CommonMultiple: number_theory.common_multiple,
    kinds.Remainder: number_theory.remainder,
    kinds.IsDivisible: number_theory.divisible,
    kinds.ModularInverse: number_theory.modular_inverse,
    kinds.NthPrime: number_theory.nth_prime,
    kinds.NeighbouringPrime: number_theory.neighbouring_prime,
    kinds.CountPrimes: number_theory.count_primes,
    kinds.Divisors: number_theory.divisors,
    kinds.Choose: number_theory.choose,
    kinds.Convert: conversion.convert,
}


def solve(problem: Problem) -> Solution | CannotSolve:
    """Return the solution of a problem, or why there is none.

    Only `MemoryError` passes through: after it the process is not to be trusted with another problem.
    """
    try:
        return METHODS[type(problem)](problem)
    except Refusal as refusal:
        return CannotSolve(refusal.reason)
    except MemoryError:
        raise
    except SystemError as error:
        # What Python itself says where it handles the lack of memory badly (3.11.2 does at times).
        raise MemoryError from error
    except Exception as error:
        # SymPy raises whatever happens to go wrong inside; none of it concerns the next problem.
        return CannotSolve(f"the method failed ({type(error).__name__})")
