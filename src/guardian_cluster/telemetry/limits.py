"""What a reporter may use, and how long it waits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReporterLimits:
    """Bounds of the queue, of a batch, of what is on its way and of the spool."""

    queue_reports: int = 10_000
    """Two seconds of 5,000 requests each; when it takes longer, the disk is what is slow."""
    queue_bytes: int = 16_000_000
    report_bytes: int = 500_000
    """A larger one is dropped: copying it may hold up the event loop for more than 0.5 ms."""
    batch_reports: int = 500
    batch_bytes: int = 400_000
    batch_s: float = 0.5
    """A batch costs the control process 0.7 ms and each of its reports 22 µs: five small batches in the time of
    one would double what a quiet gateway costs."""
    unacknowledged: int = 8
    """Batches on their way. When there is no room for another within `stalled_s`, it goes to the spool."""
    stalled_s: float = 1.0
    spool_bytes: int = 64_000_000
    first_retry_s: float = 0.05
    last_retry_s: float = 2.0
    connect_s: float = 5.0
    disk_s: float = 5.0
    close_s: float = 2.0
