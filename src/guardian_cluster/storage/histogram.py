"""Which bucket of a logarithmic histogram a time falls in, and the quantiles such a histogram gives back.

Buckets are an eighth of an octave wide (9.05 %) and stand for their geometric middle, so that a quantile is
off by at most `RELATIVE_ERROR` of the exact one. Histograms of any windows and machines add up bucket by
bucket, which exact percentiles do not (docs/design/storage.md).

A histogram is one large number with 40 bits for each bucket, so that adding two of them is adding two numbers: that
takes half a microsecond, and a window has thousands.
"""

import math
from collections.abc import Iterable, Iterator, Sequence

BUCKETS_PER_OCTAVE = 8

SMALLEST_MS = 0.001
"""One microsecond, in the unit of all values here; anything less, zero and negatives included, counts as
this."""

LAST_BUCKET = 40 * BUCKETS_PER_OCTAVE
"""12.7 days; anything longer counts as that."""

LARGEST_MS = SMALLEST_MS * 2 ** (LAST_BUCKET / BUCKETS_PER_OCTAVE)

RELATIVE_ERROR = 2 ** (0.5 / BUCKETS_PER_OCTAVE) - 1
"""4.43 %: from a bucket's middle to its edges."""

Histogram = int
"""How many values fell in each bucket; 0 is the empty one, and `+` adds two up."""

_LANE_BYTES = 5
"""Of a bucket's count. It would overflow into the next one after a year of 34,000 values a second."""

_LANE_BITS = 8 * _LANE_BYTES
_ONE_IN = [1 << bucket * _LANE_BITS for bucket in range(LAST_BUCKET + 1)]

_PLACE_BYTES = 2
"""Before the counts in bytes: which bucket the first one is of."""


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


def histogram_of(values_ms: Iterable[float]) -> Histogram:
    """Return the histogram of some times in milliseconds."""
    return sum([_ONE_IN[bucket_of(value)] for value in values_ms])


def counts_in(histogram: Histogram) -> Iterator[tuple[int, int]]:
    """Yield the buckets with something in them, in ascending order, and how many values that is."""
    lanes = histogram.to_bytes((LAST_BUCKET + 1) * _LANE_BYTES, "little")
    for bucket in range(LAST_BUCKET + 1):
        place = bucket * _LANE_BYTES
        if count := int.from_bytes(lanes[place : place + _LANE_BYTES], "little"):
            yield bucket, count


def packed(histogram: Histogram) -> bytes:
    """Return a histogram as bytes without the empty buckets at its ends; none for an empty one."""
    if not histogram:
        return b""
    lowest = (histogram & -histogram).bit_length() - 1
    first = lowest // _LANE_BITS
    counts = histogram >> first * _LANE_BITS
    return first.to_bytes(_PLACE_BYTES, "little") + counts.to_bytes((counts.bit_length() + 7) // 8, "little")


def unpacked(data: bytes) -> Histogram:
    """Return the histogram that was packed into these bytes."""
    first = int.from_bytes(data[:_PLACE_BYTES], "little")
    return int.from_bytes(data[_PLACE_BYTES:], "little") << first * _LANE_BITS


def quantiles(histogram: Histogram, wanted: Sequence[float]) -> list[float | None]:
    """Return a quantile in milliseconds for each of `wanted` (0 to 1); `None` where the histogram is empty.

    A quantile q of n values is the value of rank ceil(q * n), at least the first: one that did occur, never a
    mixture.
    """
    counts = list(counts_in(histogram))
    total = sum(count for _, count in counts)
    if not total:
        return [None] * len(wanted)
    ranks = [min(total, max(1, math.ceil(quantile * total))) for quantile in wanted]
    found = dict(_values_at(sorted(set(ranks)), counts))
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
