"""Histograms as Prometheus reads them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Histogram as TheirHistogram

from guardian_cluster.telemetry.histogram import Histogram

BOUNDS = (0.1, 1.0, 10.0)
SERIES = st.sampled_from([("a", "x"), ("a", "y"), ('"b"\n', "")])


def lines(registry: CollectorRegistry) -> set[str]:
    text = generate_latest(registry).decode()
    return {line for line in text.splitlines() if "_created" not in line}


@given(st.lists(st.tuples(SERIES, st.floats(0, 100) | st.sampled_from(BOUNDS)), max_size=30))
def test_it_counts_like_the_one_of_the_library(seen: list[tuple[tuple[str, str], float]]):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Histogram("time_seconds", "A time.", ("one", "two"), buckets=BOUNDS, registry=ours)
    other = TheirHistogram("time_seconds", "A time.", ("one", "two"), buckets=BOUNDS, registry=theirs)

    for labels, amount in seen:
        mine.labels(*labels).observe(amount)
        other.labels(*labels).observe(amount)

    assert lines(ours) == lines(theirs)


def test_without_labels_there_is_one_series():
    registry = CollectorRegistry()
    Histogram("size", "A size.", buckets=BOUNDS, registry=registry).labels().observe(5)

    assert registry.get_sample_value("size_bucket", {"le": "10.0"}) == 1
    assert registry.get_sample_value("size_sum") == 5
