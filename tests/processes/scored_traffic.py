"""Records with scores for the tests of calibration, as a gateway reports them."""

import random

from sample_records import request_record

from guardian_cluster.contract.records import RequestRecord, ScoreRecord


def scored(id: str, value: float, started: float, **changes: object) -> RequestRecord:
    """Return a request whose answer one detector scored."""
    scores = (ScoreRecord(detector="harm", value=value),)
    return request_record(id, started=started, scores=scores, **changes)


def traffic(
    count: int, *, begin: float, mean: float = 0.3, prefix: str = "r", **changes: object
) -> list[RequestRecord]:
    """Return sound requests that began a tenth of a second apart, always the same."""
    rng = random.Random(prefix)
    values = [min(1.0, max(0.0, rng.gauss(mean, 0.1))) for _ in range(count)]
    return [
        scored(f"{prefix}{number}", value, begin + number / 10, **changes)
        for number, value in enumerate(values)
    ]
