"""How many attempts beyond the first may be made."""

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.balancing.budgets import RESERVE, SAVED_REQUESTS, Budget, Budgets


def test_the_first_failures_after_start_are_retried():
    budgets = Budgets(0.2, 0.1)

    assert sum(budgets.may_retry() for _ in range(100)) == RESERVE


def test_a_share_of_nothing_is_nothing():
    budgets = Budgets(0.0, 0.0)
    budgets.note_request()

    assert (budgets.may_retry(), budgets.has_hedge()) == (False, False)


def test_what_is_saved_is_bounded():
    budget = Budget(0.2)
    for _ in range(100_000):
        budget.note_request()

    assert budget.left == RESERVE + 0.2 * SAVED_REQUESTS


def test_a_share_that_shrinks_takes_what_was_saved():
    budget = Budget(0.5)
    for _ in range(10_000):
        budget.note_request()
    budget.configure(0.0)

    assert budget.left == 0.0


@given(st.lists(st.sampled_from(["request", "retry", "hedge"]), max_size=2_000))
def test_retries_and_hedges_together_stay_within_the_share(events: list[str]):
    budgets, taken = Budgets(0.2, 0.1), 0
    for event in events:
        if event == "request":
            budgets.note_request()
        elif event == "retry":
            taken += budgets.may_retry()
        elif budgets.has_hedge():
            budgets.take_hedge()
            taken += 1
    assert taken <= RESERVE + 0.2 * events.count("request") + 1e-6


def test_retries_are_scarce_where_few_are_left():
    budgets = Budgets(0.2, 0.1)
    for _ in range(1_000):
        budgets.note_request()
    assert budgets.scarcity() == 0.0

    while budgets.may_retry():
        pass

    assert budgets.scarcity() > 0.95
