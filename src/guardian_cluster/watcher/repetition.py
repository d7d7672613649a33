"""Finds an answer that has begun to repeat itself without end."""

PERIODS = 6
"""How often a passage must follow itself. Six in a row are rare in ordinary prose, code and tables; see
docs/design/watcher.md."""

MAX_PERIOD = 200
"""Longest passage looked for, in characters."""

MIN_REPEATED = 120
"""Shortest stretch that counts: rules of dashes, indentation and runs of digits are shorter."""

_EVERY = 256
"""Characters between two looks: a look costs half a microsecond, and a loop runs on long enough to be met by
the next."""

_LONGEST_PAUSE = 4_096
"""Looks at a long text are a 64th of it apart, but never more than this: 1 MB costs 400 looks and not 4,000."""

_LONG = _EVERY << 6

_TAIL = 16
_CANDIDATES = 8
"""The passage that repeats is nearly always the first one tried; a hostile text could have us try two
hundred."""

_WINDOW = MAX_PERIOD * PERIODS


class RepetitionDetector:
    """Watches one channel. Where it finds a loop depends on the text alone, not on how it was cut."""

    def __init__(self) -> None:
        self._kept = ""
        self._from = 0  # where in the channel what is kept begins
        self._due = _EVERY

    def feed(self, text: str) -> int | None:
        """Return the position at which a loop was found, else `None`. After one it is fed no more."""
        self._kept += text
        return self._look() if self._from + len(self._kept) >= self._due else None

    def _look(self) -> int | None:
        kept, due = self._kept, self._due - self._from
        while due <= len(kept):
            if period_of(kept, due):
                self._kept = ""
                return self._from + due
            read = self._from + due
            due += _EVERY if read < _LONG else min(read >> 6, _LONGEST_PAUSE)
        self._due = self._from + due
        if len(kept) > _WINDOW:
            self._from += len(kept) - _WINDOW
            self._kept = kept[-_WINDOW:]
        return None


def period_of(text: str, end: int) -> int | None:
    """Return the length of the passage that the text repeats often enough up to `end`, or `None`.

    A period is a distance at which the last characters occur before; each candidate is checked in full. A
    passage of one character, as of blanks, is layout and not a loop.
    """
    start = end - _TAIL
    tail = text[start:end]
    if (
        tail == tail[0] * _TAIL
    ):  # a run tells nothing about distances, so what stands before it is taken along
        first = max(0, start - MAX_PERIOD)
        start = first + len(text[first:end].rstrip(tail[0])) - 1
        if start < first:
            return None
        tail = text[start:end]
    nearest = start - MAX_PERIOD if start > MAX_PERIOD else 0
    at, tries = text.rfind(tail, nearest, end - 1), _CANDIDATES
    while at >= 0 and tries:
        period = start - at
        first = end - max(PERIODS * period, MIN_REPEATED)
        if first >= 0 and text[first : end - period] == text[first + period : end]:
            return period
        at, tries = text.rfind(tail, nearest, at + len(tail) - 1), tries - 1
    return None
