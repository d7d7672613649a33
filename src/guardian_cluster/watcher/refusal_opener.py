"""Finds out while an answer comes whether it begins like a refusal."""

from guardian_cluster.watcher.refusal import OPENING, may_open_as_refusal, opens_as_refusal
from guardian_cluster.watcher.sensor import Sensor

_LOOKS = (60, 120, OPENING)
"""Characters at which is looked: most refusals say so in their first words, and a reader waits until it is decided."""


class RefusalOpener(Sensor):
    """Watches the content. It looks at its first characters, and at nothing behind them."""

    reach = OPENING

    def __init__(self) -> None:
        self._text = ""
        self._looks = 0
        self._is_open = True

    def feed(self, text: str) -> int | None:
        """Return how many characters show that the answer begins like a refusal, else `None`."""
        if not self._is_open:
            return None
        self._text = read = self._text + text if self._text else text
        size = len(read)
        if size < _LOOKS[self._looks]:
            return None
        # What is not in all of it is in no beginning of it.
        is_worth_a_look = may_open_as_refusal(read)
        while self._is_open and size >= (due := _LOOKS[self._looks]):
            if is_worth_a_look and opens_as_refusal(read[:due]):
                return due
            self._looks += 1
            self._is_open = self._looks < len(_LOOKS)
        if not self._is_open:
            self._text = ""
        return None

    def finish(self) -> int | None:
        """Return the length of an answer that is short and begins like a refusal."""
        return len(self._text) if self._is_open and opens_as_refusal(self._text) else None

    def suspect_from(self) -> int | None:
        """Return the beginning while it is not decided."""
        return 0 if self._is_open else None

    @property
    def found_from(self) -> int | None:
        """All of it, as far as it has not left."""
        return 0
