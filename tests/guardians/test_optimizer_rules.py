"""Which change each cause leads to, and where none does."""

from typing import get_args

import msgspec
import pytest
from optimizer_samples import (
    FIRST,
    ONSET,
    VARIANT,
    diagnosed,
    event,
    failing,
    forbidden,
    local,
    proposed,
    seen,
    snapshot,
    tried,
    window,
    wished,
    writer,
)

from guardian_cluster.contract.snapshot import (
    BalancingPolicy,
    Endpoint,
    RoutingPolicy,
    Tenant,
    Variant,
    WatchPolicy,
)
from guardian_cluster.domain.diagnosis import CAUSES, Cause
from guardian_cluster.domain.improvement import (
    Change,
    DocumentChange,
    InstructionChange,
    ParameterChange,
    SettingChange,
    ThresholdChange,
    VariantChange,
)
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.optimizing.answers import FORM_RULE
from guardian_cluster.guardians.optimizing.proposing import proposals
from guardian_cluster.guardians.optimizing.table import BY_CAUSE
from guardian_cluster.monitoring.revisions import changes_between

ALONE = (Endpoint(id="writer/1", url="http://one/v1", model="m"),)
HUNG = failing("upstream_timeout", duration_ms=60_000.0)
LIMITED = failing("upstream_rate_limited")
VARIANT_TEXT = "Answer briefly.\nNever name customers."


def change_of(found: object) -> Change | None:
    return getattr(found, "change", None)


def test_every_cause_has_its_rules() -> None:
    assert set(BY_CAUSE) == set(CAUSES) == set(get_args(Cause))


def test_hung_answers_are_waited_for_three_times_as_long_as_sound_ones_need() -> None:
    found = proposed(diagnosed("hang"), window(since=HUNG))

    path = "specialists.writer.timeouts.first_token_s"
    assert change_of(found) == SettingChange(path=path, before=60.0, after=1.5)
    assert found is not None
    assert (found.cause, found.where, found.parent) == ("hang", FIRST, "7")
    assert found.record_ids == ("r151", "r153")


def test_a_timeout_that_would_have_saved_nobody_is_left_and_a_second_endpoint_asked() -> None:
    quick = failing("upstream_timeout", duration_ms=900.0)

    found = proposed(diagnosed("hang"), window(since=quick), writer(hedge=False))

    assert change_of(found) == SettingChange(path="specialists.writer.hedge", before=False, after=True)


def test_with_few_sound_answers_no_timeout_is_proposed() -> None:
    assert proposed(diagnosed("hang"), window(since=HUNG, count=40)) is None


def limited(per_minute: int, quiet: int = 0) -> Window:
    """Return ten minutes since the onset in which writer/1 takes so many, and refuses as many as it takes.

    In the first it is asked for `quiet` requests, and refuses none.
    """
    found = [each for each in window().observations if each.at < ONSET]
    for minute in range(10):
        many, is_quiet = (quiet, True) if minute == 0 and quiet else (2 * per_minute, False)
        for n in range(many):
            at = ONSET + 60.0 * minute + 60.0 * n / many
            how = LIMITED if n % 2 and not is_quiet else {"tries": (tried("writer/1"),)}
            dimensions = {"endpoint": "writer/1", "variant": "variant-new"}
            found.append(seen(minute, id=f"q{minute}-{n}", at=at, dimensions=dimensions, **how))
    return msgspec.structs.replace(window(), observations=tuple(found))


@pytest.mark.parametrize(("configured", "after"), [(None, 15), (14, 10), (40, 15)])
def test_an_endpoint_with_a_quota_is_sent_what_it_took(configured: int | None, after: int) -> None:
    endpoint = msgspec.structs.replace(ALONE[0], requests_per_minute=configured)

    found = proposed(diagnosed("quota"), limited(20), writer(endpoints=(endpoint, *writer().endpoints[1:])))

    path = "endpoints.writer/1.requests_per_minute"
    assert change_of(found) == SettingChange(path=path, before=configured, after=after)
    assert found is not None
    assert 0.7 < found.blast_radius < 0.9


@pytest.mark.parametrize("refusing", [limited(4), limited(20, quiet=50)])
def test_refusals_that_no_rate_explains_lead_to_no_quota(refusing: Window) -> None:
    assert proposed(diagnosed("quota"), refusing) is None


def test_a_quota_that_was_not_seen_in_three_minutes_only_lowers_a_rate_that_there_is() -> None:
    limited = writer(endpoints=(msgspec.structs.replace(ALONE[0], requests_per_minute=100), *ALONE[1:]))
    short = window(since=LIMITED, count=155)

    assert proposed(diagnosed("quota"), short) is None
    assert change_of(proposed(diagnosed("quota"), short, limited)) == SettingChange(
        path="endpoints.writer/1.requests_per_minute", before=100, after=70
    )


def test_a_dead_endpoint_is_left_out_where_that_was_switched_off() -> None:
    errors = window(since=failing("upstream_error"))
    off = BalancingPolicy(breaker=False)

    found = proposed(diagnosed("upstream_errors"), errors, balancing=off)

    assert change_of(found) == SettingChange(path="balancing.breaker", before=False, after=True)
    assert proposed(diagnosed("upstream_errors"), errors) is None


def test_a_specialist_alone_is_given_a_fallback_that_can_do_and_promises_the_same() -> None:
    errors = window(since=failing("upstream_error"))
    path = "specialists.writer.fallback"

    found = proposed(diagnosed("upstream_errors"), errors, writer(endpoints=ALONE))
    elsewhere = snapshot(writer(endpoints=ALONE)).base.specialists[0], local(labels=())

    assert change_of(found) == SettingChange(path=path, before=(), after=("local",))
    need = diagnosed("upstream_errors")
    assert proposed(need, errors, writer(endpoints=ALONE), specialists=elsewhere) is None
    everywhere = proposed(diagnosed("upstream_errors", where=()), errors)
    assert change_of(everywhere) == SettingChange(path=path, before=(), after=("local",))


def test_what_is_slow_without_more_requests_than_before_is_no_matter_of_load() -> None:
    slow = window(since={"duration_ms": 120_000.0})
    busier = [
        msgspec.structs.replace(each, id=f"{each.id}-{n}")
        for each in slow.observations
        for n in range(4 if each.at >= ONSET else 1)
    ]
    busy = msgspec.structs.replace(slow, observations=tuple(busier))

    assert proposed(diagnosed("slow"), slow) is None
    path = "specialists.writer.max_concurrency"
    assert change_of(proposed(diagnosed("slow"), busy)) == SettingChange(path=path, before=None, after=1)


@pytest.mark.parametrize("cause", ["slow", "hang"])
def test_a_second_endpoint_is_asked_while_one_is_late(cause: Cause) -> None:
    slow = window(since={"duration_ms": 20_000.0, "tries": (tried("writer/1", duration_ms=20_000.0),)})

    found = proposed(diagnosed(cause), slow, writer(hedge=False))

    assert change_of(found) == SettingChange(path="specialists.writer.hedge", before=False, after=True)
    assert found is not None
    assert found.cost_ratio == pytest.approx(1.1)
    assert proposed(diagnosed(cause), slow, writer(hedge=False, endpoints=ALONE)) is None


def test_more_requests_in_flight_than_were_sound_lead_to_a_bound() -> None:
    jammed = window(since={"duration_ms": 120_000.0})

    found = proposed(diagnosed("own_resources", where=()), jammed)

    path = "specialists.writer.max_concurrency"
    assert change_of(found) == SettingChange(path=path, before=None, after=1)
    assert proposed(diagnosed("own_resources", where=()), window()) is None


def test_answers_that_end_at_the_variants_own_bound_may_be_twice_as_long() -> None:
    cut = {"finish_reason": "length", "output_tokens": 400}

    found = proposed(diagnosed("truncated_stream"), window(since=cut))

    expected = ParameterChange(specialist="writer", name="max_tokens", before=400, after=800)
    assert change_of(found) == expected
    assert found is not None
    assert (found.parent, found.cost_ratio) == ("variant-new", 2.0)


def test_streams_that_break_off_are_gone_on_with_or_asked_for_again() -> None:
    cut = window(since={"outcome": "error", **failing("upstream_disconnected", first=False)})
    need = diagnosed("truncated_stream")

    off = proposed(need, cut, writer(continuation="off"))
    on = proposed(need, cut)

    path = "specialists.writer.continuation"
    assert change_of(off) == SettingChange(path=path, before="off", after="prompt")
    assert change_of(on) == SettingChange(path="watch.on_truncated", before="observe", after="retry")
    assert proposed(need, cut, watch=WatchPolicy(on_truncated="cut")) is None


def test_a_wrong_format_is_asked_for_again_and_then_said_in_the_instructions_once() -> None:
    broken, need = window(since={"losses": {"format": 1.0}}), diagnosed("wrong_format")
    observing = WatchPolicy(on_schema_violation="observe")

    first = proposed(need, broken, watch=observing)
    second = proposed(need, broken)

    path = "watch.on_schema_violation"
    assert change_of(first) == SettingChange(path=path, before="observe", after="retry")
    before = "Answer briefly.\nNever name customers."
    after = f"{before}\n\n{FORM_RULE}"
    assert change_of(second) == InstructionChange(specialist="writer", before=before, after=after)
    told = writer(variants=(Variant(id="v", instructions=after),))
    assert proposed(need, broken, told) is None


def test_refusals_are_asked_for_elsewhere_where_somebody_is_there() -> None:
    refused, need = window(since={"losses": {"refusal": 1.0}}), diagnosed("refusal_spike")

    assert change_of(proposed(need, refused)) == SettingChange(
        path="watch.on_refusal", before="observe", after="retry"
    )
    assert proposed(need, refused, writer(endpoints=ALONE)) is None


def test_a_tenant_with_a_policy_of_its_own_is_watched_by_that() -> None:
    need = diagnosed("refusal_spike", where=(("tenant", "own"),))

    found = proposed(need, window())

    expected = SettingChange(path="tenants.own.watch.on_refusal", before="observe", after="retry")
    assert change_of(found) == expected
    assert found is not None
    assert found.blast_radius == 0.0


def test_a_drop_of_quality_leads_to_a_variant_that_does_better_or_to_checks() -> None:
    worse, need = window(since={"losses": {"quality": 0.9}}), diagnosed("quality_drop")
    two = writer(variants=(Variant(id="variant-new", share=0.6), Variant(id="variant-old", share=0.4)))
    mixed = [
        msgspec.structs.replace(
            each,
            dimensions={"variant": "variant-old" if n % 2 else "variant-new", "endpoint": "writer/1"},
            losses={"quality": 0.1 if n % 2 else 0.6},
        )
        for n, each in enumerate(window().observations)
    ]
    both = msgspec.structs.replace(window(), observations=tuple(mixed))

    better = VariantChange(specialist="writer", before="variant-new", after="variant-old")
    assert change_of(proposed(need, both, two)) == better
    checked = proposed(need, worse, routing=RoutingPolicy(cascade="off"))
    assert change_of(checked) == SettingChange(path="routing.cascade", before="off", after="checkable")
    assert proposed(need, worse) is None


def test_stale_documents_are_left_out_those_that_came_near_the_onset() -> None:
    came = event("documents.handbook.md", None, "3 parts", kind="documents")

    known = proposed(diagnosed("stale_context", changes=["c1"]), window(changes=[came]))
    unknown = proposed(diagnosed("stale_context"), window())

    assert change_of(known) == DocumentChange(specialist="writer", origins=("handbook.md",))
    assert change_of(unknown) == DocumentChange(specialist="writer", origins=())


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (
            event("specialists.writer.instructions", "Be exact.", VARIANT_TEXT, kind="variant"),
            InstructionChange(specialist="writer", before=VARIANT_TEXT, after="Be exact."),
        ),
        (
            event("specialists.writer.parameters.max_tokens", None, 400),
            ParameterChange(specialist="writer", name="max_tokens", before=400, after=None),
        ),
        (
            event("specialists.writer.variant", "variant-old", "variant-new", kind="variant"),
            VariantChange(specialist="writer", before="variant-new", after="variant-old"),
        ),
        (
            event("specialists.writer", {"tier": 1, "hedge": True}, {"tier": 2, "hedge": True}, kind="model"),
            SettingChange(path="specialists.writer.tier", before=2, after=1),
        ),
    ],
)
def test_a_variant_that_made_it_worse_is_taken_back_as_its_event_says(came: object, expected: Change) -> None:
    found = proposed(diagnosed("variant_regression", changes=["c1"]), window(changes=[came]))  # type: ignore[list-item]

    assert change_of(found) == expected


def test_what_an_event_does_not_hold_whole_is_taken_back_by_the_variant_seen_before() -> None:
    came = msgspec.structs.replace(
        event("specialists.writer.instructions", "", "Answer briefly.", kind="variant"), before='"Be exa'
    )
    earlier = [
        msgspec.structs.replace(each, dimensions={"variant": "variant-old"}) if each.at < ONSET else each
        for each in window().observations
    ]
    both = msgspec.structs.replace(window(changes=[came]), observations=tuple(earlier))

    found = proposed(diagnosed("variant_regression", changes=["c1"]), both)

    assert change_of(found) == VariantChange(specialist="writer", before="variant-new", after="variant-old")


@pytest.mark.parametrize(
    ("came", "expected"),
    [
        (
            event("specialists.writer.timeouts.total_s", 300.0, 600.0),
            SettingChange(path="specialists.writer.timeouts.total_s", before=600.0, after=300.0),
        ),
        (
            event("watch.on_refusal", "ignore", "observe", kind="watch"),
            SettingChange(path="watch.on_refusal", before="observe", after="ignore"),
        ),
        (
            event("thresholds.harm/writer/acme", 0.9, 0.5, kind="threshold"),
            ThresholdChange(detector="harm", specialist="writer", tenant="acme", before=0.5, after=0.9),
        ),
        (event("specialists.writer.timeouts.total_s", 300.0, 500.0), None),  # not in force any more
        (event("specialists.writer.timeouts", {"total_s": 1, "connect_s": 1}, {}), None),  # two at once
        (event("specialists.writer.endpoints", [{"id": "x"}], []), None),
        (event("nothing.there", 1, 2), None),
        (event("upgrade", "1.0", "1.1", kind="upgrade"), None),
        (event("endpoints.writer/1", None, {"id": "writer/1"}, kind="endpoint"), None),  # it is new
        (
            event("endpoints.writer/1.model", "better", "m", kind="model"),
            SettingChange(path="endpoints.writer/1.model", before="m", after="better"),
        ),
    ],
)
def test_a_change_of_the_configuration_is_taken_back_where_it_is_in_force(
    came: object, expected: Change | None
) -> None:
    need = diagnosed("own_configuration", changes=["c1", "gone"])

    assert change_of(proposed(need, window(changes=[came]))) == expected  # type: ignore[list-item]


def test_a_change_that_was_taken_back_already_is_not_taken_back_again() -> None:
    first = event("watch.on_refusal", "observe", "ignore", kind="watch")
    second = msgspec.structs.replace(first, id="c2", before=first.after, after=first.before)

    need = diagnosed("own_configuration", changes=["c1"])

    assert proposed(need, window(changes=[first, second])) is None


def test_answers_that_became_long_are_bounded_by_what_sound_ones_have() -> None:
    long = window(since={"output_tokens": 2_000, "cost_usd": 0.008})
    unbounded = writer(variants=(Variant(id="variant-new"),))

    found = proposed(diagnosed("cost_blowup"), long, unbounded)

    expected = ParameterChange(specialist="writer", name="max_tokens", before=None, after=150)
    assert change_of(found) == expected
    assert found is not None
    assert found.cost_ratio == pytest.approx(0.075)
    assert proposed(diagnosed("cost_blowup"), window(), unbounded) is None


def test_requests_that_are_tried_too_often_are_tried_less() -> None:
    tries = window(since={"tries": (tried("writer/1", "failed"),) * 3 + (tried("writer/2"),)})

    found = proposed(diagnosed("cost_blowup"), tries)

    assert change_of(found) == SettingChange(path="balancing.retry_share", before=0.2, after=0.1)


def test_a_detector_that_judges_otherwise_is_the_meta_guardians() -> None:
    assert proposed(diagnosed("detector_drift"), window()) is None
    assert proposed(diagnosed(None), window()) is None


@pytest.mark.parametrize(
    ("rule", "where", "policy", "expected"),
    [
        ("leak-delivered/secret/aws-key", (), {"on_secret": "observe"}, ("watch.on_secret", "redact")),
        ("leak-delivered/canary/canary-1", (), {"on_canary": "observe"}, ("watch.on_canary", "cut")),
        (
            "leak-delivered/personal-data/iban",
            (),
            {"personal": {"iban": "observe"}},
            ("watch.personal.iban", "redact"),
        ),
        ("tool-not-allowed", (), {}, ("watch.on_tool_call", "retry")),
        ("leak-delivered/deny/name", (), {}, None),
        ("data-policy", (), {}, None),
    ],
)
def test_what_no_policy_allows_is_kept_from_leaving(
    rule: str, where: object, policy: dict[str, object], expected: tuple[str, str] | None
) -> None:
    found = proposed(forbidden(rule), window(), watch=WatchPolicy(**policy))  # type: ignore[arg-type]

    change = change_of(found)
    assert (change and (change.path, change.after)) == expected  # type: ignore[union-attr]


def test_safety_goes_before_quality_in_one_need() -> None:
    need = msgspec.structs.replace(
        diagnosed("wrong_format"), finding=forbidden("tool-not-allowed").finding, motive="safety"
    )

    found = proposed(need, window())

    assert found is not None
    assert (found.motive, found.cause) == ("safety", None)
    assert change_of(found) == SettingChange(path="watch.on_tool_call", before="observe", after="retry")


def test_two_needs_never_change_the_same_thing() -> None:
    deployed = snapshot(writer(hedge=False))
    needs = [diagnosed("slow"), wished("endpoint-slower"), diagnosed("wrong_format")]

    found = tuple(proposals(deployed.base.specialists[0], needs, window(), deployed, at=1.0))

    assert [getattr(each.change, "path", "instructions") for each in found] == [
        "specialists.writer.hedge",
        "instructions",
    ]


def test_an_own_policy_is_looked_for_by_its_tenant() -> None:
    own = Tenant(name="own", watch=WatchPolicy(on_secret="observe"))
    need = forbidden("leak-delivered/secret/aws-key", where=(("tenant", "own"),))

    found = proposed(need, window(), tenants=(own,))

    expected = SettingChange(path="tenants.own.watch.on_secret", before="observe", after="redact")
    assert change_of(found) == expected


@pytest.mark.parametrize(
    ("old", "cause", "expected"),
    [
        (
            {
                "variants": (
                    Variant(id="variant-old", instructions="Be exact.", parameters={"max_tokens": 400}),
                )
            },
            "variant_regression",
            InstructionChange(specialist="writer", before=VARIANT_TEXT, after="Be exact."),
        ),
        (
            {"variants": (Variant(id="variant-old", instructions=VARIANT_TEXT),)},
            "variant_regression",
            ParameterChange(specialist="writer", name="max_tokens", before=400, after=None),
        ),
        (
            {"max_concurrency": 9},
            "own_configuration",
            SettingChange(path="specialists.writer.max_concurrency", before=None, after=9),
        ),
    ],
)
def test_what_differs_between_two_revisions_is_taken_back(
    old: dict[str, object], cause: Cause, expected: Change
) -> None:
    (came,) = changes_between(snapshot(writer(**old)), snapshot(), ONSET - 1.0)

    found = proposed(diagnosed(cause, changes=[came.id]), window(changes=[came]))

    assert change_of(found) == expected


def test_a_text_of_which_something_is_masked_is_not_put_back() -> None:
    old = msgspec.structs.replace(VARIANT, instructions="See https://help:me@wiki.example.com/page.")
    (came,) = changes_between(snapshot(writer(variants=(old,))), snapshot(), ONSET - 1.0)

    found = proposed(diagnosed("variant_regression", changes=[came.id]), window(changes=[came]))

    assert "help:me" not in came.before
    assert found is None
