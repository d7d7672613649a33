"""Which bucket of a logarithmic histogram a time falls in, and the quantiles such a histogram gives back.

Buckets are an eighth of an octave wide (9.05 %) and stand for their geometric middle, so that a quantile is
off by at most `RELATIVE_ERROR` of the exact one. Histograms of any windows and machines add up bucket by
bucket, which exact percentiles do not (docs/design/storage.md).
"""

import math
from collections.abc import Iterable, Mapping, Sequence

BUCKETS_PER_OCTAVE = 8

SMALLEST_MS = 0.001
"""One microsecond, in the unit of all values here; anything less, zero and negatives included, counts as
this."""

LAST_BUCKET = 40 * BUCKETS_PER_OCTAVE
"""12.7 days; anything longer counts as that."""

LARGEST_MS = SMALLEST_MS * 2 ** (LAST_BUCKET / BUCKETS_PER_OCTAVE)

RELATIVE_ERROR = 2 ** (0.5 / BUCKETS_PER_OCTAVE) - 1
"""4.43 %: from a bucket's middle to its edges."""


def bucket_of(value_ms: float) -> int:
    """Return the index of the bucket of a time in milliseconds; not-a-number counts as the smallest."""
    if not value_ms > SMALLEST_MS:
        return 0
    if value_ms >= LARGEST_MS:
        return LAST_BUCKET
    return int(math.log2(value_ms / SMALLEST_MS) * BUCKETS_PER_OCTAVE)


def value_of(bucket: int) -> float:
    """Return the time in milliseconds that stands for a bucket: its geometric middle."""
    return SMALLEST_MS * 2 ** ((bucket + 0.5) / BUCKETS_PER_OCTAVE)


def quantiles(counts: Mapping[int, int], wanted: Sequence[float]) -> list[float | None]:
    """Return a quantile in milliseconds for each of `wanted` (0 to 1); `None` where the histogram is empty.

    A quantile q of n values is the value of rank ceil(q * n), at least the first: one that did occur, never a
    mixture.
    """
    total = sum(counts.values())
    if not total:
        return [None] * len(wanted)
    ranks = [min(total, max(1, math.ceil(quantile * total))) for quantile in wanted]
    found = dict(_values_at(sorted(set(ranks)), sorted(counts.items())))
    return [found[rank] for rank in ranks]


def _values_at(ranks: Iterable[int], counts: Sequence[tuple[int, int]]) -> Iterable[tuple[int, float]]:
    """Yield the value at each rank; both arguments are in ascending order."""
    remaining = iter(counts)
    bucket, seen = next(remaining)
    for rank in ranks:
        while seen < rank:
            bucket, count = next(remaining)
            seen += count
        yield rank, value_of(bucket)
