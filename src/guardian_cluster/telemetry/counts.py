"""What workers have counted, as values: encoded to be sent, and summed sample by sample.

Counters, histograms and gauges are summed alike; a gauge that must not be has a label that says whose it is.
"""

from collections.abc import Iterable, Sequence

import msgspec

Labels = tuple[tuple[str, str], ...]


class Sample(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One number."""

    name: str
    labels: Labels
    value: float


class Family(msgspec.Struct, frozen=True, array_like=True):
    """One metric, with all its samples."""

    name: str
    documentation: str
    type: str
    samples: tuple[Sample, ...]


encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(tuple[Family, ...])


def sum_of(several: Iterable[bytes]) -> list[Family]:
    """Return the sum of what several have counted. What cannot be read, from another version, counts for nothing."""
    read: list[tuple[Family, ...]] = []
    for each in several:
        try:
            read.append(_decoder.decode(each))
        except msgspec.DecodeError:
            continue
    return _sum(read)


def without_gauges(several: Iterable[bytes]) -> bytes:
    """Return the sum of what workers have counted that have ended: their gauges say nothing any more."""
    return encode([family for family in sum_of(several) if family.type != "gauge"])


def _sum(several: Sequence[Sequence[Family]]) -> list[Family]:
    known: dict[str, tuple[Family, dict[tuple[str, Labels], float]]] = {}
    for families in several:
        for family in families:
            _, totals = known.setdefault(family.name, (family, {}))
            for sample in family.samples:
                key = sample.name, sample.labels
                totals[key] = totals.get(key, 0.0) + sample.value
    return [_with(family, totals) for family, totals in known.values()]


def _with(family: Family, totals: dict[tuple[str, Labels], float]) -> Family:
    samples = tuple(Sample(name, labels, value) for (name, labels), value in totals.items())
    return Family(family.name, family.documentation, family.type, samples)
