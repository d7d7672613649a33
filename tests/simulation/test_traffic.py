import pytest

from guardian_cluster.domain.observation import holds
from guardian_cluster.monitoring.signals import Budgets
from guardian_cluster.simulation.traffic import Planned, Scope, Traffic, TrafficWorld
from guardian_cluster.simulation.traffic.observing import observations, window


def quality_drop(scope: Scope, seed: int = 1) -> Traffic:
    plan = Planned(cause="quality_drop", scope=scope, magnitude="large", manner="silently")
    return TrafficWorld(seed).traffic([plan], reference=300, after=600)


def test_the_same_seed_gives_the_same_traffic() -> None:
    assert quality_drop("two") == quality_drop("two")
    assert quality_drop("two") != quality_drop("two", seed=2)


def test_the_truth_selects_the_requests_of_its_slice_since_the_onset() -> None:
    traffic = quality_drop("one")
    truth = traffic.truths[0]

    seen = observations(traffic, lambda record: "", Budgets())

    assert truth.where[0][0] != "topic"
    assert truth.requests == {each.id for each in seen if each.at >= truth.onset and holds(truth.where, each)}


@pytest.mark.parametrize(("scope", "dimensions"), [("upstream", 1), ("one", 1), ("two", 2), ("three", 3)])
def test_a_fault_has_as_many_dimensions_as_its_scope_says(scope: Scope, dimensions: int) -> None:
    truth = quality_drop(scope).truths[0]

    assert len(truth.where) == dimensions
    assert 0.04 * 600 <= len(truth.requests) <= 0.8 * 600


def test_a_fault_everywhere_selects_all_requests_since_the_onset() -> None:
    traffic = quality_drop("everything")

    assert traffic.truths[0].requests == {each.id for each in traffic.records[300:]}


def test_marks_come_after_their_answers_and_not_for_all() -> None:
    traffic = TrafficWorld(3).traffic(reference=300, after=300)
    ended = {each.id: each.started + each.duration_ms / 1e3 for each in traffic.records}

    assert all(mark.received > ended[mark.request_id] for mark in traffic.feedback)
    assert 0.3 < len({mark.request_id for mark in traffic.feedback}) / len(ended) < 0.95


def test_a_mark_that_has_not_come_by_the_end_is_not_seen() -> None:
    traffic = TrafficWorld(3).traffic(reference=300, after=300)
    late = {mark.request_id for mark in traffic.feedback if mark.received > traffic.until}
    in_time = {mark.request_id for mark in traffic.feedback if mark.received <= traffic.until}

    seen = {each.id: each for each in observations(traffic, lambda record: "", Budgets())}

    assert late - in_time
    assert all(seen[id].feedback is None for id in late - in_time)


def test_what_goes_together_goes_together() -> None:
    records = TrafficWorld(4).traffic(reference=900, after=100).records
    served = {(each.endpoint, each.model) for each in records}
    languages = [each.language for each in records if each.tenant == "tenant-01"]

    assert len(served) == len({endpoint for endpoint, _ in served})
    assert max(languages.count(each) for each in set(languages)) > 0.5 * len(languages)


def test_a_revision_of_the_records_is_the_one_that_was_in_force() -> None:
    traffic = TrafficWorld(9).traffic(reference=900, after=100)
    revised = [each for each in traffic.changes if each.rev]

    assert revised
    for record in traffic.records:
        last = [each.rev for each in revised if each.at <= record.started]
        assert record.rev == (last[-1] if last else revised[0].rev - 1)


def test_two_faults_at_once_are_in_places_apart() -> None:
    plans = [
        Planned(cause="quality_drop", scope="one", magnitude="large"),
        Planned(cause="quota", scope="one", magnitude="large"),
    ]
    one, other = TrafficWorld(5).traffic(plans, reference=300, after=600).truths

    assert one.onset <= other.onset
    assert len(one.requests & other.requests) <= 0.35 * min(len(one.requests), len(other.requests))


def test_a_fault_that_does_not_occur_in_a_scope_is_refused() -> None:
    plan = Planned(cause="own_resources", scope="three", magnitude="large")

    with pytest.raises(ValueError, match="own_resources does not occur"):
        TrafficWorld(1).traffic([plan], reference=10, after=10)


def test_a_window_says_nothing_of_the_truth() -> None:
    traffic = quality_drop("one")

    found = window(traffic, lambda record: "", Budgets())

    assert found.alarms == ()
    assert {each.id for each in found.observations} == {each.id for each in traffic.records}
