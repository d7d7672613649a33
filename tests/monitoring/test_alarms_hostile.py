"""Marks that are late, twice or hostile, clocks that jump, values made up, states that are none."""

import math
import random

import msgspec
import pytest
from alarm_traffic_samples import RATES, Requests, taken, taught
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.observation import Observation
from guardian_cluster.monitoring.alarms import Alarms

BAD = {**RATES, "quality": 0.6}
NO_QUALITY = {signal: rate for signal, rate in RATES.items() if signal != "quality"}


def marked(requests: Requests, loss: float, tenant: str) -> Observation:
    each = requests.next(tenant=tenant)
    return msgspec.structs.replace(each, losses={"quality": loss})


def heard(alarms: Alarms, requests: Requests, count: int, rng: random.Random) -> list[Alarm]:
    """Return the alarms that marks raise of callers who are content but for one in seven."""
    marks = [marked(requests, float(rng.random() < 0.15), rng.choice("abcdef")) for _ in range(count)]
    return [alarm for each in marks for alarm in alarms.hear(each)]


def marks_known(requests: Requests, rng: random.Random) -> Alarms:
    alarms = Alarms(1.0)
    taken(alarms, requests.many(500, NO_QUALITY))
    heard(alarms, requests, 1_500, rng)
    return alarms


def test_marks_that_become_worse_are_noticed():
    requests, rng = Requests(), random.Random(1)
    alarms = marks_known(requests, rng)

    calm = heard(alarms, requests, 500, rng)
    raised = [
        alarm
        for _ in range(300)
        for alarm in alarms.hear(marked(requests, float(rng.random() < 0.7), rng.choice("abcdef")))
    ]

    assert calm == []
    assert [(alarm.signal, alarm.where) for alarm in raised] == [("quality", ())]


def test_marks_and_checks_do_not_mix():
    requests, rng = Requests(), random.Random(2)
    alarms = taught(requests)
    before = alarms.readings("writer")[0]

    for _ in range(100):
        alarms.hear(marked(requests, 1.0, rng.choice("abcdef")))

    assert alarms.readings("writer")[0] == before


def test_a_mark_that_comes_twice_counts_once():
    requests, rng = Requests(), random.Random(3)
    alarms = marks_known(requests, rng)
    bad = marked(requests, 1.0, "a")

    assert [alarm for _ in range(500) for alarm in alarms.hear(bad)] == []


def test_one_tenant_that_marks_everything_bad_raises_an_alarm_of_itself_alone():
    requests, rng = Requests(), random.Random(4)
    alarms = marks_known(requests, rng)

    raised = []
    for _ in range(2_000):
        raised += alarms.hear(marked(requests, 1.0, "a"))
        raised += heard(alarms, requests, int(rng.random() < 0.3), rng)

    assert [alarm.where for alarm in raised] == [(("tenant", "a"),)]


def marks_until_alarm(tenants: str, seed: int) -> int:
    """Return how many marks of these tenants it takes to notice that they became worse."""
    requests, rng = Requests(seed), random.Random(seed)
    alarms = Alarms(1.0)
    taken(alarms, requests.many(300, NO_QUALITY))
    for loss, most in ((0.15, 1_200), (0.55, 1_000)):
        for count in range(1, most):
            mark = marked(requests, float(rng.random() < loss), rng.choice(tenants))
            if alarms.hear(mark):
                return count
    raise AssertionError("nothing was found")


def test_marks_of_three_tenants_count_about_as_soon_as_those_of_five():
    seeds = (1, 2, 3)

    three, five = (sum(marks_until_alarm(those, seed) for seed in seeds) for those in ("abc", "abcde"))

    assert three < 1.7 * five


@pytest.mark.parametrize(("share", "loss"), [(0.33, 1.0), (0.33, 0.5), (0.8, 0.5)])
def test_one_of_three_tenants_raises_no_alarm_of_the_others(share: float, loss: float):
    requests, rng = Requests(6), random.Random(6)
    alarms = Alarms(1.0)
    taken(alarms, requests.many(300, NO_QUALITY))
    for _ in range(1_200):
        alarms.hear(marked(requests, float(rng.random() < 0.15), rng.choice("abc")))

    raised = []
    for _ in range(1_000):
        tenant = "a" if rng.random() < share else rng.choice("bc")
        bad = loss if tenant == "a" else 0.15
        raised += alarms.hear(marked(requests, float(rng.random() < bad), tenant))

    assert {alarm.where for alarm in raised} == {(("tenant", "a"),)}


def test_marks_of_a_specialist_that_was_never_seen_say_nothing():
    assert Alarms().hear(marked(Requests(), 1.0, "a")) == []


@pytest.mark.parametrize("jump", [-1e9, 1e9, math.nan, math.inf, -math.inf])
def test_a_clock_that_jumps_raises_no_alarm_and_hides_no_fault(jump: float):
    requests = Requests()
    alarms = taught(requests)

    for each in requests.many(600):
        assert alarms.take(msgspec.structs.replace(each, at=each.at + jump)) == []
    raised = taken(alarms, requests.many(500, BAD))

    assert [alarm.signal for alarm in raised] == ["quality"]


def test_a_clock_that_leaps_back_and_forth_does_not_make_alarms_deaf():
    requests = Requests()
    alarms = taught(requests)
    before = alarms.bound("writer")

    for number, each in enumerate(requests.many(2_000)):
        alarms.take(msgspec.structs.replace(each, at=each.at + 1e7 * (number % 2)))

    assert before / 20.0 < alarms.bound("writer") < 20.0 * before


def test_values_that_are_made_up_fill_no_memory_and_push_out_no_real_one():
    requests = Requests()
    alarms = taught(requests)
    size = len(alarms.state())

    for number in range(1_500):
        alarms.take(requests.next(template=f"made-up-{number // 6}", language="x" * 10_000))
    raised = taken(alarms, requests.many(500, BAD, tenant="globex"))

    assert len(alarms.state()) < 3 * size + 2_000_000
    assert {alarm.signal for alarm in raised} == {"quality"}


def test_losses_that_are_none_are_passed_over():
    requests = Requests()
    alarms = taught(requests)
    strange = [math.nan, -1.0, 2.0, math.inf]

    for number in range(400):
        each = msgspec.structs.replace(requests.next(), losses={"quality": strange[number % 4], "error": 0.0})
        assert alarms.take(each) == []


def test_many_slices_with_a_fault_each_do_not_fill_the_memory_with_alarms():
    requests = Requests()
    alarms = Alarms(1.0)
    for _ in range(1_500):
        alarms.take(requests.next(tenant=f"t{requests.rng.randrange(12)}"))

    taken(alarms, (requests.next(BAD, tenant=f"t{requests.rng.randrange(12)}") for _ in range(1_500)))

    assert 1 <= len(alarms.open()) <= 20


@given(st.integers(0, 4_000), st.integers(1, 400), st.integers(0, 2**16))
@settings(max_examples=6, deadline=None)
def test_after_a_restart_everything_goes_on_exactly(known: int, fault: int, seed: int):
    requests = Requests(seed)
    one, other = taught(requests, known), Alarms(1.0)
    taken(one, requests.many(fault, BAD))

    other.restore(one.state())
    rest = [*requests.many(300, BAD, topic="new"), *requests.many(700)]

    assert taken(one, rest) == taken(other, rest)
    assert one.closed() == other.closed()
    assert one.readings("writer") == other.readings("writer")
    assert one.state() == other.state()


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_bytes_that_are_no_state_are_refused(data: bytes):
    with pytest.raises(ValueError, match="no state of alarms"):
        Alarms().restore(data)


@given(st.integers(0, 10**9), st.integers(1, 255))
@settings(max_examples=40, deadline=None)
def test_a_damaged_state_is_refused_or_harmless(place: int, change: int):
    data = bytearray(_STATE)
    data[place % len(data)] ^= change
    alarms, requests = Alarms(), Requests(8)
    alarms.restore(_STATE)

    try:
        alarms.restore(bytes(data))
    except ValueError:
        assert alarms.state() == _STATE
    else:
        taken(alarms, requests.many(5))


def test_a_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="version 99"):
        Alarms().restore(msgspec.msgpack.encode({"version": 99, "watches": []}))


_STATE = taught(Requests(7), 400).state()
