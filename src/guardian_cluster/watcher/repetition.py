"""Finds an answer that has begun to repeat itself without end."""

PERIODS = 6
"""How often a passage must follow itself. Six in a row did not occur in ordinary prose, code or tables; see docs/design/watcher.md."""

MAX_PERIOD = 200
"""Longest passage looked for, in characters."""

MIN_REPEATED = 120
"""Shortest stretch that counts: rules of dashes, indentation and runs of digits are shorter."""

_EVERY = 128
"""Characters between two looks: a look costs some microseconds, and a loop runs on long enough to be met by the next."""

_WINDOW = MAX_PERIOD * PERIODS


class RepetitionDetector:
    """Watches one channel. Whether and where it finds a loop depends on the text alone, not on how it was cut."""

    def __init__(self) -> None:
        self._window = ""
        self._read = 0
        self._found = False

    def feed(self, text: str) -> int | None:
        """Return the position at which a loop was found, once; else `None`."""
        if self._found:
            return None
        while text:
            room = _EVERY - self._read % _EVERY
            piece, text = text[:room], text[room:]
            self._window = (self._window + piece)[-_WINDOW:]
            self._read += len(piece)
            if self._read % _EVERY == 0 and period_of(self._window):
                self._found = True
                return self._read
        return None


def period_of(text: str) -> int | None:
    """Return the length of the passage that the text's end repeats often enough, or `None`.

    A period of the text's end is a distance at which its last characters occur before; each candidate is checked in full. A
    passage of blank characters alone, or of one character, is layout and not a loop.
    """
    tail = text[-16:]
    at = len(text) - len(tail)
    while (at := text.rfind(tail, max(0, len(text) - len(tail) - MAX_PERIOD), at + len(tail) - 1)) >= 0:
        period = len(text) - len(tail) - at
        span = max(PERIODS * period, MIN_REPEATED)
        if (
            span <= len(text)
            and text[-span:-period] == text[-span + period :]
            and len(set(text[-period:])) > 1
        ):
            return period
    return None
