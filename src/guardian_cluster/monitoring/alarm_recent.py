"""Owns a specialist's latest requests: those not learned from yet, and the evidence of an alarm.

What is expected is learned only from requests that a thousand others have followed, so that a fault is found before
it counts as usual. Until then they are here.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from guardian_cluster.monitoring.alarm_places import WIDTH, Places
from guardian_cluster.statistics.arrays import numbers, packed
from guardian_cluster.statistics.e_detector import Flags, Floats

CAPACITY = 2_048


class RecentState(msgspec.Struct, frozen=True):
    """What is remembered of the latest requests."""

    ids: list[str]
    times: bytes
    places: bytes
    losses: bytes
    odds: bytes
    spoilt: bytes


class Recent:
    """The latest requests, oldest first, with what was expected of each and what was lost; NaN is not known."""

    def __init__(self, streams: int) -> None:
        self._streams = streams
        self.ids: list[str] = []
        self._times = np.zeros(CAPACITY)
        self._places = np.full((CAPACITY, WIDTH), -1, np.int16)
        self._losses = np.zeros((CAPACITY, streams), np.float32)
        self._odds = np.zeros((CAPACITY, streams), np.float32)
        self._spoilt = np.zeros((CAPACITY, streams), np.bool_)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def times(self) -> Floats:
        """When each began."""
        return self._times[: len(self)]

    @property
    def places(self) -> Places:
        """Where each belongs to, beside everything."""
        return self._places[: len(self)]

    @property
    def losses(self) -> npt.NDArray[np.float32]:
        """What each lost, by stream."""
        return self._losses[: len(self)]

    @property
    def odds(self) -> npt.NDArray[np.float32]:
        """The log-odds of a loss that were expected of each, by stream."""
        return self._odds[: len(self)]

    @property
    def spoilt(self) -> Flags:
        """Which are part of a fault, by stream: nothing usual is learned from them."""
        return self._spoilt[: len(self)]

    def add(self, id: str, at: float, places: Places, losses: Floats, odds: Floats, spoilt: Flags) -> None:
        """Add the newest request."""
        if len(self) == CAPACITY:
            self.drop(1)
        place = len(self)
        self.ids.append(id)
        self._times[place] = at
        self._places[place] = places
        self._losses[place] = losses
        self._odds[place] = odds
        self._spoilt[place] = spoilt

    def drop(self, count: int) -> None:
        """Forget the oldest ones."""
        rest = len(self) - count
        for each in (self._times, self._places, self._losses, self._odds, self._spoilt):
            each[:rest] = each[count : count + rest].copy()
        del self.ids[:count]

    def inside(self, place: int) -> Flags:
        """Return which of them belong to a place."""
        return np.ones(len(self), np.bool_) if place == 0 else (self.places == place).any(axis=1)

    def forget_place(self, place: int) -> None:
        """Let nobody belong to a place, which is another one from now on."""
        self.places[self.places == place] = -1

    def state(self) -> RecentState:
        """Return what is remembered."""
        arrays = (self.times, self.places, self.losses, self.odds, self.spoilt)
        return RecentState(list(self.ids), *map(packed, arrays))

    def restore(self, state: RecentState) -> None:
        """Remember what another one did. Raises ValueError where that does not fit together."""
        count = len(state.ids)
        if count > CAPACITY:
            raise ValueError("an alarm state has too many requests")
        times = numbers(state.times, np.float64, (count,))
        places = numbers(state.places, np.int16, (count, WIDTH))
        losses = numbers(state.losses, np.float32, (count, self._streams), may_be_unknown=True)
        odds = numbers(state.odds, np.float32, (count, self._streams))
        spoilt = numbers(state.spoilt, np.bool_, (count, self._streams))
        self.ids = list(state.ids)
        self._times[:count], self._places[:count] = times, places
        self._losses[:count], self._odds[:count], self._spoilt[:count] = losses, odds, spoilt
