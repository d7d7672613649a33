"""Keeps reports in memory: the in-memory twin of the reporter."""

from collections import Counter

from guardian_cluster.contract.records import Report
from guardian_cluster.telemetry.losses import kind_of


class MemorySink:
    """Takes reports like `Reporter`, and keeps them."""

    def __init__(self, limit: int = 10_000) -> None:
        self.reports: list[Report] = []
        self.dropped: Counter[str] = Counter()
        self._limit = limit

    def report(self, report: Report) -> None:
        """Keep a report, or drop it when there are `limit` already."""
        if len(self.reports) < self._limit:
            self.reports.append(report)
        else:
            self.dropped[kind_of(report)] += 1
