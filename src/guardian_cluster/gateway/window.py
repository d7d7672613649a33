"""Owns what was used of a rate in the last minute: what is in it may be less than a minute ago, never more."""

import math

MINUTE_S = 60.0

SLOT_S = 0.5
"""What came within so long is forgotten together, a minute after the last of it: a window is 120 numbers at most."""


class _Slot:
    """What was let through within `SLOT_S`, and until when it counts."""

    __slots__ = ("amount", "until")

    def __init__(self) -> None:
        self.amount = 0.0
        self.until = 0.0


class Window:
    """Amounts by the time at which they were let through; times are monotonic seconds."""

    __slots__ = ("_slots", "used")

    def __init__(self) -> None:
        self.used = 0.0
        self._slots: dict[int, _Slot] = {}

    def add(self, amount: float, now: float) -> int:
        """Count an amount; return the slot it is in."""
        number = int(now / SLOT_S)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot()
        slot.amount += amount
        slot.until = now + MINUTE_S
        self.used += amount
        return number

    def give_back(self, slot: int, amount: float) -> None:
        """Count less in a slot, unless it is forgotten: what no longer counts cannot be used again."""
        found = self._slots.get(slot)
        if found is not None:
            found.amount -= amount
            self.used -= amount

    def forget(self, now: float) -> None:
        """Forget what is a minute ago."""
        slots = self._slots
        while slots and slots[oldest := next(iter(slots))].until <= now:
            self.used -= slots.pop(oldest).amount
        if not slots:
            self.used = 0.0  # without what additions of floats leave over

    def frees_s(self, amount: float, now: float) -> float:
        """Return how long until so much of it will be forgotten; infinity where there is less."""
        freed = 0.0
        for slot in self._slots.values():
            freed += slot.amount
            if freed >= amount:
                return slot.until - now
        return math.inf

    def empty_s(self, now: float) -> float:
        """Return how long until all of it will be forgotten."""
        return self._slots[next(reversed(self._slots))].until - now if self._slots else 0.0
