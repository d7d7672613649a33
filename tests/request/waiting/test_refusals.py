"""What callers and operators are told of refusals."""

from typing import get_args

from harness import Collected

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.request.waiting.admission import Refusal, Why
from guardian_cluster.request.waiting.refusals import EVENT_INTERVAL_S, SPECIALISTS_KEPT, Refusals, sentence


def refusal(why: Why = "full", specialist: str = "smart") -> Refusal:
    return Refusal(specialist=specialist, why=why, waiting=1_024, waited_s=4.26, retry_after_s=3.4)


def told() -> tuple[Refusals, ManualClock, Collected]:
    clock, collected = ManualClock(), Collected()
    return Refusals(clock, collected), clock, collected


def counts(collected: Collected) -> list[tuple[str, int]]:
    return [(each.subject, each.count) for each in collected.reports if isinstance(each, GatewayEvent)]


def test_a_caller_is_told_what_is_busy_and_when_to_try_again():
    error = told()[0].refused(refusal())

    assert (error.http_status, error.code, error.retry_after_s) == (429, "specialist_busy", 3.4)
    assert error.message == (
        "Every endpoint of `smart` is busy, and 1,024 requests wait already; try again in 3 s."
    )


def test_every_reason_is_said_in_its_own_words():
    whys = get_args(Why)

    assert len({sentence(refusal(why)) for why in whys}) == len(whys) == 5


def test_an_overload_is_reported_once_in_an_interval_with_the_number_of_all():
    refusals, clock, collected = told()
    for _ in range(50):
        refusals.refused(refusal())
    clock.advance(EVENT_INTERVAL_S)
    refusals.refused(refusal("too_long"))

    assert counts(collected) == [("smart", 1), ("smart", 50)]
    assert [each.detail for each in collected.reports if isinstance(each, GatewayEvent)] == [
        "full, 1024 waiting",
        "too_long, 1024 waiting",
    ]


def test_each_specialist_is_reported_by_itself():
    refusals, _, collected = told()
    refusals.refused(refusal())
    refusals.refused(refusal(specialist="other"))

    assert counts(collected) == [("smart", 1), ("other", 1)]


def test_a_clock_that_goes_back_does_not_silence_the_report():
    refusals, clock, collected = told()
    refusals.refused(refusal())
    clock.advance(-1e6)
    refusals.refused(refusal())

    assert len(collected.reports) == 2


def test_no_more_specialists_are_remembered_than_may_be():
    refusals, _, _ = told()
    for number in range(2 * SPECIALISTS_KEPT):
        refusals.refused(refusal(specialist=f"s{number}"))

    assert len(refusals._told) == SPECIALISTS_KEPT  # pyright: ignore[reportPrivateUsage]
