"""What several workers have counted is summed, also where one of them is of another version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sample_records import request_record

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.telemetry.counts import without_gauges
from guardian_cluster.telemetry.exposition import text_of
from guardian_cluster.telemetry.metrics import Metrics


def counted(requests: int, worker: int = 1) -> Metrics:
    metrics = Metrics(lambda: float(worker), worker)
    metrics.report(GatewayEvent(kind="snapshot_applied", at=1.0, subject=str(worker)))
    for number in range(requests):
        metrics.report(request_record(specialist="smart", endpoint="smart/1", duration_ms=10.0 * number))
    return metrics


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(text.decode())
    every = [sample for family in families for sample in family.samples]
    found = {(each.name, frozenset(each.labels.items())): each.value for each in every}
    assert len(found) == len(every)
    return found


@given(st.integers(0, 9), st.integers(0, 9))
def test_the_sum_of_two_is_what_one_would_have_counted(first: int, second: int) -> None:
    both = Metrics(lambda: 2.0)
    for number in (*range(first), *range(second)):
        both.report(request_record(specialist="smart", endpoint="smart/1", duration_ms=10.0 * number))

    merged = samples(counted(first).text([counted(second).encoded()]))

    alone = {key: value for key, value in samples(both.text()).items() if "revision" not in key[0]}
    assert {key: merged[key] for key in alone} == pytest.approx(alone)


def test_revisions_are_told_apart_by_worker() -> None:
    merged = samples(counted(1, worker=1).text([counted(1, worker=2).encoded()]))

    assert merged["guardian_snapshot_revision", frozenset({("worker", "1")})] == 1
    assert merged["guardian_snapshot_revision", frozenset({("worker", "2")})] == 2


def test_of_workers_that_have_ended_only_what_they_counted_stays() -> None:
    ended = without_gauges([counted(2).encoded(), counted(3).encoded()])
    found = samples(text_of([ended]))

    assert (
        found["guardian_requests_total", frozenset({("guardian_specialist", "smart"), ("outcome", "ok")})]
        == 5
    )
    assert not [name for name, _ in found if name == "guardian_requests_in_flight"]


def test_what_cannot_be_read_counts_for_nothing() -> None:
    assert samples(text_of([b"", b"\xc1", counted(2).encoded()])) == samples(counted(2).text())
