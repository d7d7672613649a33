"""What the request workflow needs of the rest of the house."""

from typing import Protocol

from guardian_cluster.contract.records import Report
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality
from guardian_cluster.specialists.specialist import Specialist
from guardian_cluster.watcher.redaction import Redaction
from guardian_cluster.watcher.watcher import Watcher


class ReportSink(Protocol):
    """Takes reports up. It never blocks, never raises, and counts what it cannot keep."""

    def report(self, report: Report) -> None:
        """Take one report."""
        ...


class Cluster(Protocol):
    """The cluster as one snapshot has it: a request keeps the parts that it began with, whatever comes since."""

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot in force."""
        ...

    def get_specialist(self, specialist_id: str) -> Specialist:
        """Return the specialist of that name."""
        ...

    def get_watcher_guardian(self, specialist_id: str) -> Watcher:
        """Return the watcher of the specialist of that name."""
        ...

    def retrieval_quality(self, request_id: str) -> RetrievalQuality | None:
        """Return how well memory answered a request, once; `None` where it was not asked."""
        ...

    def redaction(self, tenant: str) -> Redaction:
        """Return what takes out of kept text what a tenant's policy names."""
        ...
