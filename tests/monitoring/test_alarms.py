import math

import msgspec
import pytest
from alarm_traffic_samples import RATES, Requests, taken, taught

from guardian_cluster.domain.alarm import Acceptance
from guardian_cluster.monitoring.alarm_open import SILENT_S
from guardian_cluster.monitoring.alarms import Alarms

BAD = {**RATES, "quality": 0.55}
ADA = Acceptance(who="ada", at=5.0, note="the questions are harder now")


def test_nothing_is_said_while_all_is_as_usual():
    requests = Requests()

    assert taken(taught(requests), requests.many(3_000)) == []


def test_a_fault_is_noticed_once_and_said_of_everything():
    requests = Requests()
    alarms = taught(requests)

    raised = taken(alarms, requests.many(400, BAD))

    assert [(alarm.signal, alarm.where) for alarm in raised] == [("quality", ())]
    assert alarms.open("writer")[0].id == raised[0].id


def test_an_alarm_says_since_when_and_how_much_worse_and_shows_its_requests():
    requests = Requests()
    alarms = taught(requests)
    bad = requests.many(400, BAD)

    alarm = taken(alarms, bad)[0]

    assert abs(alarm.onset - bad[0].at) < 10 * 8.64
    assert alarm.raised >= alarm.onset
    assert 0.1 < alarm.expected < 0.2 < 0.35 < alarm.observed
    assert alarm.evidence >= math.log(alarm.bound)
    assert 0 < len(alarm.record_ids) <= 20
    assert set(alarm.record_ids) <= {each.id for each in bad if each.losses["quality"] == 1.0}


def test_a_fault_in_a_slice_is_said_of_the_slice():
    requests = Requests()
    alarms = taught(requests)
    raised = []

    for _ in range(800):
        each = (
            requests.next(BAD, endpoint="writer/2")
            if requests.number % 2
            else requests.next(endpoint="writer/1")
        )
        raised += alarms.take(each)

    assert [alarm.where for alarm in raised] == [(("endpoint", "writer/2"),)]


def test_an_alarm_is_closed_when_all_is_as_expected_again():
    requests = Requests()
    alarms = taught(requests)
    raised = taken(alarms, requests.many(400, BAD))
    before = alarms.closed()

    taken(alarms, requests.many(600))

    closed = alarms.closed()
    assert before == []
    assert [alarm.id for alarm in closed] == [alarm.id for alarm in raised]
    assert closed[0].closed is not None
    assert closed[0].ending == "recovered"
    assert alarms.open() == ()
    assert alarms.closed() == []


def test_time_alone_closes_nothing():
    requests = Requests()
    alarms = taught(requests)
    taken(alarms, requests.many(100, BAD))

    late = msgspec.structs.replace(requests.next(BAD), at=2_800_000_000.0)
    alarms.take(late)
    taken(alarms, requests.many(3_000, BAD))

    assert len(alarms.open()) == 1


def test_an_alarm_to_which_nobody_comes_for_days_is_closed_as_silent():
    requests = Requests()
    alarms = taught(requests)
    (alarm,) = taken(alarms, requests.many(100, BAD))

    alarms.wait(SILENT_S - 1.0, at=7.0)
    taken(alarms, requests.many(1, BAD))  # somebody came: it is counted anew
    alarms.wait(SILENT_S - 1.0, at=8.0)
    before = alarms.open()
    alarms.wait(1.0, at=9.0)

    (closed,) = alarms.closed()
    assert [each.id for each in before] == [alarm.id]
    assert (closed.id, closed.closed, closed.ending) == (alarm.id, 9.0, "silent")
    assert alarms.open() == ()


def test_how_long_nobody_came_is_known_after_a_restart():
    requests = Requests()
    alarms, later = taught(requests), Alarms(1.0)
    taken(alarms, requests.many(100, BAD))
    alarms.wait(SILENT_S - 1.0, at=7.0)

    later.restore(alarms.state())
    later.wait(1.0, at=9.0)

    assert [each.ending for each in later.closed()] == ["silent"]


def test_a_fault_does_not_become_usual():
    requests = Requests()
    alarms = taught(requests)
    before = alarms.expected(requests.next())["quality"]

    taken(alarms, requests.many(5_000, BAD))

    assert alarms.expected(requests.next())["quality"] == pytest.approx(before, abs=0.05)


def test_a_fault_that_is_accepted_is_usual_from_then_on():
    requests = Requests()
    alarms = taught(requests)
    alarm = taken(alarms, requests.many(400, BAD))[0]

    closed = alarms.accept(alarm.id, ADA)
    again = taken(alarms, requests.many(3_000, BAD))

    assert closed is not None
    assert (closed.closed, closed.ending, closed.acceptance) == (5.0, "accepted", ADA)
    assert alarms.accept(alarm.id, ADA) is None
    assert again == []
    assert alarms.expected(requests.next())["quality"] == pytest.approx(0.55, abs=0.15)


def test_the_same_requests_give_the_same_alarms():
    one, other = Requests(), Requests()
    first = taken(taught(one), one.many(300, BAD))

    assert taken(taught(other), other.many(300, BAD)) == first
    assert first


def test_a_request_that_is_read_twice_counts_once():
    requests = Requests()
    alarms = taught(requests)
    bad = requests.many(5, BAD | {"quality": 1.0})

    assert [alarm for _ in range(50) for alarm in taken(alarms, bad)] == []


def test_a_harder_topic_that_is_asked_more_often_is_no_fault():
    requests = Requests()
    alarms, hard = Alarms(1.0), {**RATES, "quality": 0.4}
    for _ in range(3_000):
        is_hard = requests.rng.random() < 0.2
        alarms.take(requests.next(hard, topic="law") if is_hard else requests.next(topic="tax"))

    raised = [
        alarm
        for _ in range(1_500)
        for alarm in alarms.take(
            requests.next(hard, topic="law") if requests.rng.random() < 0.8 else requests.next(topic="tax")
        )
    ]

    assert raised == []


def test_readings_say_how_signals_stand():
    requests = Requests()
    alarms = taught(requests)

    readings = {each.signal: each for each in alarms.readings("writer")}

    quality = readings["quality"]
    assert set(readings) == set(RATES)
    assert quality.low < quality.observed < quality.high
    assert quality.expected == pytest.approx(0.15, abs=0.04)
    assert alarms.readings("nobody") == ()


def test_nothing_is_expected_of_what_was_hardly_seen():
    requests = Requests()
    alarms = taught(requests, 100)

    assert alarms.expected(requests.next()) == {}
    assert {each.expected for each in alarms.readings("writer")} == {None}


def test_the_more_specialists_share_the_budget_the_more_evidence_is_needed():
    requests, other = Requests(), Requests(specialist="solver")
    alarms = taught(requests, 1_000)
    alone = alarms.bound("writer")

    taken(alarms, other.many(10))

    assert alarms.bound("writer") == pytest.approx(2.0 * alone)


INITECH = (("tenant", "initech"),)


def found_after(seed: int, *, is_known: bool) -> int:
    """Return after how many requests a fault of one tenant is found."""
    requests = Requests(seed)
    alarms = taught(requests)
    if is_known:
        alarms.know("writer", {("quality", INITECH): 0.5})
    for count in range(1, 2_000):
        is_bad = requests.rng.random() < 0.3
        each = (
            requests.next({**RATES, "quality": 0.5}, tenant="initech")
            if is_bad
            else requests.next(tenant="acme")
        )
        if alarms.take(each):
            return count
    raise AssertionError("nothing was found")


def test_what_is_known_before_is_found_sooner():
    seeds = (2, 3, 4)

    assert sum(found_after(seed, is_known=True) for seed in seeds) < sum(
        found_after(seed, is_known=False) for seed in seeds
    )


@pytest.mark.parametrize("weight", [-0.1, 0.95, math.nan])
def test_a_prior_weight_that_would_break_the_bound_is_refused(weight: float):
    with pytest.raises(ValueError, match=r"share|together"):
        Alarms().know("writer", {("quality", ()): weight})


@pytest.mark.parametrize("budget", [0.0, -1.0, math.nan, math.inf])
def test_a_budget_is_a_positive_number(budget: float):
    with pytest.raises(ValueError, match="false"):
        Alarms(budget)


def test_a_specialist_that_is_gone_is_forgotten():
    requests = Requests()
    alarms = taught(requests)

    alarms.forget("writer", at=7.0)

    assert alarms.readings("writer") == ()
    assert alarms.hear(requests.next()) == []
