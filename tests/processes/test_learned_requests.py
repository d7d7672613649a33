"""What is learned of requests: whose alarms end with what they are about, and what is known after a restart."""

import msgspec
import pytest
from harness import base, specialist
from sample_records import NOON, request_record

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.processes.learned import Learned

ENDPOINTS = 8
WRITER = specialist("writer", *[f"http://127.0.0.1:{n}/v1" for n in range(1, ENDPOINTS + 1)])
SOUND, BROKEN = 800, 160


def answered(number: int, *, broken: bool = False) -> RequestRecord:
    endpoint = f"writer/{1 + number % ENDPOINTS}"
    fails: dict[str, object] = {"outcome": "error", "status": 502, "error": "upstream_error"}
    return request_record(
        f"r{number}",
        started=NOON + number,
        specialist="writer",
        endpoint=endpoint,
        **(fails if broken and endpoint == "writer/2" else {}),
    )


def alarmed() -> Learned:
    """Return what is known after an endpoint began to fail."""
    learned = Learned()
    learned.configure(base(WRITER), NOON)
    for number in range(SOUND + BROKEN):
        learned.take(answered(number, broken=number >= SOUND))
    return learned


def test_requests_that_try_whether_a_fault_is_over_raise_no_alarm() -> None:
    learned = Learned()
    learned.configure(base(WRITER), NOON)
    raised = [
        learned.take(
            msgspec.structs.replace(
                answered(number, broken=number >= SOUND), moves=("a1:trial",) * (number >= SOUND)
            )
        )
        for number in range(SOUND + BROKEN)
    ]

    assert not any(raised)
    assert alarmed().alarms.open()


def test_an_alarm_ends_with_the_endpoint_that_it_is_about() -> None:
    learned = alarmed()
    where = [alarm.where for alarm in learned.alarms.open()]
    one_left = msgspec.structs.replace(WRITER, endpoints=WRITER.endpoints[:1])

    learned.configure(base(one_left), NOON + 9_000)

    assert (("endpoint", "writer/2"),) in where
    assert not [alarm for alarm in learned.alarms.open() if dict(alarm.where).get("endpoint") == "writer/2"]
    assert {alarm.closed for alarm in learned.alarms.closed()} == {NOON + 9_000}


def test_alarms_end_with_the_specialist_that_they_are_about() -> None:
    learned = alarmed()

    learned.configure(base(), NOON + 9_000)

    assert learned.alarms.open() == ()
    assert all(alarm.closed for alarm in learned.alarms.closed())
    assert learned.take(answered(9_999, broken=True)) == []


def test_what_is_known_survives_a_restart_and_a_request_counts_once() -> None:
    before = alarmed()
    after = Learned()

    after.restore(before.state())
    after.configure(base(WRITER), NOON + 9_000)

    assert after.alarms.open() == before.alarms.open()
    assert after.take(answered(SOUND + BROKEN - 1, broken=True)) == []
    assert after.readings("writer") == before.readings("writer")


@pytest.mark.parametrize("damaged", [b"", b"no state", b"x\x9c" + b"\0" * 20])
def test_a_damaged_state_is_refused_and_changes_nothing(damaged: bytes) -> None:
    learned = alarmed()
    known = learned.readings("writer")

    with pytest.raises(ValueError, match="no state"):
        learned.restore(damaged)

    assert learned.readings("writer") == known
