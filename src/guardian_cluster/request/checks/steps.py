"""Follows how a calculation is built: each step once, and which earlier steps it uses."""

from collections.abc import Sequence
from typing import NamedTuple

from guardian_cluster.request.checks.equations import Equation
from guardian_cluster.request.checks.quantities import same


class Step(NamedTuple):
    """One equation that computes something."""

    equation: Equation
    operands: tuple[float, ...]
    """The numbers it is computed from, as `same` has them."""
    result: float
    uses: tuple[int, ...]
    """Which earlier steps come to one of its operands."""


def steps_of(equations: Sequence[Equation]) -> list[Step]:
    """Return the equations that compute something, each once, with the earlier ones that each builds on."""
    steps: list[Step] = []
    seen: set[tuple[tuple[float, ...], tuple[str, ...]]] = set()
    results: dict[float, list[int]] = {}
    for each in equations:
        key = (each.operands, each.operators)
        if not each.operators or each.claimed is None or key in seen:
            continue
        seen.add(key)
        operands = tuple(map(same, each.operands))
        uses = tuple(place for value in operands for place in results.get(value, ()))
        result = same(each.claimed)
        results.setdefault(result, []).append(len(steps))
        steps.append(Step(each, operands, result, uses))
    return steps


def leading_to(steps: Sequence[Step], final: float | None) -> set[int]:
    """Return the steps that lead to a number; all, where no step comes to it."""
    value = None if final is None else same(final)
    ends = [place for place, step in enumerate(steps) if step.result == value]
    if not ends:
        return set(range(len(steps)))
    reached = set(ends)
    while ends:
        for earlier in steps[ends.pop()].uses:
            if earlier not in reached:
                reached.add(earlier)
                ends.append(earlier)
    return reached
