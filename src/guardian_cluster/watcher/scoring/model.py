"""Owns a linear model over hashed places: its weights as bytes in one small file, with the facts of its training."""

import struct
import zlib
from array import array
from collections.abc import Collection, Sequence
from importlib.resources import files
from typing import Final

import msgspec

from guardian_cluster.watcher.scoring.ngrams import PLACES, share

_MAGIC: Final = b"GSCO"
_HEAD = struct.Struct("<4sII")
_MOST: Final = 127
MAX_FILE_BYTES: Final = 4_000_000


class Facts(msgspec.Struct, frozen=True):
    """What is known of a model's training."""

    name: str
    data: tuple[str, ...]
    """The data sets, each with its licence and its digest."""
    trained_on: str
    """The day, as `YYYY-MM-DD`."""
    command: str
    rows: int
    columns: tuple[str, ...]
    """What each column of weights says."""
    levels: tuple[float, ...]
    """What each column adds to a sum."""
    units: tuple[float, ...]
    """What a weight of 1 stands for, in each column."""


class HashedModel:
    """Sums of weights over places, one for each column. Weights lie between -127 and 127 units."""

    def __init__(self, facts: Facts, weights: Sequence["array[int]"]) -> None:
        if not len(facts.columns) == len(facts.levels) == len(facts.units) == len(weights):
            raise ValueError("a model has a level, a unit and weights for each column")
        if any(len(column) != PLACES for column in weights):
            raise ValueError(f"a column of a model has {PLACES} weights")
        self.facts = facts
        # A tuple is read twice as fast as an array; its small numbers are the interpreter's own or shared.
        shared = {number: number for number in range(-_MOST - 1, _MOST + 1)}
        self._columns = [tuple(map(shared.__getitem__, column)).__getitem__ for column in weights]
        self._each = list(zip(self._columns, facts.units, facts.levels, strict=True))
        self._weights = weights

    def sums(self, places: Collection[int]) -> list[float]:
        """Return the evidence in log-odds for each column, of a text that has these places."""
        each = share(len(places))
        return [level + unit * each * sum(map(column, places)) for column, unit, level in self._each]

    def totals(self, places: Collection[int]) -> list[int]:
        """Return for each column the sum of these places' weights: those of parts of a text add up."""
        return [sum(map(column, places)) for column in self._columns]

    def evidence(self, totals: Sequence[int], count: int) -> list[float]:
        """Return the evidence in log-odds for each column, of a text whose `count` places have these totals."""
        each = share(count)
        columns = zip(totals, self._each, strict=True)
        return [level + unit * each * total for total, (_, unit, level) in columns]

    def encode(self) -> bytes:
        """Return a compact form that is the same on every machine."""
        facts = msgspec.json.encode(self.facts)
        packed = zlib.compress(b"".join([column.tobytes() for column in self._weights]), 9)
        return _HEAD.pack(_MAGIC, len(facts), len(packed)) + facts + packed

    @classmethod
    def decode(cls, data: bytes) -> "HashedModel":
        """Return what was encoded. Raises ValueError for bytes that `encode` does not write."""
        if len(data) < _HEAD.size or len(data) > MAX_FILE_BYTES:
            raise ValueError(f"a model of a scorer cannot have {len(data)} bytes")
        magic, facts_bytes, packed_bytes = _HEAD.unpack_from(data)
        if magic != _MAGIC or len(data) != _HEAD.size + facts_bytes + packed_bytes:
            raise ValueError("these bytes are no model of a scorer, or are cut off")
        facts = msgspec.json.decode(data[_HEAD.size : _HEAD.size + facts_bytes], type=Facts)
        size = len(facts.columns) * PLACES
        unpacking = zlib.decompressobj()
        try:
            weights = unpacking.decompress(data[_HEAD.size + facts_bytes :], size + 1)
        except zlib.error as error:
            raise ValueError("the weights of a scorer are damaged") from error
        if len(weights) != size or not unpacking.eof:
            raise ValueError(f"a model with {len(facts.columns)} columns has {size} weights")
        return cls(facts, [array("b", weights[at : at + PLACES]) for at in range(0, size, PLACES)])


def rounded(weights: Sequence[float]) -> tuple["array[int]", float]:
    """Return weights in whole units, and the unit: the largest weight is 127 of them."""
    unit = max(map(abs, weights), default=0.0) / _MOST or 1.0
    return array("b", [round(weight / unit) for weight in weights]), unit


def shipped(name: str) -> HashedModel:
    """Return a model that comes with the package: `injection` or `harm`; takes some milliseconds."""
    resource = files("guardian_cluster.watcher.scoring").joinpath("weights", f"{name}.model")
    return HashedModel.decode(resource.read_bytes())
