"""How many connections each worker has in use: numbers in memory that all processes of a gateway share.

Each number is written by one process at a time and read by the others. Nothing depends on it but who takes the next
connection, so that a number which is late, or wrong, costs evenness and nothing else.
"""

import mmap
import os
import tempfile

MOST_WORKERS = 64
_BYTES = 8 * (MOST_WORKERS + 1)


def new_headcount() -> int:
    """Return a descriptor of memory for one gateway's numbers, all of them absent. Raises OSError."""
    with tempfile.TemporaryFile(prefix="guardian-headcount-") as file:
        file.truncate(_BYTES)
        return os.dup(file.fileno())


class Headcount:
    """The numbers, as one worker (by its number, from 1) or their supervisor sees them."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _BYTES)
        self._numbers = memoryview(self._memory).cast("Q")

    def put(self, worker: int, connections: int) -> None:
        """Say how many connections a worker has in use; it takes new ones."""
        self._numbers[worker] = connections + 1

    def leave(self, worker: int) -> None:
        """Say that a worker takes no new ones."""
        self._numbers[worker] = 0

    def of(self, worker: int) -> int | None:
        """Return how many a worker has in use; `None` where it takes no new ones."""
        return self._numbers[worker] - 1 if self._numbers[worker] else None

    def least_of_others(self, worker: int) -> int | None:
        """Return how many the one among the others has that has the fewest; `None` where there are no others."""
        others = [
            count - 1 for number, count in enumerate(self._numbers.tolist()) if count and number != worker
        ]
        return min(others, default=None)
