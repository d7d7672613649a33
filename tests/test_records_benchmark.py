"""The pure parts of the benchmark of records: what outages did to requests, and when all was on disk again."""

import random
from itertools import islice

import pytest

from benchmarks.harness.load import Load
from benchmarks.records import FULL, GOALS, QUICK
from benchmarks.records_world.feeding import BATCH, frames, record
from benchmarks.records_world.figures import (
    NOT_CAUGHT_UP_S,
    Look,
    Stretch,
    caught_up_s,
    figures,
    noise,
    shortfalls,
)
from benchmarks.records_world.outages import OUTAGES
from guardian_cluster.contract import link
from guardian_cluster.contract.link import Batch


def load(p99_ms: float = 2.0, *, ok: int = 100, wrong: int = 0) -> Load:
    latencies = [1_000_000] * 98 + [int(p99_ms * 1e6)] * 2
    counts = {"ok": ok, "wrong": wrong, "broken": 0, "unfinished": 0, "late": 0, "reconnects": 0, "marks": 0}
    none = dict.fromkeys(("latency_ms", "other_latency_ms", "first_token_ms", "transit_ms"))
    return Load(elapsed_s=1.0, latencies_ns=latencies, **counts, **none)  # type: ignore[arg-type]


def test_the_worst_outage_counts_against_what_is_usual_and_all_failures_count() -> None:
    quiet = [Stretch("quiet", load(p99)) for p99 in (2.0, 2.0, 50.0)]
    struck = [Stretch("killed", load(3.0, wrong=2), 4.0), Stretch("frozen", load(2.0), 0.5)]

    found = figures([*quiet, *struck], recorded=499)

    assert found["p99_ratio_by_outage"] == {"killed": 1.5, "frozen": 1.0}
    assert (found["p99_ratio"], found["p99_noise"]) == (1.5, 25.0)
    assert (found["failed_requests"], found["lost_records"], found["caught_up_s"]) == (2, 1, 4.0)


def test_noise_is_how_much_two_undisturbed_stretches_differ() -> None:
    assert noise([load(2.0), load(3.0)]) == 1.5
    assert noise([load(2.0)]) == 1.0


@pytest.mark.parametrize(
    ("counts", "took_s"),
    [([5, 5, 5], 0.0), ([3, 5, 5], 1.0), ([1, 2, 5], NOT_CAUGHT_UP_S), ([], NOT_CAUGHT_UP_S)],
)
def test_all_is_caught_up_from_the_first_look_that_finds_what_the_last_one_does(
    counts: list[int], took_s: float
) -> None:
    looks = [Look(100.0 + n, count) for n, count in enumerate(counts)]

    assert caught_up_s(looks, 100.0) == took_s


def test_a_figure_that_reaches_what_it_should_is_short_of_nothing() -> None:
    found = shortfalls({"records_per_s": 4_000.0, "more": 9.0}, {"records_per_s": 5_000.0, "more": 3.0})

    assert found == {"records_per_s_short": pytest.approx(0.2), "more_short": 0.0}


def test_records_that_are_fed_can_be_read_by_a_control_process_and_none_comes_twice() -> None:
    splitter = link.FrameSplitter()
    read = [link.decode_up(body) for frame in islice(frames("b", 1), 2) for body in splitter.feed(frame)]

    ids = {each.id for batch in read if isinstance(batch, Batch) for each in batch.requests}
    assert len(ids) == 2 * BATCH
    assert record(1, 0.0, random.Random(1)) == record(1, 0.0, random.Random(1))


def test_the_outages_and_goals_are_those_that_are_asked_for() -> None:
    asked = {"failed_requests", "p99_ratio", "caught_up_s", "lost_records", "records_per_s_short", "window_s"}

    assert set(OUTAGES) == {"killed", "frozen", "locked"}
    assert asked <= set(GOALS)
    assert (QUICK.outage_s, FULL.outage_s) == (8, 60)
