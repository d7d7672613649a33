import msgspec
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.incident import OPEN, Entry, FailureEvent, Incident
from guardian_cluster.domain.incident_union import MOST_EVENTS, MOST_HISTORY, reported_again, united

ids = st.lists(st.integers(0, 99).map(str), max_size=MOST_EVENTS, unique=True).map(tuple)
entries = st.builds(Entry, at=st.integers(0, 50).map(float), said=st.sampled_from("abc"))
histories = st.lists(entries, max_size=MOST_HISTORY, unique=True).map(
    lambda found: tuple(sorted(found, key=lambda entry: entry.at))
)
incidents = st.builds(
    Incident,
    id=st.just("n1"),
    key=st.just("k"),
    specialist=st.just("writer"),
    signal=st.just("error"),
    state=st.sampled_from(["detected", "acting", "escalated", "resolved", "learned"]),
    severity=st.sampled_from(["critical", "warning"]),
    opened=st.just(0.0),
    updated=st.floats(0, 50),
    onset=st.floats(0, 50),
    resolved=st.none() | st.floats(0, 50),
    event_ids=ids,
    action_ids=ids,
    flaps=st.integers(0, 200),
    acknowledged=st.none() | st.floats(1, 50),
    escalation=st.integers(0, 3),
    paged=st.none() | st.floats(1, 50),
    history=histories,
)


@given(incidents)
def test_an_incident_united_with_itself_is_itself(kept: Incident) -> None:
    assert united(kept, kept) == kept


@given(incidents, incidents)
def test_what_only_grows_is_never_less_than_either_had(kept: Incident, other: Incident) -> None:
    found = united(kept, other)

    for each in (kept, other):
        assert set(each.action_ids) <= set(found.action_ids)
        assert found.flaps >= each.flaps
        assert found.escalation >= each.escalation
        assert found.updated >= each.updated
        assert (found.paged or 0) >= (each.paged or 0)
        assert each.acknowledged is None or (found.acknowledged or 99) <= each.acknowledged
    assert found.event_ids[-1:] or not (kept.event_ids or other.event_ids)


@given(incidents, incidents)
def test_of_events_and_history_the_bound_keeps_the_newest(kept: Incident, other: Incident) -> None:
    found = united(kept, other)

    either = set(kept.event_ids) | set(other.event_ids)
    assert len(found.event_ids) == len(set(found.event_ids)) == min(MOST_EVENTS, len(either))
    lines = sorted({*kept.history, *other.history}, key=lambda entry: entry.at)
    assert [line.at for line in found.history] == [line.at for line in lines[-MOST_HISTORY:]]
    assert set(found.history) <= set(lines)


@given(incidents, incidents)
def test_one_that_is_over_stays_over(kept: Incident, other: Incident) -> None:
    found = united(kept, other)

    assert found.is_open == (kept.is_open and other.is_open)
    assert not found.is_open or found.state == other.state


@given(st.integers(1, 3 * MOST_EVENTS), st.integers(0, 2 * MOST_EVENTS))
def test_an_old_copy_displaces_no_newer_event(events: int, seen: int) -> None:
    told = [str(number) for number in range(events)]
    old = told[: min(seen, events)][-MOST_EVENTS:]
    kept = _with(told[-MOST_EVENTS:])

    assert united(kept, _with(old)).event_ids == tuple(told[-MOST_EVENTS:])


def test_an_event_is_the_newest_one_and_counted_however_many_there_were() -> None:
    kept = _with([str(number) for number in range(MOST_EVENTS)])
    event = FailureEvent(id="e", at=9.0, onset=9.0, specialist="writer", signal="error", source="gateway")

    found = reported_again(kept, event, kept)

    assert found.event_ids[-1] == "e"
    assert (len(found.event_ids), found.flaps) == (MOST_EVENTS, kept.flaps + 1)
    assert found.state in OPEN


def _with(event_ids: list[str]) -> Incident:
    blank = Incident(id="n1", key="k", specialist="s", signal="error", opened=0.0, updated=0.0, onset=0.0)
    return msgspec.structs.replace(blank, event_ids=tuple(event_ids))
