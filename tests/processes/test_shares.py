"""A limit that several workers share is never exceeded, and whoever needs it has nearly all of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worker_town import Town, base_with

from guardian_cluster.contract.fleet import Spent
from guardian_cluster.contract.snapshot import Limits

MONTH = "2023-11"

steps = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "hear", "listen", "wait", "tick", "kill", "start", "relimit"]),
        st.integers(0, 60),
    ),
    max_size=120,
)


def walk(town: Town, step: str, number: int) -> None:
    """Do one thing in a town of workers."""
    worker = sorted(town.workers)[number % len(town.workers)] if town.workers else None
    if step == "start" and len(town.workers) < 4:
        town.start()
    elif worker is None:
        return
    elif step == "ask":
        town.ask(worker)
    elif step == "hear":
        town.hear(worker)
    elif step == "listen":
        town.listen(worker)
    elif step == "wait":
        town.clock.advance(number / 2)
    elif step == "tick":
        town.tick()
    elif step == "kill" and number < 10:
        town.kill(worker)


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(1, 40), st.integers(1, 4))
def test_whatever_is_late_or_dies_no_minute_sees_more_than_the_limit(
    taken: list[tuple[str, int]], limit: int, workers: int
) -> None:
    town = Town(Limits(requests_per_minute=limit), workers)

    for step, number in taken:
        walk(town, step, number)

    assert town.most_in_a_minute() <= limit


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "end", "hear", "listen", "tick"]), st.integers(0, 99)), max_size=100
    ),
    st.integers(1, 400),
)
def test_all_workers_together_never_reserve_more_than_the_budget(
    taken: list[tuple[str, int]], budget_cents: int
) -> None:
    town = Town(Limits(budget_usd_per_month=budget_cents / 100))
    under_way = []
    spent = 0.0
    for step, number in taken:
        worker = 1 + number % 2
        if step == "ask":
            reservation = town.ask(worker, cost_usd=(number + 1) / 100)
            under_way += [reservation] if reservation else []
        elif step == "end" and under_way:
            reservation = under_way.pop(number % len(under_way))
            spent += reservation.cost_usd / 2
            reservation.owner.settle(reservation, 0, reservation.cost_usd / 2)
        else:
            walk(town, step, number)
        assert spent + sum(one.cost_usd for one in under_way) <= budget_cents / 100 + 1e-6


@pytest.mark.parametrize("limit", [2, 10, 60, 1_200])
@pytest.mark.parametrize("workers", [2, 8])
def test_a_busy_worker_beside_idle_ones_reaches_nearly_the_whole_limit(limit: int, workers: int) -> None:
    town = Town(Limits(requests_per_minute=limit), workers)

    for _ in range(180):  # three minutes, each second more than there is
        for _ in range(limit // 20 + 1):
            town.ask(1)
        town.pass_seconds(1)

    last = [at for at, _ in town.let_in if at >= town.clock.monotonic() - 120]
    assert len(last) >= 0.9 * 2 * limit
    assert town.most_in_a_minute() <= limit


def test_demand_that_moves_takes_the_limit_along() -> None:
    town = Town(Limits(requests_per_minute=600))
    for second in range(240):
        for _ in range(15):
            town.ask(1 if second < 120 else 2)
        town.pass_seconds(1)

    last = [at for at, _ in town.let_in if at >= town.clock.monotonic() - 60]
    assert len(last) >= 0.9 * 600
    assert town.most_in_a_minute() <= 600


def test_workers_that_hear_nothing_any_more_go_on_with_what_they_hold() -> None:
    town = Town(Limits(requests_per_minute=100))

    for second in range(180):
        town.ask(1 + second % 2)
        town.ask(1 + second % 2)
        town.clock.advance(1)

    last = [at for at, _ in town.let_in if at >= town.clock.monotonic() - 60]
    assert 90 <= len(last) <= 100
    assert town.most_in_a_minute() <= 100


def test_what_an_ended_worker_did_not_use_is_there_at_once_and_the_rest_after_a_minute() -> None:
    town = Town(Limits(requests_per_minute=100))
    for _ in range(30):
        town.ask(1)
    town.kill(1)
    town.settle()

    first = sum(town.ask(2) is not None for _ in range(200))
    town.pass_seconds(60.1)

    assert first == 70
    assert sum(town.ask(2) is not None for _ in range(200)) == 100


def test_a_request_that_needs_all_of_a_limit_gets_it_from_the_others() -> None:
    town = Town(Limits(tokens_per_minute=1_000))
    refused = town.ask(1, tokens=900)
    town.settle()

    assert refused is None
    assert town.ask(1, tokens=900) is not None
    assert town.ask(2, tokens=200) is None


def test_what_is_only_held_by_another_is_worth_another_try_soon() -> None:
    town = Town(Limits(budget_usd_per_month=1.0))
    with pytest.raises(Exception, match="does not cover") as held:
        town.workers[1].accounts.reserve(town.caller, 0, 0.9)
    with pytest.raises(Exception, match="does not cover") as gone:
        town.workers[1].accounts.reserve(town.caller, 0, 1.1)

    assert (held.value.retry_after_s, held.value.should_retry) == (1.0, None)
    assert (gone.value.retry_after_s, gone.value.should_retry) == (None, False)


def test_what_was_spent_before_counts_once_whoever_tells_it() -> None:
    town = Town(Limits(budget_usd_per_month=1.0))
    town.shared.learn(1, Spent(month=MONTH, usd={"k": 0.5}))
    town.shared.learn(2, Spent(month=MONTH, usd={"k": 0.7}))
    town.send()
    town.settle()
    town.ask(1, cost_usd=0.6)
    town.settle()

    assert town.ask(1, cost_usd=0.6) is None
    assert town.ask(1, cost_usd=0.45) is not None


def test_a_new_month_begins_with_a_whole_budget_for_all() -> None:
    town = Town(Limits(budget_usd_per_month=1.0))
    town.shared.learn(1, Spent(month=MONTH, usd={"k": 0.5}))
    town.kill(2)
    town.pass_seconds(20 * 86_400)
    first = town.ask(1, cost_usd=0.9)
    town.settle()

    assert first or town.ask(1, cost_usd=0.9)


def test_another_limit_is_shared_out_anew_and_what_was_used_stays() -> None:
    town = Town(Limits(requests_per_minute=10))
    used = sum(town.ask(1 + number % 2) is not None for number in range(10))
    limits = Limits(requests_per_minute=20)
    town.caller = type(town.caller)("t", "k", "client", limits)
    town.shared.configure(base_with(limits))
    town.send()
    town.settle()

    more = 0
    for number in range(40):
        more += town.ask(1 + number % 2) is not None
        town.settle()

    assert (used, more) == (10, 10)
