"""Which runs were left by whoever had them, and wait again: a dead process's, and those this one lost track of."""

from collections.abc import Collection, Sequence

from guardian_cluster.engine.ledger import PendingRun

ORPHAN_S = 3.0
"""A run that is ours by the database and that nothing here works on was lost: its outcome could not be written.

Between the claim of a run and its beginning, and between its end and the note of it, are milliseconds.
"""


class Leftovers:
    """Remembers which of our runs nothing works on, and since when."""

    def __init__(self, executor: str) -> None:
        self._executor = executor
        self._idle: dict[tuple[str, float], float] = {}

    def among(
        self,
        pending: Sequence[PendingRun],
        *,
        live: Collection[str] | None,
        active: Collection[str],
        now: float,
    ) -> list[PendingRun]:
        """Return the runs to hand back, of those that some process has by the database.

        `live` are the processes known to be alive; `None` where that cannot be told at the moment.
        """
        ours = {(run.id, run.claimed) for run in pending if run.executor == self._executor}
        idle = {key for key in ours if key[0] not in active}
        self._idle = {key: self._idle.get(key, now) for key in idle}
        return [run for run in pending if self._is_left(run, live, now)]

    def lost(self, pending: Sequence[PendingRun], active: Collection[str]) -> set[str]:
        """Return the runs at work here that are not ours any more: cancelled, or another process's."""
        return set(active) - {run.id for run in pending if run.executor == self._executor}

    def _is_left(self, run: PendingRun, live: Collection[str] | None, now: float) -> bool:
        if run.executor == self._executor:
            return now - self._idle.get((run.id, run.claimed), now) >= ORPHAN_S
        return live is not None and run.executor not in live
