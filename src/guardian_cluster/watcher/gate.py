"""The release gate: text leaves only up to the first position at which a rule may still complete.

The bound. Whatever way a stream is cut into pieces, no character of a text matched by a rule whose action is redact, cut or
retry is released, and the released text and the verdicts are the same for every cutting (property-tested). What is held back is
always the beginning of some rule, so never longer than the longest rule less one, and nothing at all in most text.

Not in the bound: a text that is encoded, translated, spelled out or spaced, and one that no rule names.
"""

from collections.abc import Sequence

import msgspec

from guardian_cluster.watcher.patterns import Patterns, Rule

Hit = tuple[int, Rule]
"""Where in the channel, in characters as the model wrote them, and what."""


class Passage(msgspec.Struct, frozen=True):
    """What one piece of input lets out."""

    text: str
    hits: tuple[Hit, ...] = ()
    stop: Rule | None = None
    """The rule that ended the channel, by cut or retry; nothing is let out after it."""


class Gate:
    """Holds one channel of text. Positions are counted from the channel's beginning."""

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._buffer = ""  # from `_base` on: what a rule that is still open may need
        self._units: list[str] | None = (
            None  # how each character of the buffer was written, where that differs
        )
        self._base = 0
        self.position = 0  # up to here it is decided what leaves
        self.masked: list[
            tuple[int, int]
        ] = []  # what is decided and redacted; overlapping redactions are one
        self.stopped = False

    @property
    def held(self) -> int:
        """Characters not decided yet."""
        return self._base + len(self._buffer) - self.position

    def hides(self, start: int, end: int) -> bool:
        """Return whether any character of a stretch was redacted, or lies behind the channel's end."""
        if self.stopped and end > self.position:
            return True
        return any(first < end and start < last for first, last in self.masked)

    def feed(self, text: str, units: Sequence[str] | None = None) -> Passage:
        """Take in text and return what may leave.

        `units` gives, for each character, how it was written (as in `\\u0041` for `A`); what leaves is put together from them.
        """
        if self.stopped:
            return _NOTHING
        self._take(text, units)
        return self._release(self._base + self._patterns.open_from(self._buffer))

    def finish(self) -> Passage:
        """Return what the end of the channel lets out: no rule can complete any more."""
        return _NOTHING if self.stopped else self._release(self._base + len(self._buffer))

    def _take(self, text: str, units: Sequence[str] | None) -> None:
        if units is not None or self._units is not None:
            self._units = [*(self._units or self._buffer), *(units if units is not None else text)]
        self._buffer += text

    def _release(self, until: int) -> Passage:
        """Decide everything before `until`: a rule that starts later may still be part of a longer one."""
        out: list[str] = []
        hits: list[Hit] = []
        for start, end, rule in self._patterns.find(self._buffer):
            start, end = start + self._base, end + self._base
            if start >= until:
                break
            hits.append((start, rule))
            if rule.action in ("cut", "retry"):
                out.append(self._written(self.position, start))
                self.position = max(self.position, start)
                self.stopped = True
                return Passage("".join(out), tuple(hits), rule)
            if rule.action == "redact":
                self._mask(start, end, rule, out)
        out.append(self._written(self.position, until))
        self.position = max(self.position, until)
        self._forget(until)
        return Passage("".join(out), tuple(hits))

    def _mask(self, start: int, end: int, rule: Rule, out: list[str]) -> None:
        out.append(self._written(self.position, start))
        if self.masked and start < self.masked[-1][1]:  # overlapping findings are one redaction
            first, last = self.masked.pop()
            start, end = first, max(last, end)
        else:
            out.append(rule.placeholder)
        self.masked.append((start, end))
        self.position = max(self.position, end)

    def _written(self, start: int, end: int) -> str:
        if end <= start:
            return ""
        first, last = start - self._base, end - self._base
        return self._buffer[first:last] if self._units is None else "".join(self._units[first:last])

    def _forget(self, until: int) -> None:
        self._buffer = self._buffer[until - self._base :]
        if self._units is not None:
            self._units = self._units[until - self._base :]
            if not self._units or all(map(_is_plain, self._units)):
                self._units = None
        self._base = until


def _is_plain(unit: str) -> bool:
    return len(unit) == 1


_NOTHING = Passage("")
