"""Who is called, as pure decisions: room in an hour, steps, and what counts as told."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
import pytest
from alert_samples import HOSTILE, T0, delivery, incident, policy
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.alert import AlertState, DeliveryState
from guardian_cluster.domain.incident import Entry
from guardian_cluster.recovery.alerts.composing import alert_of, written
from guardian_cluster.recovery.alerts.deciding import HOUR_S, has_heard, next_slot, page_times, steps_of, told
from guardian_cluster.recovery.alerts.words import one_line, several_lines

replace = msgspec.structs.replace


@given(st.lists(st.floats(0, 2_000), max_size=60), st.integers(1, 8))
def test_no_hour_has_more_pages_than_allowed_and_none_is_lost(gaps: Sequence[float], most: int):
    pages: list[float] = []
    now = T0
    for gap in gaps:
        now += gap
        slot = next_slot(pages, now, most)
        assert slot >= now
        pages.append(slot)

    pages.sort()
    assert len(pages) == len(gaps)
    assert all(later - earlier >= HOUR_S for earlier, later in zip(pages, pages[most:], strict=False))


def test_room_is_given_at_once_where_there_is_some():
    assert next_slot([], T0, 1) == T0
    assert next_slot([T0 - HOUR_S], T0, 1) == T0
    assert next_slot([T0 - 10, T0 - HOUR_S + 5], T0, 2) == T0 + 5


def test_a_page_is_one_call_however_many_sinks_say_it():
    here, there = delivery(id="a", sink="a"), replace(delivery(id="b", sink="b"), due=T0 + 5)
    later = delivery(id="c", at=T0 + 60)
    dropped = replace(delivery(id="d", at=T0 + 70), state="given_up")
    end = delivery("resolve", id="e", at=T0 + 80)

    assert page_times([here, there, later, dropped, end]) == [T0, T0 + 60]


@pytest.mark.parametrize(
    ("state", "tries", "counts"),
    [
        ("waiting", 0, True),
        ("waiting", 1, True),
        ("delivered", 1, True),
        ("given_up", 1, True),
        ("given_up", 0, False),
    ],
)
def test_a_sink_is_told_unless_its_call_was_dropped_untried(state: DeliveryState, tries: int, counts: bool):
    assert bool(told([replace(delivery(), state=state, tries=tries)])) == counts


@pytest.mark.parametrize(
    ("before", "state", "has"),
    [
        (["trigger"], "resolve", False),
        (["trigger", "resolve"], "resolve", True),
        (["trigger", "resolve"], "acknowledge", True),
        (["trigger", "acknowledge"], "acknowledge", True),
        (["trigger", "acknowledge"], "resolve", False),
        (["trigger", "resolve", "trigger"], "resolve", False),
        (["trigger", "resolve", "change"], "resolve", True),
    ],
)
def test_an_end_is_told_once_for_each_call(before: list[AlertState], state: AlertState, has: bool):
    said = [delivery(each, id=str(at), at=T0 + at) for at, each in enumerate(before)]

    assert has_heard(said, "oncall", state) == has


def test_sinks_that_no_step_names_are_told_at_once():
    later = steps_of(policy("a", "b", "c", escalation=[(5, ("b",)), (10, ("c",))]))
    at_once = steps_of(policy("a", "b", "c", escalation=[(0, ("b",)), (10, ("c",))]))

    assert [(step.after_s, step.sinks) for step in later] == [(0, ("a",)), (5, ("b",)), (10, ("c",))]
    assert [(step.after_s, step.sinks) for step in at_once] == [(0, ("b", "a")), (10, ("c",))]
    assert [step.sinks for step in steps_of(policy("a", "b"))] == [("a", "b")]


@given(st.text(), st.integers(1, 50))
def test_words_are_printable_and_bounded(text: str, limit: int):
    line, lines = one_line(HOSTILE + text, limit), several_lines(text + HOSTILE, limit)

    assert line.isprintable()
    assert len(line) <= limit
    assert all(each.isprintable() and each for each in lines.splitlines())
    assert len(lines) <= limit


@given(st.floats())
def test_whatever_the_times_of_an_incident_are_it_is_put_into_words(at: float):
    found = incident(onset=at, opened=at, resolved=at, history=(Entry(at=at, said="noticed"),))

    since = dict(alert_of(found, "trigger", T0).facts)["since"]

    assert datetime.fromisoformat(since).year in range(1970, 10_000)
    assert written(T0 + 0.25) == "2023-11-14T22:13:20.250Z"
