"""The Optimizer guardian: ids that stay, evidence that is pinned, figures that do not waver."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optimizer_samples import diagnosed, failing, forbidden, proposed, seen, snapshot, window, wished, writer

from guardian_cluster.domain.clock import ManualClock
from guardian_cluster.domain.improvement import ParameterChange, SettingChange
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.optimizer import Optimizer
from guardian_cluster.guardians.optimizing.figures import quantile, rounded_down, rounded_up
from guardian_cluster.guardians.optimizing.proposing import improvement_id
from guardian_cluster.monitoring import ports

HUNG = failing("upstream_timeout", duration_ms=60_000.0)


class OneWindow:
    def __init__(self, seen_in: Window) -> None:
        self._window = seen_in

    async def window(self, specialist: str) -> Window:
        return self._window


async def test_it_is_what_workflow_2_asks_for() -> None:
    clock = ManualClock()
    optimizer: ports.Optimizer = Optimizer(OneWindow(window(since=HUNG)), clock, snapshot)

    report = await optimizer.assess_performance(writer())
    (found,) = await optimizer.propose(writer(), [diagnosed("hang"), diagnosed("detector_drift")])

    assert [each.kind for each in report.opportunities][:1] == ["timeout-too-long"]
    assert (found.specialist, found.proposer, found.proposed) == ("writer", "optimizer", clock.now())
    assert await optimizer.propose(writer(), []) == ()


def test_an_improvement_found_again_in_another_window_and_place_has_the_same_id() -> None:
    first = proposed(diagnosed("hang"), window(since=HUNG))
    later = [
        msgspec.structs.replace(each, id=f"later{each.id}", first_token_ms=(each.first_token_ms or 0) * 1.1)
        for each in window(since=HUNG).observations
    ]
    moved = msgspec.structs.replace(window(), observations=tuple(later))

    second = proposed(diagnosed("hang", where=()), moved)

    assert first is not None
    assert second is not None
    assert first.where != second.where
    assert first.id == second.id


def test_another_change_reason_or_specialist_is_another_improvement() -> None:
    change = SettingChange(path="watch.on_refusal", before="observe", after="retry")
    other = msgspec.structs.replace(change, after="cut")
    ids = [
        improvement_id("writer", change, "hang"),
        improvement_id("writer", other, "hang"),
        improvement_id("writer", change, "slow"),
        improvement_id("coder", change, "hang"),
    ]

    assert len(set(ids)) == 4
    assert ids[0] == "i" + ids[0][1:].lower()
    assert len(ids[0]) == 17


def test_an_id_is_the_same_in_every_process() -> None:
    change = ParameterChange(specialist="writer", name="max_tokens", before=None, after=100)

    assert improvement_id("writer", change, "cost_blowup") == "ie630f9be1e4e7bb3"


@pytest.mark.parametrize(
    "need",
    [diagnosed("unheard of"), wished("unheard-of"), forbidden("unheard-of")],  # type: ignore[arg-type]
)
def test_what_is_not_known_leads_to_nothing(need: object) -> None:
    assert proposed(need, window()) is None  # type: ignore[arg-type]


def test_an_empty_window_leads_to_nothing_that_rests_on_figures() -> None:
    empty = window(count=0)

    assert proposed(diagnosed("hang"), empty) is None
    assert proposed(diagnosed("cost_blowup"), empty) is None
    assert proposed(diagnosed("quota"), empty) is None


@given(st.floats(1e-6, 1e9))
def test_what_is_rounded_is_near_and_stays_when_it_is_rounded_again(value: float) -> None:
    above, below = rounded_up(value), rounded_down(value)

    assert below * (1 - 1e-6) <= value <= above * (1 + 1e-6)
    assert above <= 2.0 * value
    assert below >= value / 2.0
    assert rounded_up(above) == above
    assert rounded_down(below) == below


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_a_quantile_is_a_value_that_the_share_does_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)

    assert found in values
    assert sum(each <= found for each in values) >= share * len(values) - 1e-9


def test_nothing_is_rounded_and_has_no_quantile() -> None:
    assert (rounded_up(0.0), rounded_down(-1.0)) == (0.0, 0.0)
    with pytest.raises(ValueError, match="no quantile"):
        quantile([], 0.5)


def test_a_record_pins_at_most_fifty_requests() -> None:
    need = diagnosed("hang")
    assert need.diagnosis is not None
    many = msgspec.structs.replace(need.diagnosis, record_ids=tuple(seen(n).id for n in range(90)))

    found = proposed(msgspec.structs.replace(need, diagnosis=many), window(since=HUNG))

    assert found is not None
    assert len(found.record_ids) == 50


async def test_in_the_place_of_what_was_turned_down_the_next_rule_comes() -> None:
    turned_down = list[str]()

    async def refused(specialist: str) -> list[str]:
        assert specialist == "writer"
        return turned_down

    quick = writer(hedge=False)
    optimizer = Optimizer(OneWindow(window(since=HUNG)), ManualClock(), lambda: snapshot(quick), refused)
    found = list[str]()
    while proposals := await optimizer.propose(quick, [diagnosed("hang")]):
        found.append(proposals[0].change.path.rpartition(".")[2])  # type: ignore[union-attr]
        turned_down.append(proposals[0].id)

    assert found == ["first_token_s", "hedge"]
