"""Owns which slices of a specialist's requests are watched on their own, and in which place of the arrays each one is.

Place 0 is everything. A value of a dimension gets a place once it was seen a few times; where all are taken, the least
used one of its dimension is forgotten, so that a caller who makes up values can push out only what is rarer still.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from guardian_cluster.domain.observation import DIMENSIONS, Dimension, Observation, Slice, holds

Places = npt.NDArray[np.int16]

UNPLACED = -2
"""In the place of a value that has none yet; -1 is where a request has no value."""

ADMITTED_AFTER = 5
_MOST_CANDIDATES = 256
_MOST_OF_ONE = 0.2
"""Of all places, for the values of one dimension."""
MOST_COMBINED = 8
"""Slices of several dimensions; they are watched where something is known of them before."""

WIDTH = len(DIMENSIONS) + MOST_COMBINED
"""To how many places a request can belong, beside everything."""

_EVERYTHING: Slice = ()
_LONGEST_VALUE = 200


class PlacesState(msgspec.Struct, frozen=True):
    """What a table knows."""

    slices: list[Slice]
    uses: list[float]
    candidates: dict[str, int]


class PlaceTable:
    """The slices that are watched, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = max(most, 2)
        self._most_of_one = max(1, int(_MOST_OF_ONE * most))
        self.slices: list[Slice] = [_EVERYTHING]
        self._uses = [0.0]
        self._index: dict[tuple[str, str], int] = {}
        self._combined: list[int] = []
        self._candidates: dict[str, int] = {}

    def of(self, observation: Observation) -> tuple[Places, list[int]]:
        """Return the places of a request, negative where there is none, and those that were given away just now.

        There is one of each dimension, in the order of `DIMENSIONS`, and then those of several.
        """
        found = [-1] * WIDTH
        new: list[int] = []
        for number, dimension in enumerate(DIMENSIONS):
            value = observation.dimensions.get(dimension)
            if not value:
                continue
            place = self._index.get((dimension, value))
            if place is None:
                place = self._considered(dimension, value)
                new += [] if place is None else [place]
            if place is not None:
                self._uses[place] += 1.0
            found[number] = UNPLACED if place is None else place
        for number, place in enumerate(self._combined):
            if holds(self.slices[place], observation):
                found[len(DIMENSIONS) + number] = place
        return np.array(found, np.int16), new

    def ensure(self, where: Slice) -> tuple[int, bool]:
        """Return the place of a slice of which something is known, and whether it is new; -1 where none is free."""
        if where in self.slices:
            return self.slices.index(where), False
        if len(where) == 1:
            place = self._given(*where[0])
            return (-1, False) if place is None else (place, True)
        if len(self._combined) >= MOST_COMBINED or len(self.slices) >= self._most:
            return -1, False
        self._combined.append(len(self.slices))
        self.slices.append(where)
        self._uses.append(0.0)
        return self._combined[-1], True

    def fade(self, kept: float) -> None:
        """Let what was used long ago count less."""
        self._uses = [kept * uses for uses in self._uses]

    def groups(self, count: int) -> Places:
        """Return of each place which dimension it is of; slices of several are alone."""
        found = np.full(count, -1, np.int16)
        for place, where in enumerate(self.slices):
            if len(where) == 1:
                found[place] = DIMENSIONS.index(where[0][0])
            elif where:
                found[place] = len(DIMENSIONS) + place
        return found

    def _considered(self, dimension: Dimension, value: str) -> int | None:
        if len(value) > _LONGEST_VALUE:
            return None
        key = f"{dimension}={value}"
        seen = self._candidates.pop(key, 0) + 1
        if seen < ADMITTED_AFTER:
            if len(self._candidates) >= _MOST_CANDIDATES:
                del self._candidates[next(iter(self._candidates))]
            self._candidates[key] = seen
            return None
        return self._given(dimension, value, uses=float(seen))

    def _given(self, dimension: Dimension, value: str, uses: float = 0.0) -> int | None:
        """Return the place that a value gets: a new one, or that of the least used value of its dimension."""
        own = [
            place for place, where in enumerate(self.slices) if len(where) == 1 and where[0][0] == dimension
        ]
        if len(self.slices) < self._most and len(own) < self._most_of_one:
            place = len(self.slices)
            self.slices.append(((dimension, value),))
            self._uses.append(uses)
        else:
            if not own:
                return None
            place = min(own, key=lambda each: self._uses[each])
            if self._uses[place] > max(uses, 1.0):
                return None
            del self._index[self.slices[place][0]]
            self.slices[place], self._uses[place] = ((dimension, value),), uses
        self._index[dimension, value] = place
        return place

    def state(self) -> PlacesState:
        """Return what the table knows."""
        return PlacesState(self.slices, self._uses, self._candidates)

    def restore(self, state: PlacesState) -> None:
        """Know what another table knew. Raises ValueError for what none can have known."""
        if len(state.uses) != len(state.slices) or state.slices[:1] != [_EVERYTHING]:
            raise ValueError("the slices of an alarm state do not fit together")
        if len(state.slices) > self._most or len(set(state.slices)) != len(state.slices):
            raise ValueError("an alarm state has too many slices")
        self.slices, self._uses = list(state.slices), list(state.uses)
        self._candidates = dict(state.candidates)
        self._index = {where[0]: place for place, where in enumerate(self.slices) if len(where) == 1}
        self._combined = [place for place, where in enumerate(self.slices) if len(where) > 1]
        if len(self._combined) > MOST_COMBINED:
            raise ValueError("an alarm state has too many slices of several dimensions")
