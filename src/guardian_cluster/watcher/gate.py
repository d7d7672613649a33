"""The release gate: text leaves only up to the first position at which a rule may still complete.

The bound. Whatever way a stream is cut into pieces, no character of a text matched by a rule whose action is
redact, cut or retry is released, and the released text and the verdicts are the same for every cutting
(property-tested). What is held back is always the beginning of some rule, so never longer than the longest
rule less one, and nothing at all in most text.

Not in the bound: a text that is encoded, translated, spelled out or spaced, and one that no rule names
(docs/design/watcher.md).
"""

from guardian_cluster.watcher.escapes import (
    LONGEST_ESCAPE,
    Written,
    between_escapes,
    decode,
    plain,
    read_plainly,
)
from guardian_cluster.watcher.patterns import Match, Patterns, Rule

Hit = tuple[int, Rule]
"""Where in the channel, in characters as the model wrote them, and what."""

_SHORT = 64
"""Characters up to which undoing escapes one by one costs no more than trying without."""

_SLICE = 2_048
"""Of a text with escapes, so that a rule in it makes no more than this slow: 1 µs for each escape."""


class Gate:
    """Holds one channel of text.

    A channel whose reader undoes JSON escapes is watched in both forms, as written and as read, for nothing
    tells whether what its model writes is JSON at all.
    """

    def __init__(self, patterns: Patterns, *, escaped: bool = False) -> None:
        self.hits: list[Hit] = []
        self.stop: Rule | None = None  # what ended the channel, by cut or retry; nothing is let out after it
        self._patterns = patterns
        self._escaped = escaped
        self._held = ""  # as written: what a rule that is still open may need
        self._base = 0  # where in the channel that begins
        self._redacted = 0  # so many of its characters, as read, belong to a redaction already made

    def feed(self, text: str, *, last: bool = False) -> str:
        """Take in text and return what may leave. `last` says that nothing follows to complete a rule."""
        held = self._held + text if self._held else text
        if self.stop is not None or not held:
            return ""
        if self._escaped and "\\" in held:
            return self._feed_escaped(text, held, last=last)
        if self._redacted or self._patterns.find(held):
            return self._settle(plain(held), last=last)
        until = len(held) if last else self._patterns.open_from(held)
        self._base += until
        self._held = held[until:]
        return held[:until]

    def _feed_escaped(self, text: str, held: str, *, last: bool) -> str:
        """Do the same where something is escaped: escape by escape only where that may make a difference."""
        if len(held) > _SHORT and not self._redacted:
            until = self._clear_until(held, last=last)
            if until is not None:
                self._base += until
                self._held = held[until:]
                return held[:until]
        if len(text) > _SLICE:
            slices = [text[at : at + _SLICE] for at in range(0, len(text), _SLICE)]
            out = [self.feed(each) for each in slices]
            return "".join([*out, self.feed("", last=last)])
        return self._settle(decode(held, last=last), last=last)

    def _clear_until(self, held: str, *, last: bool) -> int | None:
        """Return up to where a text may leave that no rule stands in; `None` where one does, or none can tell."""
        read = read_plainly(held)
        if read is None or self._patterns.find(read) or self._patterns.find(held):
            return None
        if last or (self._patterns.open_from(read), self._patterns.open_from(held)) == (len(read), len(held)):
            return len(held)
        cut = between_escapes(held, len(held) - LONGEST_ESCAPE * self._patterns.longest)
        if cut is None:
            return None
        ending = decode(held[cut:])
        return cut + ending.start(self._open_from(ending))

    def _settle(self, held: Written, *, last: bool) -> str:
        """Decide everything before the first rule that is open: a later one may still be part of that."""
        until = len(held.text) if last else self._open_from(held)
        out: list[str] = []
        for start, end, rule in self._find(held):
            if start >= until:
                break
            self.hits.append((self._base + held.start(start), rule))
            if not rule.blocks:
                continue
            out.append(_written(held, self._redacted, start))
            if rule.action != "redact":
                self.stop, self._held = rule, ""
                return "".join(out)
            if start >= self._redacted:  # overlapping redactions are one
                out.append(rule.placeholder)
            self._redacted = max(self._redacted, end)
        out.append(_written(held, self._redacted, until))
        self._forget(held, until)
        return "".join(out)

    def _open_from(self, held: Written) -> int:
        first = self._patterns.open_from(held.text)
        return min(first, held.character(self._patterns.open_from(held.raw))) if held.marks else first

    def _find(self, held: Written) -> list[Match]:
        found = self._patterns.find(held.text)
        as_written = self._patterns.find(held.raw) if held.marks else []
        if not as_written:
            return found
        mapped = {
            (held.character(start), held.character(end - 1) + 1, rule) for start, end, rule in as_written
        }
        return sorted(mapped.union(found), key=lambda match: (match[0], -match[1], match[2].text))

    def _forget(self, held: Written, until: int) -> None:
        start = held.start(until)
        self._base += start
        self._held = held.raw[start:] + held.tail
        self._redacted = max(0, self._redacted - until)


def _written(held: Written, start: int, end: int) -> str:
    return held.raw[held.start(start) : held.start(end)] if start < end else ""
