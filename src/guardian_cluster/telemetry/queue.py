"""Decides which reports are taken at all, and which of them make a batch: a queue bounded in number and bytes."""

import asyncio
from collections import deque

from guardian_cluster.contract.records import Feedback, Payload, Report, RequestRecord
from guardian_cluster.telemetry.limits import ReporterLimits


class ReportQueue:
    """Reports that wait to be encoded, for one event loop."""

    def __init__(self, limits: ReporterLimits) -> None:
        self.some = asyncio.Event()
        """Set while there is a report, and from the end on."""
        self.enough = asyncio.Event()
        """Set while there is a whole batch, and from the end on."""
        self.closed = False
        self._limits = limits
        self._reports: deque[tuple[Report, int]] = deque()  # each with its size
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._reports)

    def put(self, report: Report) -> bool:
        """Take a report; false where there is no room for it. What is no report may raise."""
        size = size_of(report)
        limits = self._limits
        waiting, total = len(self._reports), self._bytes + size
        full = waiting >= limits.queue_reports or total > limits.queue_bytes
        if full or size > limits.report_bytes or self.closed:
            return False
        self._reports.append((report, size))
        self._bytes = total
        if not waiting:
            self.some.set()
        if waiting + 1 >= limits.batch_reports or total >= limits.batch_bytes:
            self.enough.set()
        return True

    def take(self) -> list[Report]:
        """Return the oldest reports, as many as make a batch."""
        taken: list[Report] = []
        size = 0
        while self._reports and len(taken) < self._limits.batch_reports and size < self._limits.batch_bytes:
            report, its_size = self._reports.popleft()
            taken.append(report)
            size += its_size
        self._bytes -= size
        if not self.closed:
            self._clear_events()
        return taken

    def close(self) -> None:
        """Take nothing more, and let nobody wait for more."""
        self.closed = True
        self.some.set()
        self.enough.set()

    def _clear_events(self) -> None:
        if not self._reports:
            self.some.clear()
        if len(self._reports) < self._limits.batch_reports and self._bytes < self._limits.batch_bytes:
            self.enough.clear()


def size_of(report: Report) -> int:
    """Return about how many bytes a report is when encoded; only what can be large is looked at."""
    if isinstance(report, RequestRecord):
        return 500 + 100 * (len(report.attempts) + len(report.verdicts)) + len(report.requested_model)
    if isinstance(report, Payload):
        return 200 + len(report.request_body) + len(report.response_text)
    if isinstance(report, Feedback):
        return 200 + len(report.comment or "")
    return 200 + len(report.detail)
