import numpy as np
import pytest

from guardian_cluster.statistics.slice_search import MIN_IN_ALL, Scan, SliceTable, Sums, rise

COUNTS = [3, 4, 2]


def requests(count: int = 2_000) -> np.ndarray:
    random = np.random.default_rng(3)
    return np.stack([random.integers(0, each, count) for each in COUNTS], axis=1)


def best(
    codes: np.ndarray, losses: np.ndarray, usual: float = 0.05
) -> tuple[tuple[tuple[int, int], ...], int]:
    table = SliceTable(codes, COUNTS)
    bins = np.arange(len(codes)) * 10 // len(codes)
    scores = Scan(table, bins, 10).scores(losses, np.full(len(codes), usual), np.ones(len(codes)))
    place = int((scores.value - table.cost).argmax())
    return table.levels(place), int(scores.edge[place])


@pytest.mark.parametrize("where", [(), ((1, 2),), ((0, 1), (2, 0)), ((0, 1), (1, 2), (2, 0))])
def test_the_slice_that_became_worse_is_found_with_its_beginning(where: tuple[tuple[int, int], ...]) -> None:
    codes, random = requests(4_000), np.random.default_rng(5)
    inside = np.arange(4_000) >= 2_800
    for attribute, level in where:
        inside &= codes[:, attribute] == level
    losses = (random.random(4_000) < np.where(inside, 0.5, 0.05)).astype(float)

    assert best(codes, losses) == (where, 7)


def test_a_slice_is_named_by_its_levels_and_holds_their_requests() -> None:
    codes = requests(300)
    table = SliceTable(codes, COUNTS)

    for place in range(len(table)):
        inside = np.ones(300, dtype=bool)
        for attribute, level in table.levels(place):
            inside &= codes[:, attribute] == level
        assert (np.sort(table.member[table.place == place]) == np.flatnonzero(inside)).all()
        assert inside.sum() >= MIN_IN_ALL


def test_a_request_with_an_unknown_level_is_in_no_slice_of_that_attribute() -> None:
    codes = requests(200)
    codes[:100, 1] = -1

    table = SliceTable(codes, COUNTS)

    named = [place for place in range(len(table)) if 1 in dict(table.levels(place))]
    assert named
    assert not any((table.member[table.place == place] < 100).any() for place in named)


def test_an_attribute_that_stands_alone_is_combined_with_no_other() -> None:
    table = SliceTable(requests(500), COUNTS, alone=[2])

    named = [table.levels(place) for place in range(len(table)) if 2 in dict(table.levels(place))]

    assert named == [((2, 0),), ((2, 1),)]


def test_slices_of_another_table_are_found_by_their_keys() -> None:
    one, other = SliceTable(requests(500), COUNTS), SliceTable(requests(500)[:60], COUNTS)

    found = other.find(one.key)

    assert (found < 0).any()
    assert all(other.levels(int(place)) == one.levels(n) for n, place in enumerate(found) if place >= 0)


def test_what_came_new_is_held_against_the_past_of_the_slice_without_it() -> None:
    codes = requests(1_000)
    codes[:, 2] = np.arange(1_000) >= 700
    table = SliceTable(codes, COUNTS)

    table.inherit({(2, 1)})

    place = next(n for n in range(len(table)) if table.levels(n) == ((1, 2), (2, 1)))
    assert table.levels(int(table.past_of[place])) == ((1, 2),)


def test_losses_that_fall_or_stay_have_no_score() -> None:
    since = Sums(*map(np.array, ([100.0, 100.0], [5.0, 20.0], [20.0, 20.0], [100.0, 100.0])))
    before = Sums(*map(np.array, ([100.0, 100.0], [20.0, 20.0], [20.0, 20.0], [100.0, 100.0])))

    guarded, fit = rise(since, before)

    assert list(guarded) == list(fit) == [0.0, 0.0]


def test_a_combination_that_was_always_worse_than_expected_is_not_new() -> None:
    since = Sums(*map(np.array, ([200.0], [80.0], [20.0], [200.0])))
    same, other = (Sums(*map(np.array, ([1_000.0], [lost], [100.0], [1_000.0]))) for lost in (400.0, 100.0))

    assert rise(since, same)[0] < 5 < rise(since, other)[0]


def test_what_a_known_fault_explains_is_not_found_again() -> None:
    codes, random = requests(4_000), np.random.default_rng(5)
    inside = (np.arange(4_000) >= 2_800) & (codes[:, 1] == 2)
    losses = (random.random(4_000) < np.where(inside, 0.5, 0.05)).astype(float)
    table = SliceTable(codes, COUNTS)
    scan = Scan(table, np.arange(4_000) // 400, 10)
    spared = np.where(inside, 0.5 / 0.95, 1.0)

    scores = scan.scores(losses, np.full(4_000, 0.05), np.ones(4_000), spared=spared)

    assert (scores.value - table.cost).max() < 5.0
