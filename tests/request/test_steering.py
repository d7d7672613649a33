"""Which moves hold, and what they make of one request."""

import random
from typing import Any

import pytest
from harness import base, specialist
from held_moves import held
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import Base, Overlay, Snapshot, Timeouts, Variant
from guardian_cluster.domain.action import (
    ChangeTimeouts,
    Drain,
    HeldMove,
    LimitConcurrency,
    RenewPool,
    Reroute,
    Shed,
    UseVariant,
)
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.steering.in_force import InForce
from guardian_cluster.request.steering.steering import Steering
from guardian_cluster.request.steering.way import Way
from guardian_cluster.request.subject import Subjects

URL = "http://127.0.0.1:9/v1"
SMART = specialist("smart", URL, URL, variants=(Variant(id="v2"), Variant(id="v1", share=0.0)))
OTHER, THIRD = specialist("other", URL), specialist("third", URL)
SERVING = base(SMART, OTHER, THIRD)
NOW = ManualClock().now()


def asked(text: str = "hi", *, system: str = "", **facts: Any) -> UserRequest:
    messages = [{"role": "system", "content": system}] if system else []
    return UserRequest(
        body={"model": "smart", "messages": [*messages, {"role": "user", "content": text}]}, **facts
    )


def steering(*moves: HeldMove, clock: ManualClock | None = None, serving: Base = SERVING) -> Steering:
    snapshot = Snapshot(rev=1, base=serving, overlay=Overlay(moves=moves))
    return Steering(snapshot, clock or ManualClock(), random.Random(1))


def way(*moves: HeldMove, request: UserRequest | None = None) -> Way:
    found = steering(*moves).way(request or asked())
    assert found is not None
    return found


def anybody(name: str) -> bool:
    return True


def test_without_moves_there_is_nothing_to_ask():
    assert steering().way(asked()) is None
    assert not steering().has_moves


def test_a_move_holds_until_its_time_and_a_clock_that_goes_back_brings_it_back():
    clock = ManualClock()
    found = steering(
        held(Drain(specialist="smart"), "soon", until=NOW + 5),
        held(Drain(specialist="other"), "later", until=NOW + 9),
        clock=clock,
    )

    def names() -> set[str]:
        way = found.way(asked())
        return set() if way is None else {each.name for each in (SMART, OTHER) if not way.is_open(each)}

    seen = [names()]
    for step_s in (4.9, 0.2, 4.0, -5.0):
        clock.advance(step_s)
        seen.append(names())

    assert seen == [{"smart", "other"}, {"smart", "other"}, {"other"}, set(), {"smart", "other"}]


@given(st.floats(allow_nan=False), st.floats(0, 1, exclude_max=True))
def test_a_request_is_among_a_share_or_not_and_always_the_same(share: float, drawn: float):
    draws = iter([drawn, 1.0 - drawn, 0.5])
    found = Way(asked(), InForce(()), Subjects("").of, lambda: next(draws), NOW)
    first = found.draws("a", share)

    assert first == (drawn < min(max(share, 0.0), 1.0))
    assert found.draws("a", share) == first


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_shares_are_kept_and_those_of_several_moves_have_nothing_to_do_with_one_another(share: float):
    made = steering(
        held(Shed(specialist="smart", share=share), "one"), held(Shed(specialist="other", share=0.5), "two")
    )
    ways = [made.way(asked()) for _ in range(4_000)]
    of_one = [each for each in ways if each is not None and each.is_shed("smart")]
    of_both = [each for each in of_one if each.is_shed("other")]

    assert len(of_one) == pytest.approx(4_000 * share, abs=4 * (4_000 * share * (1 - share)) ** 0.5)
    assert len(of_both) == pytest.approx(0.5 * len(of_one), abs=4 * (0.25 * len(of_one)) ** 0.5)


def test_requests_are_told_apart_as_their_records_do():
    request = asked("Wie geht es dir heute, mein Freund?", system="Be kind.", tenant="acme")
    subject = Subjects("").of(request)
    found = way(held(Drain(specialist="other")), request=request)

    assert found.is_in(())
    assert found.is_in((("tenant", "acme"), ("language", subject.language), ("template", subject.template)))
    assert not found.is_in((("tenant", "rival"),))
    assert not found.is_in((("topic", "t1"),)), "beforehand it cannot be told"


def test_a_reroute_is_followed_and_never_in_a_circle():
    found = way(
        held(Reroute(specialist="smart", to="other"), "a"),
        held(Reroute(specialist="other", to="third"), "b"),
        held(Reroute(specialist="third", to="smart"), "c"),
    )

    assert found.instead_of("smart", anybody) == ("third", ["a", "b"])
    assert found.instead_of("smart", lambda name: name != "third") == ("other", ["a"])
    assert found.instead_of("smart", lambda name: name == "third") == ("smart", [])


def test_who_goes_first_has_it_and_of_one_loop_the_narrower():
    wide, narrow = Reroute(specialist="smart", to="other"), (("tenant", "acme"),)
    found = way(
        held(wide, "wide"),
        held(Reroute(specialist="smart", to="third", where=narrow), "narrow"),
        request=asked(tenant="acme"),
    )
    assert found.instead_of("smart", anybody) == ("third", ["narrow"])

    found = way(held(Reroute(specialist="smart", to="third"), "loop"), held(wide, "person", loop="person"))
    assert found.instead_of("smart", anybody) == ("other", ["person"])


def test_a_request_that_tries_the_old_way_is_marked_and_one_beyond_the_share_is_not():
    trying = way(held(Reroute(specialist="smart", to="other", trial=1.0), "a"))
    beyond = way(held(Reroute(specialist="smart", to="other", share=0.0, trial=1.0), "a"))

    assert trying.instead_of("smart", anybody) == ("smart", ["a:trial"])
    assert beyond.instead_of("smart", anybody) == ("smart", [])


def test_variants_and_timeouts_are_those_of_the_moves_and_the_rest_is_as_configured():
    found = InForce(
        (SMART, OTHER),
        (
            held(UseVariant(specialist="smart", variant="v1"), "variant"),
            held(UseVariant(specialist="other", variant="none"), "unknown"),
            held(ChangeTimeouts(specialist="smart", total_s=9.0, first_token_s=-1.0), "loop"),
            held(ChangeTimeouts(specialist="smart", first_token_s=3.0), "person", loop="person"),
            held(ChangeTimeouts(specialist="nobody", total_s=3.0), "gone"),
        ),
    )
    smart = found.specialists["smart"]

    assert [each.id for each in smart.variants] == ["v1", "v2"]
    assert smart.timeouts == Timeouts(total_s=9.0, first_token_s=3.0)
    assert set(found.concerning("smart", "smart/1")) == {"variant", "loop", "person"}
    assert found.specialists["other"] is OTHER
    assert found.concerning("other", "other/1") == ()


def test_the_lowest_cap_holds_and_none_is_below_one():
    caps = [(2, "smart/1"), (5, "smart/1"), (0, "smart/2")]
    found = InForce(
        (SMART,),
        [held(LimitConcurrency(specialist="smart", endpoint=name, most=most)) for most, name in caps],
    )

    assert found.most_at_once == {"smart/1": 2, "smart/2": 1}


def test_what_was_done_once_is_noted_of_those_who_are_asked_there():
    found = way(held(RenewPool(specialist="smart", endpoint="smart/2"), "pool"))
    found.note_asked("smart", "smart/1")
    assert found.moves == ()

    found.note_asked("smart", "smart/2")
    assert found.moves == ("pool",)


def test_who_is_refused_is_told_when_to_come_again():
    shed = held(Shed(specialist="smart", share=1.0), "a", until=NOW + 4)
    error = way(shed).refusal("smart")

    assert error is not None
    assert (error.http_status, error.code, error.retry_after_s) == (429, "overloaded", 4.0)
    assert error.body()["error"]["type"] == "rate_limit_error"
    assert way(shed).refusal("other") is None
