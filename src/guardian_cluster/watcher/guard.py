"""What the watchers of one request tell one another while it runs: that something which must not leave was about to."""

from itertools import count

LEAKS = frozenset({"canary", "deny", "personal-data", "prompt-leak", "secret"})
"""Detectors of what must not leave. Who finds such a thing raises the guard of the others."""


class SharedGuard:
    """The guard of one request. Each watch takes a place at it."""

    def __init__(self) -> None:
        self._places = count()
        self._raised_by: dict[int, str] = {}

    def place(self) -> "Guard":
        """Return the place of one more watch."""
        return Guard(self._raised_by, next(self._places))

    def reasons(self) -> list[str]:
        """Return what raised it, without the text that was found."""
        return list(dict.fromkeys(self._raised_by.values()))


class Guard:
    """One watch's place: it raises the others' guard, not its own, which follows its policy."""

    def __init__(self, raised_by: dict[int, str], place: int) -> None:
        self._raised_by = raised_by
        self._place = place

    @property
    def is_raised(self) -> bool:
        """Whether another watch met something that must not leave: what is observed is redacted then."""
        return any(place != self._place for place in self._raised_by)

    def leaked(self, detector: str, rule: str) -> None:
        """Take note of a finding that was acted on."""
        if detector in LEAKS:
            self._raised_by.setdefault(self._place, f"{detector} {rule}")
