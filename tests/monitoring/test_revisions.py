"""What differs between two snapshots, told as events: all of it, and no secret."""

from typing import Any

import msgspec
import pytest
from harness import RECALL, base, specialist
from held_moves import held
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.contract.records import GatewayEvent
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    ApiKey,
    Base,
    DenyRule,
    DetectorThreshold,
    Endpoint,
    Limits,
    Overlay,
    Sink,
    Snapshot,
    Specialist,
    Tenant,
    Variant,
    WatchPolicy,
)
from guardian_cluster.domain.action import Drain
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.monitoring.differences import MAX_WRITTEN, written
from guardian_cluster.monitoring.revisions import MAX_EVENTS, change_of, changes_between

AT = 1_800_000_000.0
HIDDEN = "hidden-7f3a"
replace = msgspec.structs.replace


def threshold(value: float = 0.5, **changes: Any) -> DetectorThreshold:
    return DetectorThreshold(
        **({"detector": "harm", "specialist": "writer", "tenant": "acme", "value": value} | changes)
    )


FIRST = Variant(id="v1", instructions="Be brief.", parameters={"temperature": 0.2})
WRITER = replace(
    specialist("writer", "http://one/v1", "http://two/v1", variants=(FIRST, Variant(id="v0", share=0.0))),
    proxy=Secret(HIDDEN, "PROXY"),
)
KEY = ApiKey(id="k1", sha256=HIDDEN, tenant="acme", created=1.0)
ACME = Tenant(name="acme", watch=WatchPolicy(), limits=Limits(requests_per_minute=10))
BASE = replace(
    base(WRITER, RECALL, keys=(KEY,), tenants=(ACME, Tenant(name="rival")), aliases={"gpt": "writer"}),
    router_salt=Secret(HIDDEN, "salt"),
    watch=WatchPolicy(deny=(DenyRule(name="house", text=HIDDEN),), canaries=(HIDDEN,)),
    alerts=AlertPolicy(sinks={"oncall": Sink(kind="pagerduty", key=Secret(HIDDEN, "PAGER"))}),
)
PAGER_OF_ANOTHER = Sink(kind="pagerduty", key=Secret("other-" + HIDDEN, "PAGER"))
DRAIN = held(Drain(specialist="writer", endpoint="writer/1"), "act_1")
OVERLAY = Overlay(moves=(DRAIN,), thresholds=(threshold(),))
BEFORE = Snapshot(rev=4, base=BASE, overlay=OVERLAY)


def changed(base: Base | None = None, overlay: Overlay | None = None) -> list[ChangeEvent]:
    after = Snapshot(rev=5, base=base or BASE, overlay=overlay or OVERLAY)
    return list(changes_between(BEFORE, after, AT))


def writer(**changes: Any) -> Base:
    return replace(BASE, specialists=(replace(WRITER, **changes), RECALL))


def told(events: list[ChangeEvent]) -> list[tuple[str, str, str, str]]:
    return [(each.kind, each.subject, each.before, each.after) for each in events]


def test_equal_snapshots_and_another_number_are_no_change():
    assert changes_between(BEFORE, Snapshot(rev=9, base=BASE, overlay=OVERLAY), AT) == ()


@pytest.mark.parametrize(
    ("after", "event"),
    [
        (writer(timeouts=replace(WRITER.timeouts, total_s=9.0)),
         ("setting", "specialists.writer.timeouts.total_s", "600.0", "9.0")),
        (writer(variants=(replace(FIRST, id="v2", instructions="Be long."), WRITER.variants[1])),
         ("variant", "specialists.writer.instructions", '"Be brief."', '"Be long."')),
        (writer(variants=(replace(FIRST, id="v2", parameters={"temperature": 0.9}), WRITER.variants[1])),
         ("setting", "specialists.writer.parameters.temperature", "0.2", "0.9")),
        (writer(variants=(replace(FIRST, id="v2"), WRITER.variants[1])),
         ("variant", "specialists.writer.variant", '"v1"', '"v2"')),
        (writer(endpoints=(replace(WRITER.endpoints[0], model="larger"), WRITER.endpoints[1])),
         ("model", "endpoints.writer/1.model", '"simulated-1"', '"larger"')),
        (writer(endpoints=WRITER.endpoints[:1]), ("endpoint", "endpoints.writer/2", "…", "")),
        (replace(BASE, specialists=(WRITER,)), ("setting", "specialists.recall", "…", "")),
        (replace(BASE, watch=replace(BASE.watch, on_refusal="retry")),
         ("watch", "watch.on_refusal", '"observe"', '"retry"')),
        (replace(BASE, tenants=(replace(ACME, watch=WatchPolicy(on_harm="retry")), BASE.tenants[1])),
         ("watch", "tenants.acme.watch.on_harm", '"ignore"', '"retry"')),
        (replace(BASE, tenants=(replace(ACME, limits=Limits()), BASE.tenants[1])),
         ("limits", "tenants.acme.limits.requests_per_minute", "10", "")),
        (replace(BASE, routing=replace(BASE.routing, explore=0.1)),
         ("routing", "routing.explore", "0.03", "0.1")),
        (replace(BASE, aliases={"gpt": "recall"}), ("routing", "aliases.gpt", '"writer"', '"recall"')),
        (replace(BASE, recovery=replace(BASE.recovery, backup={"writer": ("recall",)})),
         ("setting", "recovery.backup.writer", "", '["recall"]')),
        (replace(BASE, alerts=replace(BASE.alerts, page_from="critical")),
         ("setting", "alerts.page_from", '"error"', '"critical"')),
        (replace(BASE, limits=replace(BASE.limits, max_answer_bytes=5)),
         ("setting", "limits.max_answer_bytes", "50000000", "5")),
    ],
)  # fmt: skip
def test_each_thing_that_differs_is_one_event(after: Base, event: tuple[str, str, str, str]):
    ((kind, subject, before, value),) = told(changed(after))

    assert (kind, subject, value) == (event[0], event[1], event[3])
    assert before == event[2] or (event[2] == "…" and before.startswith("{"))


def test_thresholds_and_moves_are_told_with_whom_they_concern():
    raised = changed(overlay=Overlay(thresholds=(threshold(0.7),)))

    assert told(raised) == [
        ("threshold", "thresholds.harm/writer/acme", "0.5", "0.7"),
        ("endpoint", "moves.act_1.drain", written(DRAIN), ""),
    ]
    assert [(each.specialist, each.tenant, each.endpoint) for each in raised] == [
        ("writer", "acme", ""),
        ("writer", "", "writer/1"),
    ]


def test_an_event_says_whom_it_concerns_and_which_revision_brought_it():
    (event,) = changed(writer(endpoints=(WRITER.endpoints[0], replace(WRITER.endpoints[1], url="http://x"))))

    assert (event.specialist, event.endpoint, event.tenant) == ("writer", "writer/2", "")
    assert (event.at, event.rev, event.kind) == (AT, 5, "endpoint")


def test_the_same_change_has_the_same_id_whenever_it_is_noticed_and_others_have_others():
    after = Snapshot(rev=5, base=writer(tier=3, hedge=False), overlay=OVERLAY)
    first, later = changes_between(BEFORE, after, AT), changes_between(BEFORE, after, AT + 60)
    again = changes_between(BEFORE, replace(after, rev=7), AT)

    assert [each.id for each in first] == [each.id for each in later]
    assert len({each.id for each in (*first, *again)}) == 4


@pytest.mark.parametrize(
    ("after", "subject"),
    [
        (replace(BASE, router_salt=Secret("other-" + HIDDEN, "salt")), "router_salt"),
        (writer(proxy=Secret("other-" + HIDDEN, "PROXY")), "specialists.writer.proxy"),
        (replace(BASE, alerts=AlertPolicy(sinks={"oncall": PAGER_OF_ANOTHER})), "alerts.sinks.oncall.key"),
        (replace(BASE, alerts=AlertPolicy()), "alerts.sinks.oncall"),
        (replace(BASE, keys=(replace(KEY, sha256="other-" + HIDDEN),)), "keys.k1.sha256"),
        (replace(BASE, watch=replace(BASE.watch, canaries=("other-" + HIDDEN,))), "watch.canaries"),
        (replace(BASE, watch=replace(BASE.watch, deny=(DenyRule(name="house", text="other"),))), "watch.deny"),
        (replace(BASE, keys=()), "keys.k1"),
        (replace(BASE, tenants=()), "tenants.acme"),
        (replace(BASE, specialists=()), "specialists.writer"),
        (writer(endpoints=(replace(WRITER.endpoints[0], url=f"https://me:{HIDDEN}@host/v1"), WRITER.endpoints[1])),
         "endpoints.writer/1.url"),
        (writer(endpoints=(replace(WRITER.endpoints[0], api_key=Secret(HIDDEN)), WRITER.endpoints[1])),
         "endpoints.writer/1.api_key"),
    ],
)  # fmt: skip
def test_that_a_secret_changed_is_told_and_the_secret_is_not(after: Base, subject: str):
    events = changed(after)

    assert subject in [each.subject for each in events]
    assert HIDDEN not in repr(events)


@pytest.mark.parametrize(
    "told", [f"see //me:{HIDDEN}@host", (Secret(HIDDEN),), {"a": ["x" * 5_000, Secret("")]}, KEY]
)
def test_a_value_that_is_not_told_as_a_whole_is_no_json(told: object):
    text = written(told)

    assert HIDDEN not in text
    assert len(text) <= MAX_WRITTEN
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text)


def test_another_order_is_a_change_of_the_list():
    swapped = replace(BASE, specialists=(RECALL, WRITER))

    assert told(changed(swapped)) == [
        ("setting", "specialists", '["writer","recall"]', '["recall","writer"]')
    ]


def test_names_that_recur_are_told_as_one_change():
    assert [each.subject for each in changed(replace(BASE, keys=(KEY, replace(KEY, role="admin"))))] == [
        "keys"
    ]


def test_a_configuration_written_anew_gives_no_more_than_so_many_events():
    many = tuple(replace(WRITER, name=f"s{n}", endpoints=()) for n in range(3 * MAX_EVENTS))
    events = changed(replace(BASE, specialists=many))

    assert len(events) == MAX_EVENTS + 1
    assert events[-1].after == f'"{2 * MAX_EVENTS + 2} further differences"'


def test_long_values_are_shortened():
    (event,) = changed(writer(variants=(replace(FIRST, instructions="x" * 10**6), WRITER.variants[1])))

    assert len(event.after) <= 4_000


_names = st.sampled_from(["a", "b", "a.limits", "watch", "ü"])
_texts = st.text(max_size=6)
_endpoints = st.lists(
    st.builds(Endpoint, id=_names, url=_texts, model=_texts, api_key=st.none() | st.builds(Secret, _texts)),
    max_size=3,
).map(tuple)
_variants = st.lists(
    st.builds(
        Variant,
        id=_names,
        instructions=st.none() | _texts,
        parameters=st.dictionaries(_names, st.none() | st.integers(0, 2), max_size=2),
        share=st.sampled_from([0.0, 1.0]),
    ),
    max_size=3,
).map(tuple)
_specialists = st.lists(
    st.builds(
        Specialist,
        name=_names,
        variants=_variants,
        endpoints=_endpoints,
        context_length=st.none() | st.integers(1, 2),
        fallback=st.lists(_names, max_size=2).map(tuple),
    ),
    max_size=3,
).map(tuple)
_policies = st.builds(
    WatchPolicy,
    deny=st.lists(st.builds(DenyRule, name=_names, text=_texts), max_size=2).map(tuple),
    canaries=st.lists(_texts, max_size=2).map(tuple),
    personal=st.dictionaries(st.sampled_from(["card", "email"]), st.just("cut"), max_size=2),
    on_empty=st.sampled_from(["observe", "retry"]),
)
_moves = st.builds(
    lambda name, until: held(Drain(specialist=name), f"a{name}", until=until),
    _names,
    st.sampled_from([1.0, 2.0]),
)
_snapshots = st.builds(
    Snapshot,
    rev=st.just(1),
    base=st.builds(
        Base,
        specialists=_specialists,
        aliases=st.dictionaries(_names, _names, max_size=2),
        tenants=st.lists(st.builds(Tenant, name=_names, watch=st.none() | _policies), max_size=2).map(tuple),
        keys=st.lists(
            st.builds(ApiKey, id=_names, sha256=_texts, tenant=_names, created=st.just(1.0)), max_size=2
        ).map(tuple),
        watch=_policies,
        router_salt=st.builds(Secret, _texts),
    ),
    overlay=st.builds(
        Overlay,
        moves=st.lists(_moves, max_size=2).map(tuple),
        thresholds=st.lists(
            st.builds(threshold, st.sampled_from([0.1, 0.2]), specialist=_names, tenant=_names), max_size=2
        ).map(tuple),
    ),
)


@settings(max_examples=150)
@given(_snapshots, _snapshots)
def test_two_snapshots_differ_in_an_event_exactly_where_they_differ(before: Snapshot, after: Snapshot):
    events = changes_between(before, after, AT)

    assert bool(events) is (before != after)
    assert changes_between(before, before, AT) == ()
    assert len({each.id for each in events}) == len(events)
    assert {each.subject for each in events} == {each.subject for each in changes_between(after, before, AT)}


def _fields() -> list[str]:
    others = set(Base.__struct_fields__) - {"specialists", "tenants", "keys"}
    return sorted(others | {f"specialists.{name}" for name in Specialist.__struct_fields__})


@pytest.mark.parametrize("field", _fields())
def test_no_field_can_change_without_an_event(field: str):
    name = field.removeprefix("specialists.")
    holder: Any = WRITER if "." in field else BASE
    other = _other(getattr(holder, name))
    after = writer(**{name: other}) if "." in field else replace(BASE, **{name: other})

    assert changed(after), field


def _other(value: Any) -> Any:
    """Return something else of the same kind."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value}x"
        case Secret():
            return Secret("else")
        case tuple():
            return value[:-1] if value else ("else",)
        case dict():
            return {**value, "else": "else"}
        case None:
            return 1
        case _:
            first = value.__struct_fields__[0]
            return replace(value, **{first: _other(getattr(value, first))})


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        ("endpoint_ejected", "writer/1", ("endpoints.writer/1", "writer", "writer/1")),
        ("endpoint_readmitted", "a.b/12", ("endpoints.a.b/12", "a.b", "a.b/12")),
        ("overloaded", "writer", ("specialists.writer", "writer", "")),
        ("worker_restarted", "2", ("workers.2", "", "")),
    ],
)
def test_what_gateways_notice_of_endpoints_and_themselves_is_a_change(kind: Any, subject: str, expected: Any):
    event = GatewayEvent(kind=kind, at=AT, subject=subject, detail='it "fails"')
    change = change_of(event)

    assert change is not None
    assert (change.subject, change.specialist, change.endpoint) == expected
    assert (change.kind, change.at, change.rev, change.after) == (kind, AT, 0, '"it \\"fails\\""')
    assert change == change_of(event)


@pytest.mark.parametrize("kind", ["started", "stopped", "snapshot_applied", "dropped", "scores_drifted"])
def test_other_events_explain_nothing(kind: Any):
    assert change_of(GatewayEvent(kind=kind, at=AT, subject="writer/1")) is None


@settings(max_examples=50)
@given(
    st.sampled_from(["overloaded", "endpoint_ejected"]),
    st.floats(),
    st.text(max_size=400),
    st.text(max_size=400),
)
def test_an_event_of_any_content_is_told_in_few_printable_characters(
    kind: Any, at: float, subject: str, detail: str
):
    change = change_of(GatewayEvent(kind=kind, at=at, subject=subject, detail=detail))

    assert (change is None) is (at in (float("inf"), float("-inf")) or at != at)
    if change is not None:
        assert (change.subject + change.after).isprintable()
        assert len(change.subject) + len(change.after) < 4_000
