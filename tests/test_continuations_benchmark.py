"""The continuations benchmark: it finds what it is to find, and the splice is sound on the answers it is made for."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks are not installed

from benchmarks import continuations as benchmark
from benchmarks.continuations import Outcome


def test_no_answer_is_continued_wrongly() -> None:
    found = benchmark.figures(benchmark.outcomes(400, seed=5, held_out=False))

    assert found["breaks"] == 400
    assert found["continued_bad"] == 0
    assert found["as_asked_error_share"] < 0.25


def test_the_figures_are_shares_of_the_breaks() -> None:
    found = benchmark.figures(
        [
            Outcome("prompt anchor", True, "error"),
            Outcome("prompt anchor", True, "sound"),
            Outcome("prompt anchor", False, "error"),
            Outcome("prefill refused", True, "bad"),
        ]
    )

    assert found["continued_bad"] == 1
    assert found["continued_error_share"] == 0.5
    assert found["as_asked_error_share"] == 0.5
    assert found["bad_by_manner"] == {"prefill refused": 1}
    assert found["error_share_by_manner"]["prompt exactly"] is None


def test_the_same_seed_gives_the_same_outcomes() -> None:
    assert benchmark.outcomes(30, seed=3) == benchmark.outcomes(30, seed=3)


def test_its_goals_are_figures() -> None:
    found, run = benchmark.measure(quick=True)

    assert benchmark.AT_MOST.keys() | benchmark.AT_LEAST.keys() <= found.keys()
    assert run["seed"] == benchmark.SEED
