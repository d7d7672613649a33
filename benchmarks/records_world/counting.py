"""Looks at the database of a gateway from outside while it is written."""

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

from benchmarks.records_world.figures import Look
from guardian_cluster.domain.clock import SystemClock

LOOK_S = 0.5

OF_FED = "fed-"
"""How the ids of requests begin that no client has sent."""

_COUNT = """
SELECT count(*) FROM request WHERE started > ? AND started <= ? AND status = 200 AND id NOT LIKE 'fed-%'
"""


def recorded(database: Path, *, since: float = 0.0, until: float = 1e12) -> int:
    """Return how many answered requests of clients that began in that time are on disk."""
    address = f"file:{database}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10)) as connection:
        return int(connection.execute(_COUNT, (since, until)).fetchone()[0])


def dropped(database: Path) -> int:
    """Return how many reports gateways have said that they dropped."""
    query = "SELECT coalesce(sum(count), 0) FROM gateway_event WHERE kind = 'dropped'"
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as connection:
        return int(connection.execute(query).fetchone()[0])


class Watched:
    """Looks again and again, in a thread of its own, until told to end."""

    def __init__(self, database: Path, since: float, until: float) -> None:
        self.looks: list[Look] = []
        self._database = database
        self._since, self._until = since, until
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def _look(self) -> None:
        clock = SystemClock()
        while not self._over.wait(LOOK_S):
            count = recorded(self._database, since=self._since, until=self._until)
            self.looks.append(Look(clock.now(), count))

    def end(self) -> list[Look]:
        """Return what was seen."""
        self._over.set()
        self._thread.join()
        return self.looks


def settled(database: Path, expected: int, *, since: float, limit_s: float) -> int:
    """Wait until so many requests are on disk, or for so long; return how many are."""
    end = time.monotonic() + limit_s
    while (found := recorded(database, since=since)) < expected and time.monotonic() < end:
        time.sleep(LOOK_S)
    return found
