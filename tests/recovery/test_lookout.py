"""Looking on: what the requests of an incident tell, however few they are, each taken once."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from recovery_samples import NOON, incident, observation

from guardian_cluster.domain.observation import Observation
from guardian_cluster.recovery.following import MOST_READ
from guardian_cluster.recovery.lookout import Lookout
from guardian_cluster.recovery.validation import validate

WAITING = incident(where=(("tenant", "acme"),), bad=0.5)


def came(count: int, loss: float, *, acme_every: int = 1, began: float = NOON) -> list[Observation]:
    """Return requests, ten a second, of which every so many are in the place."""
    return [
        observation(
            number,
            began + number / 10,
            loss,
            dimensions={"tenant": "acme" if number % acme_every == 0 else "bolt"},
        )
        for number in range(count)
    ]


def read(requests: list[Observation], at: float) -> list[Observation]:
    """Return what a reader of limited patience gives."""
    return [each for each in requests if each.at >= at][:MOST_READ]


def test_a_place_that_few_are_in_is_judged_in_time() -> None:
    requests, lookout = came(12_000, 1.0, acme_every=1_000), Lookout(NOON)

    states = [lookout.look(read(requests, lookout.at), WAITING, NOON + 1_300.0).state for _ in range(6)]

    assert states[0] == "undecided"
    assert states[-1] == "failed"


@given(st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=20))
def test_however_often_one_looks_each_request_is_taken_once(steps: list[int]) -> None:
    requests, lookout, now = came(sum(steps) * 10, 0.0), Lookout(NOON), NOON
    few = replace(WAITING, bad=0.02)
    for step in steps:
        now += step
        seen = [each for each in requests if each.at <= now]
        found = lookout.look(read(seen, lookout.at), few, now)

    taken = [0.0 for each in requests if each.at <= now]
    assert found == validate(taken, few.bad)


def test_what_may_yet_fail_is_taken_when_it_is_known() -> None:
    slow = replace(WAITING, known_after_s=60.0)
    requests, lookout = came(100, 1.0), Lookout(NOON)

    assert lookout.look(read(requests, lookout.at), slow, NOON + 10.0).requests == 0
    assert lookout.look(read(requests, lookout.at), slow, NOON + 70.0).state == "failed"


def test_a_mark_counts_whenever_it_comes() -> None:
    by_marks = replace(WAITING, by_marks=True, signal="quality")
    requests = [
        replace(each, losses={"quality": 0.0}) for each in came(20, 0.0)
    ]  # nobody has said anything of them yet
    lookout = Lookout(NOON, by_marks=True)
    assert lookout.look(read(requests, lookout.at), by_marks, NOON + 10.0).requests == 0

    marked = [replace(each, losses={"quality": 1.0}, feedback=0.0) for each in requests]
    assert lookout.look(read(marked, lookout.at), by_marks, NOON + 900.0).state == "failed"
