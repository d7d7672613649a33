"""Where reports go: several places at once, or a short memory."""

from collections import OrderedDict, deque
from collections.abc import Sequence

from guardian_cluster.contract.records import Report, RequestRecord
from guardian_cluster.request.ports import ReportSink

KEPT_REQUESTS = 5_000
"""Records a gateway remembers for `GET /v1/requests/{id}`: about 1 KB each."""

KEPT_REPORTS = 10_000
"""Reports that wait to be looked at: some 20 MB."""


class Reports:
    """Passes each report to every sink."""

    def __init__(self, sinks: Sequence[ReportSink]) -> None:
        self._sinks = tuple(sinks)

    def report(self, report: Report) -> None:
        """Take one report."""
        for sink in self._sinks:
            sink.report(report)


class Listening:
    """Passes reports to one who may come and go."""

    def __init__(self) -> None:
        self.to: ReportSink | None = None
        """Who listens at the moment."""

    def report(self, report: Report) -> None:
        """Take one report."""
        if self.to is not None:
            self.to.report(report)


class Inbox:
    """The newest reports, until somebody looks at them; of more the oldest are left out, and counted."""

    def __init__(self, kept: int = KEPT_REPORTS) -> None:
        self._reports: deque[Report] = deque(maxlen=kept)
        self.left_out = 0

    def report(self, report: Report) -> None:
        """Take one report."""
        self.left_out += len(self._reports) == self._reports.maxlen
        self._reports.append(report)

    def take(self, count: int) -> list[Report]:
        """Return the oldest so many, which are not kept any longer."""
        return [self._reports.popleft() for _ in range(min(count, len(self._reports)))]

    def __len__(self) -> int:
        return len(self._reports)


class RecentRequests:
    """The records of the latest requests, by id."""

    def __init__(self, kept: int = KEPT_REQUESTS) -> None:
        self._kept = kept
        self._records: OrderedDict[str, RequestRecord] = OrderedDict()

    def report(self, report: Report) -> None:
        """Remember a request; the oldest one is forgotten for it."""
        if isinstance(report, RequestRecord):
            self._records[report.id] = report
            if len(self._records) > self._kept:
                self._records.popitem(last=False)

    def get(self, request_id: str) -> RequestRecord | None:
        """Return a record, if it is still remembered."""
        return self._records.get(request_id)
