import msgspec
import pytest

from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.observation import Slice
from guardian_cluster.guardians.diagnosis.nearby_changes import Near, near

ONSET = 10_000.0


def change(id: str = "c1", **changes: object) -> ChangeEvent:
    facts = {"id": id, "at": ONSET - 30, "kind": "setting", "subject": "specialists.writer"}
    return msgspec.convert({**facts, **changes}, ChangeEvent)


def found(*changes: ChangeEvent, where: Slice = (("endpoint", "writer/1"),)) -> list[Near]:
    return near(changes, onset=ONSET, slack_s=60.0, span_s=3_600.0, where=where, specialist="writer")


def test_the_nearest_change_before_the_onset_comes_first() -> None:
    ids = [
        each.change.id
        for each in found(change("far", at=ONSET - 700), change("near"), change("late", at=ONSET + 900))
    ]

    assert ids == ["near", "far"]


def test_a_change_of_long_ago_does_not_count() -> None:
    assert found(change(at=ONSET - 3_000)) == []


def test_what_happened_counts_after_the_onset_as_well() -> None:
    done, happened = (
        change("done", at=ONSET + 300),
        change("happened", at=ONSET + 300, kind="endpoint_ejected"),
    )

    assert [each.change.id for each in found(done, happened)] == ["happened"]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"endpoint": "writer/2"}, (("endpoint", "writer/1"),)),
        ({"tenant": "a"}, (("tenant", "b"),)),
        ({"rev": 8}, (("revision", "7"),)),
        ({"kind": "variant", "after": '"v2"'}, (("variant", "v3"),)),
    ],
)
def test_a_change_elsewhere_fits_worse(changes: dict[str, object], where: Slice) -> None:
    here = found(change(), where=where)[0].closeness

    assert max((each.closeness for each in found(change(**changes), where=where)), default=0.0) < 0.7 * here


def test_changes_of_other_specialists_and_impossible_times_are_left_out() -> None:
    assert found(change(specialist="coder"), change(at=float("nan")), change(at=float("inf"))) == []
