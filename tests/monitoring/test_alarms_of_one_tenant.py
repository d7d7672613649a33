"""What one tenant's requests lose is its own alarm: it is soon known to be, and hides no fault of others."""

from alarm_traffic_samples import Requests, taught

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.observation import Observation
from guardian_cluster.monitoring.alarms import Alarms

SOUND = {"quality": 0.15, "error": 0.0}
FAILING = {"quality": 0.15, "error": 1.0}
HALF = {"quality": 0.15, "error": 0.4}


def of(tenant: str, requests: Requests, rates: dict[str, float]) -> Observation:
    return requests.next(rates, tenant=tenant)  # type: ignore[arg-type]


def told(alarms: Alarms, observations: list[Observation]) -> list[Alarm]:
    """Return what is said of alarms, those that were found to be narrower included."""
    said: list[Alarm] = []
    for each in observations:
        said += alarms.take(each)
        said += alarms.closed()
    return said


def test_an_alarm_of_everything_is_found_to_be_of_the_one_tenant_that_fails() -> None:
    requests = Requests(seed=5)
    alarms = taught(requests)

    said = told(
        alarms,
        [
            of(name, requests, FAILING if name == "globex" else SOUND)
            for name in ["acme", "globex", "initech"] * 20
        ],
    )

    assert said[0].closed is None
    assert said[-1].id == said[0].id
    assert said[-1].where == (("tenant", "globex"),)
    assert [alarm.where for alarm in alarms.open()] == [(("tenant", "globex"),)]


def test_a_tenant_whose_requests_all_fail_hides_no_fault_of_others() -> None:
    requests = Requests(seed=6)
    alarms = taught(requests)
    told(
        alarms,
        [of(name, requests, FAILING if name == "globex" else SOUND) for name in ["acme", "globex"] * 60],
    )

    said = told(
        alarms,
        [of(name, requests, FAILING if name == "globex" else HALF) for name in ["acme", "globex"] * 60],
    )

    assert [alarm for alarm in said if alarm.closed is None]
    assert len(alarms.open()) == 2


def test_a_fault_of_everything_stays_one() -> None:
    requests = Requests(seed=7)
    alarms = taught(requests)

    said = told(alarms, requests.many(200, {"quality": 0.15, "error": 0.5}))

    assert {alarm.where for alarm in said} == {()}
    assert len({alarm.id for alarm in said}) == 1
