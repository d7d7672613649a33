"""A slice that was as bad from its first request on has not changed; one that was well before has."""

import pytest
from alarm_traffic_samples import RATES, Requests, taken, taught

from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.observation import Dimension, Observation, Signal
from guardian_cluster.monitoring.alarms import Alarms

SOUND = {**RATES, "quality": 0.1}
ADA = Acceptance(who="ada", at=5.0)


def joined(
    requests: Requests,
    count: int,
    rates: dict[Signal, float],
    dimension: Dimension = "tenant",
    share: float = 0.2,
    well: int = 0,
) -> list[Observation]:
    """Return requests of which a share is a newcomer's, after so many of its own that are as everybody's."""
    found: list[Observation] = []
    own = 0
    for _ in range(count):
        is_new = requests.rng.random() < share
        own += is_new
        if is_new:
            bad = rates if own > well else SOUND
            found.append(requests.next(bad, **{dimension: "umbra"}))
        else:
            found.append(requests.next(SOUND))
    return found


def known(requests: Requests) -> Alarms:
    alarms = Alarms(1.0)
    taken(alarms, requests.many(3_000, SOUND))
    return alarms


@pytest.mark.parametrize("dimension", ["tenant", "template", "topic", "language"])
@pytest.mark.parametrize("rates", [{"quality": 0.7}, {"error": 1.0}], ids=["quality", "error"])
def test_a_newcomer_that_is_bad_from_its_first_request_raises_no_alarm(
    dimension: Dimension, rates: dict[Signal, float]
) -> None:
    requests = Requests(seed=3)
    alarms = known(requests)

    raised = taken(alarms, joined(requests, 1_500, {**SOUND, **rates}, dimension))

    assert raised == []


def test_what_a_newcomer_loses_is_expected_of_it_at_once_and_of_nobody_else() -> None:
    requests = Requests(seed=3)
    alarms = known(requests)

    taken(alarms, joined(requests, 500, {**SOUND, "quality": 0.7}))

    assert alarms.expected(requests.next(tenant="umbra"))["quality"] == pytest.approx(0.7, abs=0.12)
    assert alarms.expected(requests.next(tenant="acme"))["quality"] == pytest.approx(0.1, abs=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_newcomer_that_was_well_and_becomes_bad_raises_one(seed: int) -> None:
    requests = Requests(seed)
    alarms = known(requests)

    raised = taken(alarms, joined(requests, 700, {**SOUND, "quality": 0.7}, well=40))

    assert [alarm.where for alarm in raised] == [(("tenant", "umbra"),)]


def test_a_specialist_that_is_bad_from_its_first_request_raises_none() -> None:
    requests = Requests(seed=4)

    assert taken(Alarms(1.0), requests.many(4_000, {**RATES, "quality": 0.7})) == []


def test_what_the_cluster_chose_itself_is_not_excused() -> None:
    requests = Requests(seed=5)
    alarms = known(requests)

    raised = taken(alarms, joined(requests, 600, {**SOUND, "quality": 0.7}, "endpoint"))

    assert [alarm.where for alarm in raised] == [(("endpoint", "umbra"),)]


def test_a_bad_newcomer_hides_no_fault_of_everything() -> None:
    requests = Requests(seed=6)
    alarms = known(requests)
    taken(alarms, joined(requests, 40, {**SOUND, "error": 1.0}))

    worse = {**SOUND, "error": 0.4}
    raised = taken(alarms, (requests.next(worse) for _ in range(150)))

    assert [(alarm.signal, alarm.where) for alarm in raised] == [("error", ())]


def test_where_all_requests_change_over_to_something_worse_that_is_a_fault() -> None:
    requests = Requests(seed=7)
    alarms = known(requests)

    raised = taken(alarms, requests.many(300, {**SOUND, "error": 0.5}, template="new"))

    assert {alarm.signal for alarm in raised} == {"error"}


def test_who_makes_up_bad_slices_without_end_is_alarmed_of() -> None:
    requests = Requests(seed=8)
    alarms = known(requests)
    raised: list[Alarm] = []

    for number in range(1_200):
        made_up = f"made-up-{number // 40}"
        raised += alarms.take(requests.next({**SOUND, "error": 1.0}, tenant="eve", template=made_up))
        raised += alarms.take(requests.next(SOUND))

    assert raised


def test_the_fault_of_a_slice_that_is_accepted_is_usual_there_at_once() -> None:
    requests = Requests(seed=9)
    alarms = taught(requests)
    bad = {**RATES, "quality": 0.7}
    alarm = taken(alarms, (each for _ in range(150) for each in _one_bad(requests, bad)))[0]

    closed = alarms.accept(alarm.id, ADA)
    again = taken(alarms, (each for _ in range(300) for each in _one_bad(requests, bad)))

    assert closed is not None
    assert (closed.where, closed.ending) == ((("tenant", "globex"),), "accepted")
    assert again == []


def _one_bad(requests: Requests, bad: dict[Signal, float]) -> list[Observation]:
    return [
        requests.next(bad, tenant="globex"),
        requests.next(tenant="acme"),
        requests.next(tenant="initech"),
    ]
