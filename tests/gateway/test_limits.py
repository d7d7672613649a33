"""What keys and tenants may use: reserved before, settled after, never more than the budget and one request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_records import request_record

from guardian_cluster.contract.records import RequestRecord, Spend
from guardian_cluster.contract.snapshot import Limits
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.gateway.auth import Caller
from guardian_cluster.gateway.limits import Accounts, OverLimit, Reservation

NOVEMBER = 1_700_000_000.0


def caller(
    key: Limits | None = None, tenant: Limits | None = None, *, name: str = "k", of: str = "t"
) -> Caller:
    return Caller(of, name, "client", key or Limits(), tenant or Limits())


def used(tokens: int = 0, cost_usd: float = 0.0) -> RequestRecord:
    return request_record(output_tokens=tokens, cost_usd=cost_usd)


class Bank:
    """Accounts, their clock, and what they refuse."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOVEMBER)
        self.accounts = Accounts(self.clock)

    def reserve(self, who: Caller, tokens: int = 0, cost_usd: float = 0.0) -> Reservation:
        return self.accounts.reserve(who, tokens, cost_usd)

    def refusal(self, who: Caller, tokens: int = 0, cost_usd: float = 0.0) -> LimitExceeded:
        with pytest.raises(LimitExceeded) as caught:
            self.reserve(who, tokens, cost_usd)
        return caught.value

    def headers(self, who: Caller, tokens: int = 0) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.reserve(who, tokens).headers()}


def test_who_has_no_limits_is_let_through_without_an_account():
    bank = Bank()

    for _ in range(1_000):
        bank.reserve(caller(), 10**9, 1e9).settle(used(10**9, 1e9))
    assert bank.headers(caller()) == {}


def test_so_many_requests_a_minute_and_no_more():
    bank, who = Bank(), caller(Limits(requests_per_minute=3))
    for _ in range(3):
        bank.reserve(who).settle(used())

    error = bank.refusal(who)

    assert (error.http_status, error.code) == (429, "requests_per_minute_exceeded")
    assert error.retry_after_s == pytest.approx(60.0)


def test_after_the_time_it_was_told_to_wait_a_caller_is_let_in():
    bank, who = Bank(), caller(Limits(requests_per_minute=3))
    for _ in range(3):
        bank.reserve(who)
        bank.clock.advance(5)
    wait_s = bank.refusal(who).retry_after_s
    assert wait_s == pytest.approx(45.0)

    bank.clock.advance(wait_s - 0.01)
    bank.refusal(who)
    bank.clock.advance(0.02)
    bank.reserve(who)


def test_a_pause_fills_the_minute_and_not_more():
    bank, who = Bank(), caller(Limits(requests_per_minute=3))
    bank.reserve(who)
    bank.clock.advance(3_600)

    for _ in range(3):
        bank.reserve(who)
    bank.refusal(who)


def test_tokens_are_reserved_and_what_was_not_used_is_given_back():
    bank, who = Bank(), caller(Limits(tokens_per_minute=100))
    reservation = bank.reserve(who, 80)
    assert bank.refusal(who, 30).code == "tokens_per_minute_exceeded"

    reservation.settle(used(tokens=10))
    bank.reserve(who, 90)


def test_tokens_used_beyond_the_reservation_are_taken_too():
    bank, who = Bank(), caller(Limits(tokens_per_minute=60))
    bank.reserve(who, 10).settle(used(tokens=120))

    assert bank.refusal(who, 1).retry_after_s == pytest.approx(60.0)


def test_a_request_larger_than_the_limit_is_let_through_alone():
    bank, who = Bank(), caller(Limits(tokens_per_minute=100))

    reservation = bank.reserve(who, 10**12)
    bank.refusal(who, 1)
    reservation.settle(used(tokens=1))
    assert bank.headers(who)["x-ratelimit-remaining-tokens"] == "99"


def test_a_request_that_failed_gives_its_tokens_back_and_not_its_turn():
    bank, who = Bank(), caller(Limits(requests_per_minute=1, tokens_per_minute=100))
    bank.reserve(who, 100).settle(None)

    assert bank.refusal(who, 100).code == "requests_per_minute_exceeded"
    bank.clock.advance(60)
    bank.reserve(who, 100)


def test_a_reservation_is_settled_once():
    bank, who = Bank(), caller(Limits(tokens_per_minute=100))
    reservation = bank.reserve(who, 50)

    reservation.settle(used(tokens=50))
    reservation.settle(None)
    assert bank.headers(who)["x-ratelimit-remaining-tokens"] == "50"


def test_a_refused_request_takes_nothing_from_any_account():
    bank = Bank()
    who = caller(Limits(requests_per_minute=10), Limits(requests_per_minute=1))
    bank.reserve(who)
    for _ in range(5):
        bank.refusal(who)

    alone = caller(Limits(requests_per_minute=10))
    assert bank.headers(alone)["x-ratelimit-remaining-requests"] == "8"


def test_keys_of_one_tenant_share_its_limits():
    bank, shared = Bank(), Limits(requests_per_minute=2)
    for name in ("a", "b"):
        bank.reserve(caller(tenant=shared, name=name))

    assert "tenant t" in bank.refusal(caller(tenant=shared, name="c")).message
    bank.reserve(caller(tenant=shared, name="c", of="another"))


def test_a_key_and_a_tenant_of_one_name_are_two():
    bank, one = Bank(), Limits(requests_per_minute=1)
    bank.reserve(caller(one, name="same", of="x"))

    bank.reserve(caller(tenant=one, name="y", of="same"))


def test_a_budget_is_not_overdrawn_by_what_is_under_way():
    bank, who = Bank(), caller(Limits(budget_usd_per_month=1.0))
    first = bank.reserve(who, cost_usd=0.6)
    error = bank.refusal(who, cost_usd=0.6)

    assert (error.code, error.should_retry, error.retry_after_s) == ("budget_exceeded", False, None)
    assert all(number in error.message for number in ("1 USD", "0.6000 reserved", "2023-11"))
    first.settle(used(cost_usd=0.1))
    bank.reserve(who, cost_usd=0.6)


def test_a_new_month_begins_with_a_full_budget():
    bank, who = Bank(), caller(Limits(budget_usd_per_month=1.0))
    bank.reserve(who, cost_usd=1.0).settle(used(cost_usd=1.0))
    bank.refusal(who, cost_usd=0.5)

    bank.clock.advance(20 * 86_400)
    bank.reserve(who, cost_usd=1.0)


def test_what_is_under_way_at_the_turn_of_the_month_stays_reserved():
    bank, who = Bank(), caller(Limits(budget_usd_per_month=1.0))
    reservation = bank.reserve(who, cost_usd=0.8)
    bank.clock.advance(20 * 86_400)

    bank.refusal(who, cost_usd=0.5)
    reservation.settle(used(cost_usd=0.8))
    bank.refusal(who, cost_usd=0.5)
    bank.reserve(who, cost_usd=0.1)


def test_a_budget_of_nothing_lets_free_requests_through():
    bank, who = Bank(), caller(Limits(budget_usd_per_month=0.0))

    bank.reserve(who, cost_usd=0.0)
    bank.refusal(who, cost_usd=0.000001)


def test_what_was_spent_before_a_restart_counts():
    bank, limits = Bank(), Limits(budget_usd_per_month=1.0)
    bank.accounts.learn([Spend(key="k", month="2023-11", usd=0.7)], {"k": "t"})

    bank.refusal(caller(limits), cost_usd=0.5)
    bank.refusal(caller(tenant=limits, name="other"), cost_usd=0.5)
    bank.reserve(caller(limits), cost_usd=0.2)


def test_what_is_learned_again_is_not_counted_twice():
    bank, who = Bank(), caller(Limits(budget_usd_per_month=1.0))
    for _ in range(5):
        bank.accounts.learn([Spend(key="k", month="2023-11", usd=0.3)], {"k": "t"})

    bank.reserve(who, cost_usd=0.6)


def test_what_was_spent_last_month_does_not_count():
    bank, who = Bank(), caller(Limits(budget_usd_per_month=1.0))
    bank.accounts.learn([Spend(key="k", month="2023-10", usd=9.0)], {"k": "t"})

    bank.reserve(who, cost_usd=1.0)


def test_changed_limits_keep_what_was_spent():
    bank = Bank()
    bank.reserve(caller(Limits(budget_usd_per_month=1.0)), cost_usd=0.9).settle(used(cost_usd=0.9))
    wider = caller(Limits(budget_usd_per_month=2.0))

    bank.refusal(wider, cost_usd=1.2)
    bank.reserve(wider, cost_usd=1.0)


def test_changed_limits_settle_what_is_under_way():
    bank = Bank()
    under_way = bank.reserve(caller(Limits(budget_usd_per_month=1.0)), cost_usd=0.9)
    wider = caller(Limits(budget_usd_per_month=2.0))
    bank.refusal(wider, cost_usd=1.2)

    under_way.settle(used(cost_usd=0.1))
    bank.reserve(wider, cost_usd=1.8)
    bank.refusal(wider, cost_usd=0.2)


def test_the_headers_name_the_tightest_limits():
    bank = Bank()
    who = caller(Limits(requests_per_minute=100, tokens_per_minute=1_000), Limits(requests_per_minute=10))

    assert bank.headers(who, tokens=250) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "60.000s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "750",
        "x-ratelimit-reset-tokens": "60.000s",
    }


moments = st.lists(
    st.tuples(
        st.sampled_from(["ask", "end", "wait", "month", "relimit"]),
        st.integers(1, 400),  # cents, or a tenth of a second
        st.floats(0, 1),  # what share of the reservation is used
    ),
    max_size=80,
)


@given(moments, st.integers(1, 1_000))
def test_what_is_spent_is_never_more_than_the_budget(taken: list[tuple[str, int, float]], budget_cents: int):
    bank, who = Bank(), caller(Limits(budget_usd_per_month=budget_cents / 100))
    under_way: list[Reservation] = []
    spent = 0.0
    for kind, number, share in taken:
        if kind == "ask":
            try:
                under_way.append(bank.reserve(who, cost_usd=number / 100))
            except LimitExceeded:
                continue
        elif kind == "end" and under_way:
            reservation = under_way.pop(number % len(under_way))
            cost_usd = share * reservation.cost_usd
            spent += cost_usd
            reservation.settle(used(cost_usd=cost_usd))
        elif kind == "wait":
            bank.clock.advance(number / 10)
        elif kind == "relimit":
            who = caller(Limits(budget_usd_per_month=budget_cents / 100, tokens_per_minute=10**9 + number))
        assert spent + sum(one.cost_usd for one in under_way) <= budget_cents / 100 + 1e-9


@given(moments, st.integers(1, 300))
def test_an_answer_dearer_than_reserved_overdraws_by_no_more_than_itself(
    taken: list[tuple[str, int, float]], budget_cents: int
):
    bank, who = Bank(), caller(Limits(budget_usd_per_month=budget_cents / 100))
    spent = 0.0
    for _, number, share in taken:
        try:
            reservation = bank.reserve(who, cost_usd=number / 100)
        except LimitExceeded:
            continue
        before, cost_usd = spent, number / 100 * (1 + share)
        spent += cost_usd
        reservation.settle(used(cost_usd=cost_usd))

        assert before < budget_cents / 100
        assert spent <= budget_cents / 100 + cost_usd


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 10)), max_size=60), st.integers(1, 60))
def test_no_minute_sees_more_requests_than_the_limit(taken: list[tuple[int, int]], limit: int):
    bank, who = Bank(), caller(Limits(requests_per_minute=limit))
    let_in: list[float] = []
    for asked, pause_s in taken:
        for _ in range(asked):
            try:
                bank.reserve(who)
            except LimitExceeded:
                break
            let_in.append(bank.clock.monotonic())
        bank.clock.advance(pause_s)

    for moment in set(let_in):
        assert sum(moment <= other < moment + 60 for other in let_in) <= limit


def test_a_refusal_knows_what_is_left_at_that_moment():
    bank, who = Bank(), caller(Limits(requests_per_minute=2), Limits(tokens_per_minute=60))
    for _ in range(2):
        bank.reserve(who, 20)
    bank.clock.advance(15)

    error = bank.refusal(who)

    assert isinstance(error, OverLimit)
    left = {name.decode(): value.decode() for name, value in error.headers}
    assert (left["x-ratelimit-remaining-requests"], left["x-ratelimit-reset-requests"]) == ("0", "45.000s")
    assert (left["x-ratelimit-remaining-tokens"], left["x-ratelimit-limit-tokens"]) == ("20", "60")


def test_tokens_given_back_after_their_minute_are_not_given_twice():
    bank, who = Bank(), caller(Limits(tokens_per_minute=100))
    slow = bank.reserve(who, 100)
    bank.clock.advance(61)
    bank.reserve(who, 100)

    slow.settle(used(tokens=1))
    bank.refusal(who, 1)


def test_other_limits_do_not_forget_what_was_used():
    bank = Bank()
    for _ in range(3):
        bank.reserve(caller(Limits(requests_per_minute=3)))

    bank.refusal(caller(Limits(requests_per_minute=3, tokens_per_minute=100)))
    bank.reserve(caller(Limits(requests_per_minute=4)))
    bank.refusal(caller(Limits(requests_per_minute=4)))
