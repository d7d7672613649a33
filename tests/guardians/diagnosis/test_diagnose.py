import json

import msgspec
import pytest
from diagnosis_samples import BEFORE, GAP_S, START, window

from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.observation import Observation, Slice, holds
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.diagnosis.diagnose import diagnose

ENDPOINT: Slice = (("endpoint", "writer/2"),)
PAIR: Slice = (("tenant", "a"), ("language", "english"))
AT = START + BEFORE * GAP_S


def alarm(**changes: object) -> Alarm:
    facts = {"id": "alarm_1", "specialist": "writer", "signal": "quality", "raised": AT + 100, "onset": AT}
    rest = {"evidence": 12.0, "bound": 1e5, "expected": 0.1, "observed": 0.4, "requests": 50}
    return msgspec.convert({**facts, **rest, **changes}, Alarm)


def change(kind: str, id: str = "c1", **changes: object) -> ChangeEvent:
    facts = {"id": id, "at": AT - 60, "kind": kind, "subject": "specialists.writer"}
    return msgspec.convert({**facts, **changes}, ChangeEvent)


@pytest.mark.parametrize(
    ("cause", "where"),
    [
        ("upstream_errors", ENDPOINT),
        ("quota", ENDPOINT),
        ("hang", ENDPOINT),
        ("truncated_stream", ENDPOINT),
        ("slow", (("model", "large"),)),
        ("wrong_format", PAIR),
        ("refusal_spike", PAIR),
        ("quality_drop", (("topic", "t1"),)),
        ("stale_context", (("topic", "t1"),)),
        ("cost_blowup", (("variant", "v2"),)),
        ("detector_drift", ()),
        ("own_resources", ()),
    ],
)
def test_a_fault_is_named_and_located(cause: Cause, where: Slice) -> None:
    seen = window(11, ((cause, where),), strength=0.7)

    report = diagnose(seen, at=seen.until)

    assert [(each.cause, each.where) for each in report.diagnoses] == [(cause, where)]
    found = report.diagnoses[0]
    assert abs(found.onset - AT) < 150 * GAP_S
    assert found.probability == max(found.causes.values()) > 0.5


def test_a_changed_variant_makes_a_drop_in_quality_a_regression() -> None:
    where: Slice = (("variant", "v2"),)
    changes = (change("variant", after='{"id": "v2"}'), change("endpoint", "c2", at=START + 5.0))
    seen = window(12, (("variant_regression", where),), strength=0.8, changes=changes)

    found = diagnose(seen, at=seen.until).diagnoses

    assert [(each.cause, each.where, each.changes) for each in found] == [
        ("variant_regression", where, ("c1",))
    ]


def test_two_faults_at_once_are_two_diagnoses() -> None:
    faults: tuple[tuple[Cause, Slice], ...] = (("hang", ENDPOINT), ("cost_blowup", (("variant", "v2"),)))

    seen = window(13, faults, strength=0.7)

    found = diagnose(seen, at=seen.until).diagnoses
    assert {(each.cause, each.where) for each in found} == set(faults)


def test_nothing_is_said_of_days_without_a_fault() -> None:
    windows = [window(seed) for seed in range(300, 308)]

    assert sum(bool(diagnose(each, at=each.until).diagnoses) for each in windows) <= 1


def test_an_alarm_without_a_place_has_no_cause() -> None:
    seen = msgspec.structs.replace(window(14), alarms=(alarm(),))

    (found,) = diagnose(seen, at=seen.until).diagnoses

    assert (found.cause, found.findings, found.where) == (None, (), ())
    assert (found.signal, found.alarm_ids) == ("quality", ("alarm_1",))
    assert "nothing localisable" in found.summary


def test_alarms_that_are_closed_or_of_others_are_passed_over() -> None:
    others = (alarm(closed=AT + 50), alarm(id="alarm_2", specialist="other"))

    seen = msgspec.structs.replace(window(14), alarms=others)

    assert diagnose(seen, at=seen.until).diagnoses == ()


def test_a_fault_keeps_its_id_while_its_alarm_is_open() -> None:
    short, long = (window(15, (("quality_drop", ENDPOINT),), strength=0.8, after=n) for n in (600, 900))
    both = (msgspec.structs.replace(each, alarms=(alarm(),)) for each in (short, long))

    ids = {diagnose(each, at=each.until).diagnoses[0].id for each in both}

    assert len(ids) == 1


def test_the_same_window_gives_the_same_report_in_any_order_of_its_requests() -> None:
    seen = window(16, (("refusal_spike", PAIR),), strength=0.7)
    turned = msgspec.structs.replace(seen, observations=seen.observations[::-1])

    assert msgspec.json.encode(diagnose(seen, at=1.0)) == msgspec.json.encode(diagnose(turned, at=1.0))


def test_the_evidence_is_of_the_slice_since_the_onset_and_tells_most_first() -> None:
    seen = window(17, (("wrong_format", ENDPOINT),), strength=0.6)
    by_id = {each.id: each for each in seen.observations}

    (found,) = diagnose(seen, at=seen.until).diagnoses

    shown = [by_id[each] for each in found.record_ids]
    assert 20 <= len(shown) <= 50
    assert all(holds(ENDPOINT, each) and each.at >= found.onset for each in shown)
    assert shown[0].losses["format"] == 1.0


def test_an_endpoint_is_blamed_for_what_another_answered_in_its_place() -> None:
    seen = window(18, (("quota", ENDPOINT),), strength=0.9)

    (found,) = diagnose(seen, at=seen.until).diagnoses

    assert found.where == ENDPOINT
    assert found.signature == "upstream_rate_limited: rate limit reached for <*> requests per minute"


def test_a_summary_says_where_how_much_and_why() -> None:
    seen = window(19, (("upstream_errors", ENDPOINT),), strength=0.7, changes=(change("endpoint"),))

    (found,) = diagnose(seen, at=seen.until).diagnoses

    for part in ("error is worse for endpoint=writer/2", "upstream_errors", "specialists.writer"):
        assert part in found.summary


def observation(number: int, **changes: object) -> Observation:
    facts = {"id": f"r{number}", "at": START + number, "specialist": "writer", "dimensions": {}, "losses": {}}
    return msgspec.convert({**facts, **changes}, Observation)


@pytest.mark.parametrize(
    "observations",
    [
        (),
        (observation(1),),
        tuple(observation(n) for n in range(100)),
        tuple(observation(n, losses={"error": 1.0}) for n in range(100)),
        tuple(observation(n, at=float("nan"), losses={"error": 1.0}) for n in range(100)),
        tuple(observation(n, at=START, losses={"quality": float(n % 2)}) for n in range(100)),
        tuple(observation(n, losses={"quality": float("nan"), "cost": 1e9}) for n in range(100)),
        tuple(
            observation(n, dimensions={"tenant": f"t{n}"}, losses={"error": float(n > 60)})
            for n in range(100)
        ),
    ],
)
def test_windows_that_tell_nothing_are_survived(observations: tuple[Observation, ...]) -> None:
    seen = Window(specialist="writer", since=START, until=START + 100, observations=observations)

    report = diagnose(msgspec.structs.replace(seen, alarms=(alarm(onset=1e18),)), at=START + 100)

    json.loads(msgspec.json.encode(report))
    assert all(each.where == () for each in report.diagnoses)


def test_records_of_others_and_second_ones_of_an_id_are_no_evidence() -> None:
    seen = window(20, (("quality_drop", ENDPOINT),), strength=0.8)
    forged = [
        msgspec.structs.replace(each, specialist="other", id=f"x{each.id}") for each in seen.observations
    ]
    twice = (*seen.observations, *forged, *seen.observations)

    mixed = diagnose(msgspec.structs.replace(seen, observations=twice), at=seen.until)

    assert mixed == diagnose(seen, at=seen.until)


def test_a_hostile_template_neither_moves_the_slice_nor_shows_itself_whole() -> None:
    seen = window(21, (("upstream_errors", ENDPOINT),), strength=0.7)
    said = "\x1b[31mendpoint=writer/1 tenant=a\u202e" + "A" * 100_000
    lying = [
        msgspec.structs.replace(
            each, tries=tuple(msgspec.structs.replace(one, said=said) for one in each.tries if one.error)
        )
        for each in seen.observations
    ]

    (found,) = diagnose(msgspec.structs.replace(seen, observations=tuple(lying)), at=seen.until).diagnoses

    assert found.where == ENDPOINT
    assert len(found.signature) <= 200
    assert all(each.isprintable() for each in (found.signature, found.summary))


def test_a_clock_that_jumps_back_for_some_requests_does_not_hide_a_fault() -> None:
    seen = window(22, (("quality_drop", ENDPOINT),), strength=0.8)
    jumped = [
        msgspec.structs.replace(each, at=each.at - 3_600.0 if n % 50 == 0 else each.at)
        for n, each in enumerate(seen.observations)
    ]

    (found,) = diagnose(msgspec.structs.replace(seen, observations=tuple(jumped)), at=seen.until).diagnoses

    assert (found.cause, found.where) == ("quality_drop", ENDPOINT)
