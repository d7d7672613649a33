"""A failure is known again where it was, and a fault of one place is not taken for one of everything."""

from msgspec.structs import replace
from recovery_samples import NOON, WRITER_1, event, observation, specialist

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import Slice
from guardian_cluster.domain.recovery import FailurePattern
from guardian_cluster.recovery.patterns import known
from guardian_cluster.recovery_facts import unwell_of

WRITER_2: Slice = (("endpoint", "writer/2"),)
BAD = [observation(number, NOON, 1.0, error="status 500") for number in range(10)]


def pattern(id: str, where: Slice = (), **changes: object) -> FailurePattern:
    made = FailurePattern(
        id=id, specialist="writer", cause="upstream_errors", signal="error", where=where,
        signature="status 500", last=NOON, helped="backup",
    )  # fmt: skip
    return replace(made, **changes)


def test_of_patterns_that_fit_the_narrowest_place_goes_first() -> None:
    everywhere, here = pattern("wide", seen=50), pattern("here", WRITER_1)

    assert known(event(where=WRITER_1), BAD, [everywhere, here]) == here
    assert known(event(where=WRITER_1), BAD, [everywhere]) == everywhere


def test_a_pattern_of_another_place_is_not_this_failure() -> None:
    assert known(event(where=WRITER_2), BAD, [pattern("here", WRITER_1)]) is None


def unwell(*wheres: Slice, severity: str = "error", of: Specialist | None = None) -> bool:
    found = of or specialist("editor")
    incidents = [
        Incident(
            id=f"i{number}", key=f"k{number}", specialist="editor", signal="error", where=where,
            severity=severity, opened=NOON, updated=NOON, onset=NOON,  # type: ignore[arg-type]
        )
        for number, where in enumerate(wheres)
    ]  # fmt: skip
    return unwell_of(incidents, [found]) == {"editor"}


def test_who_has_a_fault_at_all_of_its_endpoints_helps_nobody() -> None:
    first: Slice = (("endpoint", "editor/1"),)
    second: Slice = (("endpoint", "editor/2"),)
    model: Slice = (("model", specialist("editor", endpoints=1).endpoints[0].model),)

    assert unwell(())
    assert unwell(first, of=specialist("editor", endpoints=1))
    assert unwell(first, second)
    assert unwell(model, of=specialist("editor", endpoints=1))
    assert not unwell(first)
    assert not unwell((*model, ("tenant", "a")), of=specialist("editor", endpoints=1))
    assert not unwell((), severity="info")
