"""Coordination: one need for each cause, the most urgent first, and no view lost without a word."""

import random

import msgspec
import pytest
from guardian_reports import GERMAN, WRITER_1, alarm, chance, diagnosis, finding, reports
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.diagnosis import CAUSES
from guardian_cluster.domain.monitoring import CoordinationResult, GuardianReports, Need
from guardian_cluster.monitoring.claims import LEAST_PROBABILITY, claims_of
from guardian_cluster.monitoring.conflicts import LONGER, SHORTER, WORSE
from guardian_cluster.monitoring.coordination import CoordinationEngine, coordinated

FIRST_TWO = (*WRITER_1, ("tenant", "acme"))

_slices = st.sampled_from([(), WRITER_1, FIRST_TWO, GERMAN, (("endpoint", "writer/2"),)])
_records = st.lists(st.sampled_from([f"r{n}" for n in range(8)]), max_size=4, unique=True).map(tuple)
_diagnoses = st.builds(
    diagnosis,
    st.sampled_from([None, "hang", "slow", "cost_blowup", "quality_drop"]),
    _slices,
    probability=st.sampled_from([0.3, 0.5, 0.9]),
    signal=st.sampled_from(["error", "leak", "cost"]),
    record_ids=_records,
)
_chances = st.builds(
    chance,
    st.sampled_from(["cheaper-model", LONGER, SHORTER]),
    motive=st.sampled_from(["quality", "cost"]),
    where=_slices,
    cause=st.sampled_from([None, "hang", "slow"]),
    record_ids=_records,
)
_findings = st.builds(
    finding,
    st.sampled_from(["personal-data", "permissions"]),
    severity=st.sampled_from(["critical", "error", "warning", "info"]),
    where=_slices,
    record_ids=_records,
)
_reports = st.builds(
    reports,
    st.lists(_diagnoses, max_size=4),
    st.lists(_chances, max_size=4),
    st.lists(_findings, max_size=4),
    st.lists(st.builds(alarm, signal=st.sampled_from(["error", "cost"]), where=_slices), max_size=2),
)


async def test_what_three_guardians_say_of_one_cause_is_one_need() -> None:
    fault, wish = diagnosis("hang"), chance(SHORTER, motive="quality", cause="hang")
    leak = finding(record_ids=("r1", "r2"))
    said = reports([fault], [wish], [leak], [alarm(where=WRITER_1)])

    result = await CoordinationEngine().coordinate_insights(said)

    (need,) = result.needs
    assert need.guardians == ("watcher", "diagnostician", "optimizer", "safety_monitor")
    assert (need.diagnosis, need.opportunity, need.finding) == (fault, wish, leak)
    assert need.motive == "safety"
    assert result.conflicts == ()


def test_two_faults_of_one_cause_in_different_places_are_two_needs() -> None:
    one, other = diagnosis("slow"), diagnosis("slow", GERMAN, record_ids=("r9",))

    result = coordinated(reports([one, other]))

    assert sorted(need.diagnosis.where for need in result.needs if need.diagnosis) == [WRITER_1, GERMAN]


def test_the_same_cause_found_twice_in_nested_slices_is_one_need() -> None:
    strong, weak = diagnosis("slow"), diagnosis("slow", FIRST_TWO, probability=0.6, summary="a part of it")

    (need,) = coordinated(reports([weak, strong])).needs

    assert need.diagnosis == strong
    assert need.also == ("a part of it",)


def test_a_longer_timeout_gives_way_to_a_hang() -> None:
    wish = chance(LONGER, motive="quality", cause="hang")

    result = coordinated(reports([diagnosis("hang")], [wish]))

    assert [need.opportunity for need in result.needs] == [None]
    (conflict,) = result.conflicts
    assert (conflict.winner, conflict.loser) == ("diagnostician", "optimizer")
    assert "never answers" in conflict.why


@pytest.mark.parametrize(
    ("cause", "kind"), [(cause, kind) for cause, kinds in WORSE.items() for kind in kinds]
)
def test_a_wish_that_makes_a_fault_worse_is_not_followed(cause: str, kind: str) -> None:
    wish = chance(kind, motive="quality", where=FIRST_TWO)

    result = coordinated(reports([diagnosis(cause)], [wish]))

    assert [need.opportunity for need in result.needs] == [None]
    assert result.conflicts[0].why == WORSE[cause][kind]


def test_a_longer_timeout_elsewhere_does_not_give_way_to_a_hang_here() -> None:
    wish = chance(LONGER, motive="quality", where=(("endpoint", "writer/2"),))

    result = coordinated(reports([diagnosis("hang")], [wish]))

    assert len(result.needs) == 2
    assert result.conflicts == ()


def test_of_two_wishes_that_undo_one_another_the_diagnosed_one_stays() -> None:
    longer = chance(LONGER, motive="quality", record_ids=("r8", "r9"))
    shorter = chance(SHORTER, motive="cost", cause="hang")

    result = coordinated(reports([diagnosis("hang", ())], [longer, shorter]))

    assert [need.opportunity for need in result.needs] == [shorter]
    assert [conflict.loser for conflict in result.conflicts] == ["optimizer"]


def test_a_cheaper_model_waits_while_quality_is_worse() -> None:
    result = coordinated(reports([diagnosis("quality_drop", GERMAN)], [chance()]))

    assert [need.motive for need in result.needs] == ["quality"]
    assert "quality goes before cost" in result.conflicts[0].why


def test_a_saving_waits_while_an_alarm_is_open_that_nobody_explains() -> None:
    result = coordinated(reports(chances=[chance()], alarms=[alarm()]))

    assert result.needs == ()
    assert not result.requires_improvement
    assert result.conflicts[0].winner == "watcher"


def test_a_saving_does_not_wait_for_an_alarm_of_cost() -> None:
    result = coordinated(reports(chances=[chance()], alarms=[alarm(signal="cost")]))

    assert len(result.needs) == 1


def test_a_repair_waits_where_all_its_requests_are_under_a_serious_finding() -> None:
    leak = finding(severity="critical", where=WRITER_1)

    result = coordinated(reports([diagnosis("slow", FIRST_TWO)], findings=[leak]))

    assert [need.finding for need in result.needs] == [leak]
    assert (result.conflicts[0].winner, result.conflicts[0].loser) == ("safety_monitor", "diagnostician")


def test_a_finding_that_is_nowhere_in_particular_stops_savings_but_no_repair() -> None:
    leak = finding(severity="critical")

    result = coordinated(reports([diagnosis("slow")], [chance()], [leak]))

    assert [need.motive for need in result.needs] == ["safety", "quality"]
    assert [conflict.loser for conflict in result.conflicts] == ["optimizer"]


def test_nothing_is_needed_for_a_diagnosis_without_a_cause_or_a_likely_one() -> None:
    vague, unlikely = diagnosis(None), diagnosis("slow", probability=LEAST_PROBABILITY - 0.01)

    result = coordinated(reports([vague, unlikely], alarms=[alarm()]))

    assert result == CoordinationResult()


def test_a_diagnosis_without_a_cause_supports_a_finding_about_its_requests() -> None:
    leak = finding(record_ids=("r1", "r2", "r3", "r4"))

    (need,) = coordinated(reports([diagnosis(None)], findings=[leak])).needs

    assert need.finding == leak
    assert need.diagnosis is None
    assert need.also == ("something unknown in endpoint=writer/1",)
    assert need.guardians == ("diagnostician", "safety_monitor")


def test_the_most_urgent_comes_first() -> None:
    quiet, loud = diagnosis("slow", GERMAN, record_ids=("r9",)), diagnosis("hang")
    wish = chance("add-example", motive="quality", where=(("tenant", "other"),))
    bill = diagnosis("cost_blowup", (("tenant", "acme"),), record_ids=("r7",))

    said = reports([bill, quiet, loud], [wish], [finding()])
    needs = coordinated(said).needs

    assert [need.motive for need in needs] == ["safety", "quality", "quality", "quality", "cost"]
    assert needs[3].opportunity == wish


def test_an_alarmed_fault_comes_before_a_quiet_one() -> None:
    quiet, loud = diagnosis("slow", GERMAN, probability=0.99), diagnosis("hang", alarm_ids=("a1",))

    needs = coordinated(reports([quiet, loud], alarms=[alarm(signal="latency")])).needs

    assert [need.diagnosis for need in needs] == [loud, quiet]


def test_a_need_is_called_the_same_in_the_next_cycle() -> None:
    one = coordinated(reports([diagnosis("slow", id="d1")])).needs[0]
    later = coordinated(reports([diagnosis("slow", id="d2", at=2e9, probability=0.7)])).needs[0]
    other = coordinated(reports([diagnosis("slow", GERMAN)])).needs[0]

    assert one.id == later.id != other.id


@settings(max_examples=150, deadline=None)
@given(_reports, st.integers(0, 1_000))
def test_the_order_of_what_is_said_does_not_matter(said: GuardianReports, seed: int) -> None:
    shuffled = msgspec.structs.replace(
        said,
        watcher=_shuffled(said.watcher, "alarms", seed),
        diagnostician=_shuffled(said.diagnostician, "diagnoses", seed),
        optimizer=_shuffled(said.optimizer, "opportunities", seed),
        safety_monitor=_shuffled(said.safety_monitor, "findings", seed),
    )

    assert coordinated(shuffled) == coordinated(said)


@settings(max_examples=150, deadline=None)
@given(_reports)
def test_no_cause_and_slice_has_two_needs(said: GuardianReports) -> None:
    result = coordinated(said)
    causes = [about for need in result.needs if (about := _cause_and_slice(need)) is not None]

    assert len(set(causes)) == len(causes)
    assert len({need.id for need in result.needs}) == len(result.needs)
    assert [need.motive for need in result.needs] == sorted(
        (need.motive for need in result.needs), key=["safety", "quality", "cost"].index
    )


@settings(max_examples=150, deadline=None)
@given(_reports)
def test_nothing_that_counts_is_lost_without_a_word(said: GuardianReports) -> None:
    result = coordinated(said)
    claims = claims_of(said)
    followed = {text for need in result.needs for text in _said(need)}
    in_vain = {conflict.lost for conflict in result.conflicts}

    for claim in (*claims.faults, *claims.wishes, *claims.findings):
        assert claim.said in followed | in_vain
    assert all(claim.motive != "safety" or claim.said in followed for claim in claims.findings)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CAUSES))
def test_each_cause_alone_is_needed_and_contested_by_nothing(cause: str) -> None:
    result = coordinated(reports([diagnosis(cause)]))

    assert [need.diagnosis.cause for need in result.needs if need.diagnosis] == [cause]
    assert result.conflicts == ()


def test_what_is_said_twice_is_one_claim_and_the_same_words_of_another_slice_are_not() -> None:
    claims = claims_of(reports(chances=[chance(), chance(where=GERMAN), chance()]))

    assert len(claims.wishes) == 2


def _shuffled(report: msgspec.Struct, name: str, seed: int) -> msgspec.Struct:
    values = list(getattr(report, name))
    random.Random(seed).shuffle(values)
    return msgspec.structs.replace(report, **{name: tuple(values)})


def _cause_and_slice(need: Need) -> object:
    lead = need.diagnosis or need.opportunity
    return None if lead is None or lead.cause is None else (lead.cause, lead.where)


def _said(need: Need) -> list[str]:
    """Return the claims of a need, in the words of `claims_of`."""
    carried = reports(
        [need.diagnosis] if need.diagnosis else [],
        [need.opportunity] if need.opportunity else [],
        [need.finding] if need.finding else [],
    )
    claims = claims_of(carried)
    found = (*claims.faults, *claims.vague, *claims.wishes, *claims.findings)
    return [*need.also, *(claim.said for claim in found)]
