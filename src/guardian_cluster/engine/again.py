"""Whether work that failed is done again, and after which pause: what met something that is away for now may go on."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

from guardian_cluster.engine import codec
from guardian_cluster.engine.engine import EngineUnavailable

log = logging.getLogger("guardian.engine")

_Result = TypeVar("_Result")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
"""A database that restarts is back within seconds; one that is away for minutes is not asked more often than that."""


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures, 1 or more: each time twice as long, up to the longest."""
    return min(FIRST_PAUSE_S * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S)


async def patiently(
    work: Callable[[], Awaitable[_Result]],
    again_on: tuple[type[Exception], ...],
    *,
    limit_s: float = math.inf,
) -> _Result:
    """Do work until it raises neither EngineUnavailable nor one of `again_on`, and return what it returns.

    What it raised is raised where another try would begin more than `limit_s` after the first.
    """
    now = asyncio.get_running_loop().time
    end, failures = now() + limit_s, 0
    while True:
        try:
            return await work()
        except (EngineUnavailable, *again_on) as error:
            failures += 1
            if now() + pause_s(failures) > end:
                raise
            if failures == 1:
                log.warning("a step waits for what is away", extra={"reason": codec.said(error)})
        await asyncio.sleep(pause_s(failures))
