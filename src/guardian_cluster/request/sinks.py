"""Where reports go: several places at once, or a short memory."""

from collections import OrderedDict
from collections.abc import Sequence

from guardian_cluster.contract.records import Report, RequestRecord
from guardian_cluster.request.ports import ReportSink

KEPT_REQUESTS = 5_000
"""Records a gateway remembers for `GET /v1/requests/{id}`: about 1 KB each."""


class Reports:
    """Passes each report to every sink."""

    def __init__(self, sinks: Sequence[ReportSink]) -> None:
        self._sinks = tuple(sinks)

    def report(self, report: Report) -> None:
        """Take one report."""
        for sink in self._sinks:
            sink.report(report)


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
