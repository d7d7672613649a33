"""What the watchers of one request tell one another while it runs: how specialists perform, how good context is."""

from collections.abc import Iterable

import msgspec

from guardian_cluster.watcher.guard import SharedGuard

PATIENCE_FACTOR = 3.0
"""A part is waited for this many times as long as the slowest of the others took. A choice, not a measurement: parts of
one request are of a size, and a caller who has most of an answer would rather have it than wait on."""

LEAST_PATIENCE_S = 60.0
"""A part is never given up sooner after the others, which may be built in and take no time: as long as a model has by
default until its first word."""


class PerformanceInsight(msgspec.Struct, frozen=True, kw_only=True):
    """How a specialist did on its part: the watcher of one tells the watchers of the others."""

    part: int
    specialist: str | None
    duration_s: float
    attempts: int
    is_answered: bool

    def __str__(self) -> str:
        done = "answered" if self.is_answered else "not answered"
        return f"performance: part {self.part} {done} by {self.specialist or 'nobody'} in {self.duration_s:.3f} s"


class ContextQuality(msgspec.Struct, frozen=True, kw_only=True):
    """How well what was recalled supports an answer: the watcher of the memory tells that of the validation."""

    part: int
    relevance: float
    """0 to 1: of the best passage."""
    coverage: float
    """0 to 1: the share of the question's words that the passages hold."""

    def __str__(self) -> str:
        return (
            f"context quality: part {self.part} relevance {self.relevance:.2f}, coverage {self.coverage:.2f}"
        )


Insight = PerformanceInsight | ContextQuality


class Insights:
    """The insights of one request; every watcher reads those that are not its own."""

    def __init__(self) -> None:
        self._told: list[Insight] = []
        self.guard = SharedGuard()
        """Raised by a watcher that met something which must not leave, for all the others."""

    def share(self, insight: Insight) -> None:
        """Tell the others."""
        self._told.append(insight)

    def heard_by(self, part: int) -> tuple[PerformanceInsight, ...]:
        """Return how the other parts performed, as far as they have ended."""
        return tuple(i for i in self._told if isinstance(i, PerformanceInsight) and i.part != part)

    def context_quality(self, part: int) -> ContextQuality | None:
        """Return what the watcher of the memory says of a part's context."""
        return next((i for i in self._told if isinstance(i, ContextQuality) and i.part == part), None)

    def patience_s(self, part: int, others: Iterable[int]) -> float | None:
        """Return how much longer a part is waited for when all others have ended; `None` while one has not."""
        heard = {insight.part: insight for insight in self.heard_by(part)}
        if any(other not in heard for other in others):
            return None
        slowest_s = max((insight.duration_s for insight in heard.values()), default=0.0)
        return max(LEAST_PATIENCE_S, PATIENCE_FACTOR * slowest_s)
