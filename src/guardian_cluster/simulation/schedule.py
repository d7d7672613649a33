"""Which fault meets which request: a pure function of the request's number."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from guardian_cluster.simulation.fault import Fault


@dataclass(frozen=True, slots=True)
class Schedule:
    """Says which fault meets the k-th request, counted from 0 since the schedule was set.

    Every request counts, whatever its route. The same number always meets the same fault, so the order
    in which concurrent requests ask does not matter.
    """

    choose: Callable[[int], Fault | None]

    def fault_for(self, number: int) -> Fault | None:
        """Return the fault that meets this request.

        Raises ValueError for one that meets connections: while a port refuses, no request can be counted.
        """
        fault = self.choose(number)
        if fault is not None and fault.on_connect != "accept":
            raise ValueError(f"{fault} meets connections, not requests: set it with `server.fault = ...`")
        return fault


def always(fault: Fault) -> Schedule:
    """Meet every request."""
    return Schedule(lambda number: fault)


def first(count: int, fault: Fault) -> Schedule:
    """Meet the first `count` requests: a burst that passes."""
    return Schedule(lambda number: fault if number < count else None)


def after(count: int, fault: Fault) -> Schedule:
    """Meet every request but the first `count`: a server that breaks in use."""
    return Schedule(lambda number: None if number < count else fault)


def flapping(fault: Fault, *, healthy: int, failing: int) -> Schedule:
    """Meet `failing` requests after every `healthy` ones, over and over."""
    if healthy < 1 or failing < 1:
        raise ValueError(f"healthy={healthy}, failing={failing}: flapping needs at least 1 of each")
    return Schedule(lambda number: fault if number % (healthy + failing) >= healthy else None)


def in_turn(*faults: Fault | None) -> Schedule:
    """Meet the k-th request with the k-th fault, and none after the last."""
    return Schedule(lambda number: faults[number] if number < len(faults) else None)


def sometimes(fault: Fault, share: float, rng: random.Random) -> Schedule:
    """Meet a share (0 to 1) of the requests, drawn anew from `rng` for each schedule."""
    seed = rng.getrandbits(63)
    return Schedule(lambda number: fault if random.Random(seed + number).random() < share else None)
