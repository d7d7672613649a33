import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.diagnosis import CAUSES, Cause, Finding
from guardian_cluster.guardians.diagnosis.cause_places import named_for
from guardian_cluster.guardians.diagnosis.causes import posterior
from guardian_cluster.guardians.diagnosis.patterns import MOST, NO_PATTERNS, Patterns
from guardian_cluster.guardians.diagnosis.traits import PRIOR, TRAITS

NAMES = sorted(each.name for each in TRAITS)


def test_every_cause_can_be_told_by_some_trait() -> None:
    assert set(PRIOR) == set(CAUSES)
    for cause in CAUSES:
        assert max(each.present.get(cause, 0.0) for each in TRAITS) >= 2.0, cause


def test_every_trait_has_a_name_of_its_own_a_reason_and_known_causes() -> None:
    assert len(set(NAMES)) == len(TRAITS)
    for trait in TRAITS:
        assert trait.why
        assert {*trait.present, *trait.absent} <= set(CAUSES)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1)))
def test_a_posterior_is_a_distribution_with_the_likeliest_first(readings: dict[str, float]) -> None:
    found = list(posterior(readings).items())

    assert sum(share for _, share in found) == pytest.approx(1.0, abs=1e-3)
    assert [share for _, share in found] == sorted((share for _, share in found), reverse=True)
    assert {cause for cause, _ in found} == set(CAUSES)


def test_a_trait_that_cannot_be_read_counts_neither_way() -> None:
    assert posterior({}) == posterior({"of no table": 1.0})
    assert posterior({"failed with a quota": 0.0})["quota"] < posterior({})["quota"]


def incidents(cause: Cause, trait: str, count: int) -> Patterns:
    patterns = NO_PATTERNS
    for _ in range(count):
        patterns = patterns.learned(cause, {trait: 0.9, "late": 0.1}).learned("slow", {"late": 0.9})
    return patterns


def test_confirmed_incidents_shift_what_a_trait_says() -> None:
    readings = {"at one topic": 1.0, "worse": 1.0}

    learned = posterior(readings, incidents("stale_context", "at one topic", 20))

    assert learned["stale_context"] > 2 * posterior(readings)["stale_context"]


def test_incidents_never_outweigh_the_table_on_one_trait() -> None:
    patterns = incidents("quota", "failing", 10_000)

    assert abs(patterns.weight("failing", "quota", 1.0)) <= MOST
    assert abs(patterns.prior("upstream_errors")) <= MOST
    assert NO_PATTERNS.weight("failing", "quota", 1.0) == NO_PATTERNS.prior("quota") == 0.0


def finding(*where: tuple[str, str]) -> Finding:
    return Finding(where=where, score=9.0, requests=50, expected=0.1, observed=0.6)  # type: ignore[arg-type]


@pytest.mark.parametrize(("cause", "dimension"), [("quality_drop", "model"), ("hang", "endpoint")])
def test_of_slices_with_the_same_requests_the_cause_names_its_own(cause: Cause, dimension: str) -> None:
    found = (finding(("model", "m")), finding(("endpoint", "e")), finding(("model", "m"), ("endpoint", "e")))

    ranked = named_for(cause, found, [each.where for each in found])

    assert [name for name, _ in ranked[0].where] == [dimension]


def test_a_slice_with_other_requests_keeps_its_rank() -> None:
    best, other = finding(("tenant", "a")), finding(("endpoint", "e"))

    assert named_for("hang", (best, other), [best.where]) == (best, other)
