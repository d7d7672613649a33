"""Decides which value so many of a stream's values do not exceed, slowly: a fault is not followed while it is new.

Values are counted in cells 5 % wide, so that memory is bounded and order within a batch does not matter. A batch counts
only when another one has come after it, and what is counted fades over some 20,000 values.
"""

import math

import msgspec

_WIDTH = math.log(1.05)
_LEAST, _LARGEST = 1e-9, 1e9
_MEMORY = 20_000.0
_BATCHES = (50, 500)
"""Values in a batch: a tenth of what is known, between these."""

KNOWN_AFTER = 200
"""Values that count; of fewer a high quantile says little."""


class SlowQuantile(msgspec.Struct):
    """A quantile of positive values; what is zero or no number is passed over."""

    share: float
    cells: dict[int, float] = {}
    fresh: dict[int, int] = {}
    waiting: dict[int, int] = {}
    newest: int = 0
    learned: float = 0.0

    def add(self, value: float) -> bool:
        """Take in a value; return whether the quantile may have moved."""
        if not 0.0 < value < math.inf:
            return False
        cell = math.floor(math.log(min(max(value, _LEAST), _LARGEST)) / _WIDTH)
        self.fresh[cell] = self.fresh.get(cell, 0) + 1
        self.newest += 1
        if self.newest < self._batch():
            return False
        counted = self._count(self.waiting)
        self.waiting, self.fresh, self.newest = self.fresh, {}, 0
        return counted

    def spoil(self) -> None:
        """Pass over the values that do not count yet: they belong to a fault."""
        self.fresh, self.waiting, self.newest = {}, {}, 0

    def value(self) -> float | None:
        """Return the quantile; `None` while too little is known."""
        if self.learned < KNOWN_AFTER:
            return None
        wanted = self.share * sum(self.cells.values())
        for cell in sorted(self.cells):
            inside = self.cells[cell]
            if inside >= wanted:
                return math.exp(_WIDTH * (cell + wanted / inside))
            wanted -= inside
        return math.exp(_WIDTH * (max(self.cells) + 1))

    def _batch(self) -> int:
        least, most = _BATCHES
        return min(max(int(self.learned / 10.0), least), most)

    def _count(self, batch: dict[int, int]) -> bool:
        count = sum(batch.values())
        if not count:
            return False
        kept = (1.0 - 1.0 / _MEMORY) ** count
        self.cells = {cell: kept * weight for cell, weight in self.cells.items()}
        for cell, number in batch.items():
            self.cells[cell] = self.cells.get(cell, 0.0) + number
        self.learned += count
        return True


def check(quantile: SlowQuantile, share: float) -> None:
    """Raise ValueError for a quantile, read from a file, that cannot have come about."""
    weights = (*quantile.cells.values(), *quantile.fresh.values(), *quantile.waiting.values())
    cells = (*quantile.cells, *quantile.fresh, *quantile.waiting)
    most = math.ceil(math.log(_LARGEST) / _WIDTH)
    if (
        quantile.share != share
        or quantile.newest != sum(quantile.fresh.values())
        or not 0.0 <= quantile.learned < math.inf
    ):
        raise ValueError("a quantile is not the one that is kept")
    if any(not 0.0 <= weight < math.inf for weight in weights) or any(abs(cell) > most + 1 for cell in cells):
        raise ValueError("a quantile has counts that cannot be")
    if quantile.learned >= KNOWN_AFTER and not sum(quantile.cells.values()) > 0.0:
        raise ValueError("a quantile has no counts")
