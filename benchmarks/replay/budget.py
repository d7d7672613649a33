"""Measures how well spending keeps to its target, also when prices rise tenfold in the middle of a stream.

`budget_adherence_*` is what was spent over the target on the whole stream (1 is the target, less is within it).
Recovery is counted in requests after the rise until the last 100 requests together spent at most 1.02 of the
target; where less than 100 have passed (10 at least), until those since the rise did. Nobody tells the router of the
rise. Where even the cheapest arm costs more than the target, no pacer can hold it: such a case is left out and counted.
"""

from collections.abc import Sequence
from statistics import fmean

from benchmarks.replay.four_models import (
    BUDGETS_USD,
    Price,
    Request,
    Stream,
    means_of,
    prepared,
    replay,
    specialists_of,
)
from benchmarks.replay.recordings import Recordings
from guardian_cluster.contract.snapshot import Specialist

RISE = 10.0
TOLERANCE = 1.02
WINDOW = 100
FULL_SEEDS, QUICK_SEEDS = 3, 1


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return adherence and recovery for each target: steady, all prices tenfold, the busiest arm's tenfold."""
    requests, specialists = prepared(data.four_models), specialists_of(data.four_models)
    middle = len(requests) // 2
    cheapest = min(cost for _, cost in means_of(requests).values())
    found: dict[str, float | int] = {"budget_impossible": 0}
    worst: list[float] = []
    recoveries: list[float] = []
    for budget in BUDGETS_USD:
        key = f"{budget:.0e}".replace("e-0", "e-")
        for case, price in cases(requests, specialists, budget, middle).items():
            if case == "all" and cheapest * RISE > budget / TOLERANCE:
                found["budget_impossible"] += 1
                continue
            seeds = range(QUICK_SEEDS if quick else FULL_SEEDS)
            spent, back = _measured(
                [replay(requests, specialists, budget, seed, price) for seed in seeds], budget
            )
            found[f"budget_adherence_{key}_{case}"] = max(spent)
            worst += spent
            if price:
                found[f"budget_recovery_{key}_{case}"] = max(back)
                recoveries += back
    found["budget_adherence"] = max(worst)
    found["budget_adherence_mean"] = fmean(worst)
    found["budget_recovery_requests"] = max(recoveries)
    found["budget_recovery_mean_requests"] = fmean(recoveries)
    return found


def cases(
    requests: Sequence[Request], specialists: Sequence[Specialist], budget_usd: float, middle: int
) -> dict[str, Price | None]:
    """Return what may happen to prices: nothing, all rise, or only those of the arm that is asked most."""
    steady = replay(requests, specialists, budget_usd, 0)
    busiest = max(set(steady.chosen), key=steady.chosen[middle - WINDOW : middle].count)
    return {
        "steady": None,
        "all": lambda number, name: RISE if number >= middle else 1.0,
        "one": lambda number, name: RISE if number >= middle and name == busiest else 1.0,
    }


def recovery(bills_usd: Sequence[float], target_usd: float, since: int) -> int:
    """Return after how many requests since a change spending was back: all that are left where it never was."""
    for end in range(since + 10, len(bills_usd) + 1):
        begin = max(since, end - WINDOW)
        if fmean(bills_usd[begin:end]) <= TOLERANCE * target_usd:
            return end - since
    return len(bills_usd) - since


def _measured(streams: Sequence[Stream], budget_usd: float) -> tuple[list[float], list[float]]:
    """Return of each stream the share of the target that was spent, and the requests until it was back within it."""
    spent = [fmean(stream.bills_usd) / budget_usd for stream in streams]
    back = [recovery(stream.bills_usd, budget_usd, len(stream.bills_usd) // 2) for stream in streams]
    return spent, [float(requests) for requests in back]
