"""Planners: a move applies only where it can be expressed, concerns what it says, and leaves somebody who answers."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from recovery_samples import NOON, WRITER_1, diagnosis, event, observation, situation, specialist

from guardian_cluster.contract.snapshot import Base, Capabilities, RecoveryPolicy, Tenant, Variant
from guardian_cluster.domain.action import ChangeTimeouts, Drain, HeldMove, Move, Reroute, UseVariant
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.observation import Slice, Try, slice_of
from guardian_cluster.domain.recovery import DiagnosticReport
from guardian_cluster.recovery.backup import BackupManager, shortcomings
from guardian_cluster.recovery.engine import strategy_for
from guardian_cluster.recovery.moves import PLANNERS

_where = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["model-1", "model-2", "other"]),
        "endpoint": st.sampled_from(["writer/1", "writer/2", "writer/9"]),
        "variant": st.sampled_from(["v1", "v2"]),
        "tenant": st.sampled_from(["acme", "globex"]),
    },
).map(slice_of)  # type: ignore[arg-type]
_moves = st.lists(
    st.builds(
        Drain,
        specialist=st.just("writer"),
        endpoint=st.sampled_from(["", "writer/1", "writer/2", "writer/3"]),
    ),
    max_size=2,
)
_requests = st.lists(
    st.builds(
        observation,
        st.integers(0, 1_000),
        st.floats(NOON - 60, NOON),
        st.sampled_from([0.0, 1.0]),
        dimensions=st.fixed_dictionaries(
            {"endpoint": st.sampled_from(["writer/1", "writer/2", "writer/3", "editor/1"])}
        ),
    ),
    max_size=60,
)


def held(*moves: Move) -> list[HeldMove]:
    return [HeldMove(id=f"h{number}", until=NOON + 900.0, move=move) for number, move in enumerate(moves)]


@given(
    _where,
    _moves,
    _requests,
    st.integers(0, 4),
    st.sampled_from(["critical", "error", "warning"]),
    st.sampled_from([(), ("twin",)]),
)
def test_no_plan_leaves_nobody_or_goes_beyond_what_it_says(
    where: Slice, moves: list[Move], requests: list[object], endpoints: int, severity: str, equals: tuple[str]
) -> None:
    served = specialist(
        endpoints=endpoints, equals=equals, variants=(Variant(id="v1"), Variant(id="v2", share=0.1))
    )
    case = situation(
        diagnosis=diagnosis(where=where),
        specialist=served,
        moves=held(*moves),
        recent=requests,
        severity=severity,
    )

    plans = {kind: plan for kind, planner in PLANNERS.items() if (plan := planner(case)) is not None}

    names = {each.id for each in served.endpoints}
    for kind, plan in plans.items():
        assert plan.kind == kind
        assert 0.0 <= plan.blast_radius <= 1.0
        assert plan.hold_s > 0.0
        assert plan.moves
        assert {move.specialist for move in plan.moves} == {plan.scope.specialist} == {"writer"}
    if "drain" in plans:
        drained = {move.endpoint for move in plans["drain"].moves if isinstance(move, Drain)}
        assert drained <= {each.id for each in case.faulty} <= names
        gone = {move.endpoint for move in moves if isinstance(move, Drain)}
        assert equals or ("" not in gone and names - drained - gone)


def test_an_endpoint_is_not_drained_where_the_only_other_one_is_drained_bad_or_fails() -> None:
    plan = PLANNERS["drain"]
    second = {"dimensions": {"endpoint": "writer/2"}}
    bad = [observation(number, NOON, 1.0, **second) for number in range(10)]
    tries = (Try(endpoint="writer/2", outcome="failed"),)
    failing = [replace(observation(number, NOON), tries=tries) for number in range(10)]

    assert plan(situation()) is not None
    assert plan(situation(moves=held(Drain(specialist="writer", endpoint="writer/2")))) is None
    assert plan(situation(recent=bad)) is None
    assert plan(situation(recent=failing)) is None


def test_what_the_others_may_be_given_is_counted() -> None:
    requests = [observation(number, NOON + number) for number in range(61)]
    served = specialist()
    tight = tuple(replace(each, requests_per_minute=30) for each in served.endpoints)

    assert PLANNERS["drain"](situation(recent=requests)) is not None
    assert PLANNERS["drain"](situation(recent=requests, specialist=replace(served, endpoints=tight))) is None


def test_the_only_endpoint_is_drained_for_an_equal_that_is_well_and_never_for_one_tenants_sake() -> None:
    alone = specialist(endpoints=1, equals=("twin",))
    everything = diagnosis(where=())
    whole = situation(diagnosis=everything, event=event(where=()), specialist=alone)

    assert PLANNERS["drain"](whole) is not None
    assert PLANNERS["drain"](replace(whole, unwell=("twin",))) is None
    acme = situation(diagnosis=diagnosis(where=(("tenant", "acme"),)), specialist=alone)
    assert PLANNERS["drain"](acme) is None


def test_all_endpoints_of_a_faulty_model_are_drained_together() -> None:
    served = specialist(endpoints=3)
    shared = tuple(
        replace(each, model="m" if number < 2 else "n") for number, each in enumerate(served.endpoints)
    )
    case = situation(
        diagnosis=diagnosis(where=(("model", "m"),)), specialist=replace(served, endpoints=shared)
    )

    plan = PLANNERS["drain"](case)

    assert plan is not None
    assert [move.endpoint for move in plan.moves if isinstance(move, Drain)] == ["writer/1", "writer/2"]
    assert plan.scope.endpoint == ""


def test_two_that_fail_are_not_rerouted_to_each_other() -> None:
    away = held(Reroute(specialist="editor", to="writer", as_backup=True))
    everything = situation(diagnosis=diagnosis(where=()), event=event(where=()))

    assert PLANNERS["backup"](everything) is not None
    assert PLANNERS["backup"](replace(everything, moves=away)) is None
    assert PLANNERS["reroute"](replace(everything, moves=away)) is None


def test_a_backup_that_helps_another_already_is_asked_last() -> None:
    busy = held(Reroute(specialist="painter", to="editor", as_backup=True))
    plan = PLANNERS["backup"](situation(backups=("editor", "twin"), moves=busy))

    assert plan is not None
    assert [move.to for move in plan.moves if isinstance(move, Reroute)] == ["twin"]


def test_a_small_fault_of_one_endpoint_does_not_move_all_requests() -> None:
    assert PLANNERS["backup"](situation(severity="warning")) is None
    assert PLANNERS["backup"](situation(severity="error")) is not None
    everywhere = situation(diagnosis=diagnosis(where=()), severity="warning")
    assert PLANNERS["backup"](everywhere) is None


def test_a_slice_told_apart_beforehand_is_moved_alone() -> None:
    german: Slice = (("language", "german"),)
    plan = PLANNERS["backup"](situation(diagnosis=diagnosis(where=german), severity="warning"))

    assert plan is not None
    assert plan.scope.where == german


def test_another_variant_concerns_whoever_had_any_other() -> None:
    served = specialist(variants=(Variant(id="v1", share=0.6), Variant(id="v2", share=0.3), Variant(id="v3")))
    plan = PLANNERS["variant"](situation(diagnosis=diagnosis(where=(("variant", "v2"),)), specialist=served))

    assert plan is not None
    assert plan.moves == (UseVariant(specialist="writer", variant="v3"),)
    assert plan.scope.where == ()


def test_timeouts_are_prolonged_only_where_ours_were_changed() -> None:
    changed = ChangeEvent(
        id="c", at=NOON, kind="setting", subject="specialists.writer.timeouts.first_token_s"
    )
    ours = situation(diagnosis=diagnosis("own_configuration"))

    assert PLANNERS["timeouts"](ours) is None
    assert PLANNERS["timeouts"](replace(ours, changes=(changed,))) is not None


def test_what_was_halved_or_set_already_is_not_halved_or_set_again() -> None:
    everything = situation(
        diagnosis=diagnosis("hang", where=()),
        event=event(where=()),
        backups=("editor", "twin"),
        recent=[observation(number, NOON + number, 0.0, first_token_ms=100.0) for number in range(60)],
    )
    halved = held(Reroute(specialist="writer", to="editor", share=0.5))
    hurried = held(ChangeTimeouts(specialist="writer", first_token_s=1.0))

    assert PLANNERS["reroute"](everything) is not None
    assert PLANNERS["reroute"](replace(everything, moves=halved)) is None
    backup = PLANNERS["backup"](replace(everything, moves=halved))
    assert backup is not None
    assert [move.to for move in backup.moves if isinstance(move, Reroute)] == ["editor"]
    assert PLANNERS["timeouts"](everything) is not None
    assert PLANNERS["timeouts"](replace(everything, moves=hurried)) is None


@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_nobody_is_refused_for_less_than_an_outage(severity: str) -> None:
    assert PLANNERS["shed"](situation(severity=severity)) is None
    assert PLANNERS["shed"](situation(severity="critical", event=event(observed=0.0))) is None


def test_what_is_in_force_already_is_not_planned_again() -> None:
    report = DiagnosticReport(at=NOON, diagnosis=diagnosis())
    trying = held(Drain(specialist="writer", endpoint="writer/1", trial=0.05))

    found = strategy_for(situation(moves=trying), report, RecoveryPolicy(), [], random.Random(1))

    assert [plan.kind for plan in found.plans] == ["pool"]


def test_what_helped_when_it_was_seen_before_goes_first() -> None:
    report = DiagnosticReport(at=NOON, diagnosis=diagnosis(), pattern_id="p", helped="drain")

    found = strategy_for(situation(), report, RecoveryPolicy(), [], random.Random(1))

    assert [plan.kind for plan in found.plans] == ["drain", "pool"]


def test_an_unlikely_cause_is_none() -> None:
    report = DiagnosticReport(at=NOON, diagnosis=diagnosis(probability=0.2))

    found = strategy_for(situation(), report, RecoveryPolicy(), [], random.Random(1))

    assert (found.type, found.cause, found.page) == ("manual", None, True)


def base(*tenants: Tenant, **backup: tuple[str, ...]) -> Base:
    served = (
        specialist(fallback=("editor",), equals=("twin",)),
        specialist("editor", labels=("eu",)),
        specialist("twin"),
    )
    return Base(specialists=served, tenants=tenants, recovery=RecoveryPolicy(backup=backup))


def test_backups_are_the_declared_then_equals_and_never_itself_or_the_unwell() -> None:
    manager = BackupManager(lambda _: ())
    writer = base().specialists[0]

    assert manager.ready(writer, base()) == ("editor", "twin")
    assert manager.ready(writer, base(writer=("twin", "writer", "gone"))) == ("twin",)
    assert manager.ready(writer, base(), unwell={"editor"}) == ("twin",)
    assert manager.ready(writer, base(writer=())) == ()


def test_requests_go_to_nobody_whom_a_tenant_does_not_trust() -> None:
    strict = Tenant(name="acme", specialists=("writer", "twin"))

    assert BackupManager(lambda _: ()).ready(base().specialists[0], base(strict)) == ("twin",)


def test_a_backup_that_can_do_less_is_none() -> None:
    seeing = specialist(capabilities=Capabilities(vision=True), context_length=100_000)
    blind = specialist("editor", context_length=8_000)

    assert len(shortcomings(blind, seeing, ())) == 2
    assert shortcomings(seeing, blind, ()) == []


def test_without_a_diagnosis_the_place_is_the_events() -> None:
    assert situation(diagnosis=None).where == WRITER_1
    assert situation(diagnosis=diagnosis(None)).where == WRITER_1
    assert situation(diagnosis=diagnosis(where=())).where == ()
