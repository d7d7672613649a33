"""A Prometheus counter for one event loop: counting is an addition in a dictionary.

That of prometheus_client takes 1.0 to 1.7 µs for each increment, three quarters of it to find the labels' child;
this one takes 0.1 to 0.2 µs, and a request makes two or more (prometheus_client 0.26.0, two labels, Python 3.11.7,
the best of five times 200,000 with timeit, four runs).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily


class Counter:
    """One metric: a total for each combination of labels."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._totals: defaultdict[tuple[str, ...], float] = defaultdict(float)
        registry.register(self)

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Add to the total of these labels."""
        self._totals[labels] += amount

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return what there is, as Prometheus's library asks every collector for it."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, total in tuple(self._totals.items()):
            family.add_metric(labels, total)
        yield family
