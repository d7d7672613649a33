"""What `/metrics` says, read by Prometheus's own parser: names, counts, and that callers cannot make series."""

from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from sample_records import request_record

from guardian_cluster.contract.records import (
    AttemptRecord,
    Feedback,
    GatewayEvent,
    RequestRecord,
    VerdictRecord,
)
from guardian_cluster.telemetry.metrics import FIRST_TOKEN_S, PER_TOKEN_S, SECONDS, TOKENS, Metrics

PLAIN = request_record(
    streamed=True,
    specialist="smart",
    endpoint="smart/1",
    input_tokens=100,
    output_tokens=11,
    cost_usd=0.5,
    duration_ms=1_250.0,
    overhead_ms=0.4,
    first_token_ms=250.0,
)
LABELS = {"gen_ai_operation_name": "chat", "gen_ai_request_model": "auto", "guardian_specialist": "smart"}

# https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-metrics.md: name and unit.
CONVENTIONS = {
    "gen_ai.server.request.duration": "s",
    "gen_ai.server.time_to_first_token": "s",
    "gen_ai.server.time_per_output_token": "s",
    "gen_ai.client.token.usage": "{token}",
}
ATTRIBUTES = {"gen_ai.operation.name", "gen_ai.request.model", "gen_ai.token.type"}


def changed(**fields: object) -> RequestRecord:
    return msgspec.structs.replace(PLAIN, **fields)


def counted(*records: object, dropped: Counter[str] | None = None) -> dict[str, Metric]:
    """Return the families that are shown after these reports, by name."""
    metrics = Metrics(lambda: 2.0)
    if dropped is not None:
        metrics.watch_drops(dropped)
    for each in records:
        metrics.report(each)  # type: ignore[arg-type]
    return {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float | None:
    found = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and each.labels == labels
    ]
    assert len(found) <= 1
    return found[0] if found else None


def series(families: dict[str, Metric]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    samples = [each for family in families.values() for each in family.samples]
    assert len(samples) == len({(each.name, frozenset(each.labels.items())) for each in samples})
    return {(each.name, frozenset(each.labels.items())) for each in samples}


def test_names_and_units_are_those_of_the_conventions():
    families = counted(PLAIN)

    ours = {name for name in families if name.startswith("gen_ai_")}
    suffix = {"s": "_seconds", "{token}": ""}
    assert ours == {name.replace(".", "_") + suffix[unit] for name, unit in CONVENTIONS.items()}
    assert all(families[name].type == "histogram" for name in ours)


def test_labels_of_the_conventions_have_their_names():
    families = counted(PLAIN)

    labels = {name for family in families.values() for each in family.samples for name in each.labels}
    assert {label for label in labels if label.startswith("gen_ai_")} == {
        attribute.replace(".", "_") for attribute in ATTRIBUTES
    }


def test_every_family_has_a_help_a_type_and_a_name_that_is_ours_or_the_conventions():
    families = counted(PLAIN, dropped=Counter())

    assert all(family.documentation and family.type != "unknown" for family in families.values())
    assert all(name.startswith(("gen_ai_", "guardian_")) for name in families)


@pytest.mark.parametrize(
    ("name", "amount", "buckets", "more"),
    [
        ("gen_ai_server_request_duration_seconds", 1.25, SECONDS, {}),
        ("gen_ai_server_time_to_first_token_seconds", 0.25, FIRST_TOKEN_S, {}),
        ("gen_ai_server_time_per_output_token_seconds", 0.1, PER_TOKEN_S, {}),
        ("gen_ai_client_token_usage", 100, TOKENS, {"gen_ai_token_type": "input"}),
        ("gen_ai_client_token_usage", 11, TOKENS, {"gen_ai_token_type": "output"}),
    ],
)
def test_a_request_is_counted_in_its_buckets(
    name: str, amount: float, buckets: tuple[float, ...], more: dict[str, str]
):
    families = counted(PLAIN)

    labels = LABELS | more
    assert value(families, f"{name}_sum", **labels) == pytest.approx(amount)
    assert value(families, f"{name}_count", **labels) == 1
    shown = {
        float(each.labels["le"]): each.value
        for each in families[name].samples
        if each.name == f"{name}_bucket" and labels.items() <= each.labels.items()
    }
    assert shown == {bound: float(amount <= bound) for bound in (*buckets, float("inf"))}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
def test_buckets_only_grow_and_end_in_the_count(durations_ms: list[float]):
    families = counted(*(changed(duration_ms=each) for each in durations_ms))

    samples = families["gen_ai_server_request_duration_seconds"].samples
    buckets = [each for each in samples if each.name.endswith("_bucket")]
    assert all(left.value <= right.value for left, right in pairwise(buckets))
    assert [float(each.labels["le"]) for each in buckets] == [*SECONDS, float("inf")]
    assert buckets[-1].value == len(durations_ms)


def test_requests_attempts_verdicts_and_cost_are_counted():
    failed = AttemptRecord(
        specialist="smart", endpoint="smart/1", outcome="failed", error="upstream_error", duration_ms=1.0
    )
    went = AttemptRecord(specialist="smart", endpoint="smart/2", outcome="ok", duration_ms=1.0)
    found = VerdictRecord(
        detector="deny", rule="house", action="redact", channel="content", choice=0, position=3
    )
    families = counted(changed(attempts=(failed, went), verdicts=(found, found)), PLAIN)

    assert value(families, "guardian_requests_total", guardian_specialist="smart", outcome="ok") == 2
    attempts = {
        (each.labels["endpoint"], each.labels["outcome"], each.labels["error"]): each.value
        for each in families["guardian_attempts"].samples
        if each.name == "guardian_attempts_total"
    }
    assert attempts == {("smart/1", "failed", "upstream_error"): 1, ("smart/2", "ok", ""): 1}
    verdict = {"detector": "deny", "rule": "house", "action": "redact"}
    assert value(families, "guardian_verdicts_total", **verdict) == 2
    assert value(families, "guardian_cost_usd_total", guardian_specialist="smart") == 1.0


@pytest.mark.parametrize(
    ("change", "first", "pace"),
    [
        ({}, 1, 1),
        ({"output_tokens": 2}, 1, 1),
        ({"output_tokens": 1}, 1, 0),
        ({"output_tokens": 0}, 1, 0),
        ({"first_token_ms": None}, 0, 0),
        ({"streamed": False}, 0, 0),
    ],
)
def test_only_streams_have_a_first_token_and_only_two_tokens_have_a_pace(
    change: dict[str, object], first: int, pace: int
):
    families = counted(changed(**change))

    assert value(families, "gen_ai_server_time_to_first_token_seconds_count", **LABELS) == first
    assert value(families, "gen_ai_server_time_per_output_token_seconds_count", **LABELS) == pace
    assert value(families, "gen_ai_server_request_duration_seconds_count", **LABELS) == 1


def test_words_of_callers_make_no_series():
    refused = [
        changed(
            specialist=None, outcome="refused", requested_model=f"model-{n}", id=f"req_{n}", tenant=str(n)
        )
        for n in range(1_000)
    ]

    one, all_of_them = counted(refused[0]), counted(*refused)

    assert series(one) == series(all_of_them)
    assert not [labels for _, labels in series(all_of_them) if any("model-" in each for _, each in labels)]
    assert (
        value(all_of_them, "guardian_requests_total", guardian_specialist="none", outcome="refused") == 1_000
    )


def test_ids_tenants_and_keys_are_no_labels():
    many = [changed(id=f"req_{n}", tenant=f"t{n}", key=f"k{n}", started=float(n)) for n in range(100)]

    assert series(counted(*many)) == series(counted(PLAIN))


@given(st.text(st.sampled_from('a"\\\n\r\t {}=,#\u2028é\U0001f600'), min_size=1, max_size=12))
def test_a_name_with_odd_characters_stays_within_its_label(name: str):
    found = VerdictRecord(detector="deny", rule=name, action="cut", channel="content", choice=0, position=0)
    families = counted(changed(requested_model=name, verdicts=(found,)))

    assert value(families, "guardian_verdicts_total", detector="deny", rule=name, action="cut") == 1
    labels = LABELS | {"gen_ai_request_model": name}
    assert value(families, "gen_ai_server_request_duration_seconds_count", **labels) == 1


def test_the_revision_that_is_served_and_the_requests_in_flight_are_shown():
    families = counted(
        GatewayEvent(kind="snapshot_applied", at=1.0, subject="7"),
        GatewayEvent(kind="endpoint_failing", at=1.0, subject="smart/1"),
        Feedback(request_id="req_1", tenant="acme", received=1.0),
    )

    assert value(families, "guardian_snapshot_revision", worker="1") == 7
    assert value(families, "guardian_requests_in_flight") == 2


def test_every_kind_of_loss_is_shown_from_the_start_and_as_it_stands():
    dropped = Counter({"request": 3, "spool": 1})

    families = counted(dropped=dropped)

    shown = {
        each.labels["kind"]: each.value
        for each in families["guardian_reports_dropped"].samples
        if each.name == "guardian_reports_dropped_total"
    }
    assert shown == {"request": 3, "payload": 0, "feedback": 0, "event": 0, "spool": 1, "unknown": 0}


def test_it_is_told_which_worker_answered_and_how_often_one_was_started_anew():
    metrics = Metrics(lambda: 0.0, worker=2)
    for each in (
        PLAIN,
        PLAIN,
        GatewayEvent(kind="worker_restarted", at=1.0, subject="2", detail="by SIGKILL"),
    ):
        metrics.report(each)
    families = {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}

    assert value(families, "guardian_worker_requests_total", worker="2") == 2
    assert value(families, "guardian_worker_restarts_total", worker="2") == 1
