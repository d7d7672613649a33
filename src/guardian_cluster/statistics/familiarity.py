"""Decides how familiar a text's form is: whether what was learned from others can be trusted on it."""

import struct
from array import array
from operator import itemgetter
from typing import ClassVar

from guardian_cluster.statistics.form import CELLS
from guardian_cluster.statistics.packed import finite_floats, floats_as_bytes, part_of

COMMON_SHARE = 0.005
"""A cell that one text in 200 falls into is familiar. Of texts of the same kind 98 % then have 95 % of their cells
familiar, of another kind 2 % or fewer (MMLU against GSM8K, both ways); words tell kinds apart far worse."""

ALLOWED_SHARE = 0.1
"""Where a tenth of a text's cells is unfamiliar, nothing learned is trusted; in proportion before."""

MEMORY = 40_000.0
"""Texts after which all counts are halved, so that what came long ago is forgotten."""


class Familiarity:
    """Counts how often each cell of a form was seen."""

    ENCODED_BYTES: ClassVar[int] = 8 + 4 * CELLS

    def __init__(self) -> None:
        self._counts = array("f", bytes(4 * CELLS))
        self._texts = 0.0

    def of(self, tiles: tuple[int, ...]) -> float:
        """Return 1 for a text whose cells are all familiar, down to 0 for an unknown kind of text."""
        if len(tiles) < 2 or not self._texts:
            return 0.0
        least = COMMON_SHARE * self._texts
        strange = sum(map(least.__gt__, itemgetter(*tiles)(self._counts))) / len(tiles)
        return max(0.0, 1.0 - strange / ALLOWED_SHARE)

    def note(self, tiles: tuple[int, ...], weight: float) -> None:
        """Take in one more text."""
        self._texts += weight
        for tile in tiles:
            self._counts[tile] += weight
        if self._texts > MEMORY:
            self._texts /= 2.0
            self._counts = array("f", [count / 2.0 for count in self._counts])

    def encode(self) -> bytes:
        """Return the counts as `ENCODED_BYTES` bytes."""
        return struct.pack("<d", self._texts) + floats_as_bytes(self._counts)

    @classmethod
    def decode(cls, data: bytes) -> "Familiarity":
        """Return what was encoded. Raises ValueError for anything else."""
        if len(data) != cls.ENCODED_BYTES:
            raise ValueError(f"counts of forms cannot have {len(data)} bytes")
        forms = cls()
        (forms._texts,) = struct.unpack("<d", part_of(data, 0, 8))
        forms._counts = finite_floats(data[8:])
        if not 0.0 <= forms._texts <= 1e12 or min(forms._counts) < 0.0:
            raise ValueError("counts of forms hold numbers that are no counts")
        return forms
