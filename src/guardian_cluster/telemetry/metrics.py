"""Prometheus metrics, under the names of OpenTelemetry's conventions for generative AI where it has one.

Names: https://github.com/open-telemetry/semantic-conventions-genai; dots become underscores and units are
added, as Prometheus asks.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from guardian_cluster.contract.records import GatewayEvent, Report, RequestRecord
from guardian_cluster.telemetry.counter import Counter
from guardian_cluster.telemetry.exposition import encoded, text_of
from guardian_cluster.telemetry.histogram import Histogram, Series

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""The conventions' own advice for the time of a request."""
FIRST_TOKEN_S = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0),
)
"""The conventions' own advice, and two more: where a cold model is loaded first, ten seconds are soon over."""
PER_TOKEN_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
"""The conventions' own advice."""
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)
"""The conventions' own advice for token counts, to a million."""
OVERHEAD_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25)

_DROPPED = ("request", "payload", "feedback", "event", "spool", "unknown")
"""Kinds under which a reporter counts what it dropped; each is shown from the start, so that a rise from 0 shows."""


class Metrics:
    """Counts reports as they pass.

    Labels hold configured names only, so their number is bounded by the configuration. `worker` is whose they are.
    """

    def __init__(self, in_flight: Callable[[], float], worker: int = 1) -> None:
        self._registry = registry = CollectorRegistry()
        labels = ("gen_ai_operation_name", "gen_ai_request_model", "guardian_specialist")
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Time of a request.",
            labels,
            registry=registry,
            buckets=SECONDS,
        )
        self._first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time to the first content of a streamed answer.",
            labels,
            registry=registry,
            buckets=FIRST_TOKEN_S,
        )
        self._per_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Time for each token after the first.",
            labels,
            registry=registry,
            buckets=PER_TOKEN_S,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a request.",
            (*labels, "gen_ai_token_type"),
            registry=registry,
            buckets=TOKENS,
        )
        self._overhead = Histogram(
            "guardian_overhead_seconds",
            "Time of a request spent in the gateway.",
            registry=registry,
            buckets=OVERHEAD_S,
        ).labels()
        self._requests = Counter(
            "guardian_requests", "Requests by outcome.", ("guardian_specialist", "outcome"), registry=registry
        )
        self._attempts = Counter(
            "guardian_attempts", "Attempts at endpoints.", ("endpoint", "outcome", "error"), registry=registry
        )
        self._verdicts = Counter(
            "guardian_verdicts", "Findings of watchers.", ("detector", "rule", "action"), registry=registry
        )
        self._cost = Counter(
            "guardian_cost_usd", "Cost of answers.", ("guardian_specialist",), registry=registry
        )
        Gauge("guardian_requests_in_flight", "Requests being answered.", registry=registry).set_function(
            in_flight
        )
        self._series: dict[tuple[str, ...], _Series] = {}
        self._worker = str(worker)
        self._answered = Counter(
            "guardian_worker_requests",
            "Requests by the worker that answered.",
            ("worker",),
            registry=registry,
        )
        self._restarts = Counter(
            "guardian_worker_restarts", "Workers that took another's place.", ("worker",), registry=registry
        )
        self._revision = Gauge(
            "guardian_snapshot_revision", "The snapshot that a worker serves.", ("worker",), registry=registry
        ).labels(self._worker)

    def report(self, report: Report) -> None:
        """Count one report."""
        if isinstance(report, RequestRecord):
            self._request(report)
        elif isinstance(report, GatewayEvent):
            self._event(report)

    def watch_drops(self, dropped: Mapping[str, int]) -> None:
        """Show what a reporter has dropped, by kind, whenever metrics are asked for."""
        self._registry.register(_Drops(dropped))

    def text(self, others: Iterable[bytes] = ()) -> bytes:
        """Return all metrics in Prometheus's text format, summed with what other workers have counted."""
        return text_of([self.encoded(), *others])

    def encoded(self) -> bytes:
        """Return all metrics, to be summed with those of other workers; any thread may ask."""
        return encoded(self._registry)

    def _event(self, event: GatewayEvent) -> None:
        if event.kind == "snapshot_applied":
            self._revision.set(float(event.subject))
        elif event.kind == "worker_restarted":
            self._restarts.add(self._worker)

    def _request(self, record: RequestRecord) -> None:
        specialist = record.specialist or "none"
        self._answered.add(self._worker)
        self._requests.add(specialist, record.outcome)
        if record.specialist is None:
            return  # the requested name is the caller's own words then, and no label
        series = self._of(record.operation, record.requested_model, specialist)
        series.duration.observe(record.duration_ms / 1e3)
        series.input_tokens.observe(record.input_tokens)
        series.output_tokens.observe(record.output_tokens)
        self._overhead.observe(record.overhead_ms / 1e3)
        if record.cost_usd:
            self._cost.add(specialist, amount=record.cost_usd)
        if record.streamed and record.first_token_ms is not None:
            series.first_token.observe(record.first_token_ms / 1e3)
            if record.output_tokens > 1:
                after_first_ms = record.duration_ms - record.first_token_ms
                series.per_token.observe(after_first_ms / 1e3 / (record.output_tokens - 1))
        for attempt in record.attempts:
            self._attempts.add(attempt.endpoint, attempt.outcome, attempt.error or "")
        for verdict in record.verdicts:
            self._verdicts.add(verdict.detector, verdict.rule, verdict.action)

    def _of(self, *labels: str) -> "_Series":
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = _Series(
                self._duration.labels(*labels),
                self._first_token.labels(*labels),
                self._per_token.labels(*labels),
                self._tokens.labels(*labels, "input"),
                self._tokens.labels(*labels, "output"),
            )
        return found


class _Series(NamedTuple):
    """The histograms of one combination of labels."""

    duration: Series
    first_token: Series
    per_token: Series
    input_tokens: Series
    output_tokens: Series


class _Drops(Collector):
    """Reads the reporter's own counts: what it drops, it cannot report."""

    def __init__(self, dropped: Mapping[str, int]) -> None:
        self._dropped = dropped

    def collect(self) -> Iterable[Metric]:
        """Return the counts as they stand."""
        family = CounterMetricFamily("guardian_reports_dropped", "Reports that were lost.", labels=["kind"])
        for kind in _DROPPED:
            family.add_metric([kind], self._dropped.get(kind, 0))
        return [family]
