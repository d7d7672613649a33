"""Between Prometheus's library and `counts.py`: what is registered as values, and values as its text."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from guardian_cluster.telemetry.counts import Family, Sample, encode, sum_of


def encoded(registry: CollectorRegistry) -> bytes:
    """Return all that is registered, to be summed with others'; any thread may ask."""
    return encode([_family(metric) for metric in registry.collect()])


def text_of(several: Iterable[bytes]) -> bytes:
    """Return the sum of what several have counted, in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Values(sum_of(several)))
    return generate_latest(registry)


def _family(metric: Metric) -> Family:
    samples = (
        Sample(sample.name, tuple(sample.labels.items()), float(sample.value)) for sample in metric.samples
    )
    return Family(metric.name, metric.documentation, metric.type, tuple(samples))


class _Values(Collector):
    """Hands values to the library."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        for family in self._families:
            metric = Metric(family.name, family.documentation, family.type)
            for sample in family.samples:
                metric.add_sample(sample.name, dict(sample.labels), sample.value)
            yield metric
