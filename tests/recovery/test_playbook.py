"""The playbook: its order, and what experience makes of it."""

import random
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import RecoveryPolicy
from guardian_cluster.domain.action import MoveKind
from guardian_cluster.domain.diagnosis import CAUSES
from guardian_cluster.domain.recovery import PlayCount
from guardian_cluster.recovery.moves import PLANNERS
from guardian_cluster.recovery.playbook import CAPPED, EXPLORED, PLAYS, ordered, play_for

KINDS: tuple[MoveKind, ...] = get_args(MoveKind)

_plays = st.lists(st.sampled_from(KINDS), unique=True, max_size=6)
_counts = st.lists(
    st.builds(
        PlayCount,
        cause=st.just("hang"),
        kind=st.sampled_from(KINDS),
        specialist=st.sampled_from(["writer", "editor", ""]),
        helped=st.integers(0, 500),
        failed=st.integers(0, 500),
    ),
    max_size=8,
)


def first_of(counts: list[PlayCount], runs: int = 300, specialist: str = "writer") -> dict[str, float]:
    """Return how often each goes first of pool, drain and backup."""
    found = [
        ordered(("pool", "drain", "backup"), specialist, counts, random.Random(seed))[0]
        for seed in range(runs)
    ]
    return {kind: found.count(kind) / runs for kind in ("pool", "drain", "backup")}  # type: ignore[arg-type]


def count(kind: MoveKind, helped: int, failed: int, specialist: str = "writer") -> PlayCount:
    return PlayCount(cause="hang", kind=kind, specialist=specialist, helped=helped, failed=failed)


def test_there_is_a_play_for_every_cause_and_a_planner_for_every_kind() -> None:
    assert set(PLAYS) == {*CAUSES, None}
    assert set(PLANNERS) == set(KINDS)


@given(_plays, _counts, st.integers(), st.sampled_from(["", "drain", "backup"]))
def test_the_order_is_the_play_with_its_backup_last(
    play: list[MoveKind], counts: list[PlayCount], seed: int, first: str
) -> None:
    found = ordered(play, "writer", counts, random.Random(seed), first=first)

    assert set(found) <= set(play)
    assert len(set(found)) == len(found)
    assert ("backup" in found) == ("backup" in play)
    assert first == "backup" or len(found) == len(play)
    assert "backup" not in found[:-1]


def test_without_experience_the_order_is_as_written_but_for_what_is_explored() -> None:
    found = first_of([])

    assert found["pool"] >= 1.0 - EXPLORED
    assert found["backup"] == 0.0


def test_experience_outweighs_the_order() -> None:
    assert first_of([count("pool", 0, 4), count("drain", 4, 0)])["drain"] >= 0.9


def test_ones_own_experience_outweighs_that_of_any_number_of_others() -> None:
    others = [count("pool", 50, 0, f"other-{number}") for number in range(20)]

    assert first_of([*others, count("pool", 0, 20), count("drain", 20, 0)])["drain"] >= 0.9


def test_a_long_past_is_unlearned() -> None:
    long_past = PlayCount(cause="hang", kind="pool", specialist="writer", helped=10_000, failed=5_000)
    counted = first_of([long_past, count("drain", CAPPED, 0)])

    assert counted["drain"] >= 0.9


def test_an_operators_play_takes_the_place_of_ours() -> None:
    policy = RecoveryPolicy(playbook={"hang": ("drain", "page"), "unknown": ("page",)})

    assert play_for("hang", policy) == (("drain",), True)
    assert play_for(None, policy) == ((), True)
    assert play_for("slow", policy) == (PLAYS["slow"], False)


def test_what_helped_before_goes_first_as_long_as_it_mostly_helps() -> None:
    def order(*counts: PlayCount) -> list[MoveKind]:
        return ordered(("pool", "drain", "backup"), "writer", counts, random.Random(1), first="drain")

    assert order(count("pool", 9, 0), count("drain", 1, 0))[0] == "drain"
    assert order(count("drain", 1, 50))[0] == "pool"


def test_where_the_backup_was_what_helped_that_which_failed_then_is_not_tried_again() -> None:
    play: tuple[MoveKind, ...] = ("pool", "drain", "backup")
    counts = [count("pool", 0, 1), count("backup", 1, 0), count("drain", 0, 9, "editor")]

    assert ordered(play, "writer", counts, random.Random(1), first="backup") == ["drain", "backup"]
    assert len(ordered(play, "writer", counts, random.Random(1))) == len(play)
    gone = [*counts, count("backup", 0, 9)]
    assert len(ordered(play, "writer", gone, random.Random(1), first="backup")) == len(play)
