"""The release gate: text leaves only up to the first position at which a rule may still complete.

The bound. Whatever way a stream is cut into pieces, no character of a text matched by a rule whose action is
redact, cut or retry is released, and the released text and the verdicts are the same for every cutting
(property-tested). What is held back is always the beginning of some rule, and little or nothing in most text. Two
exceptions: a frequent word leaves as it comes, and what a channel holds of a word leaves when another begins
(`pause`), although a secret may, by chance, begin so.

Not in the bound: a text that is encoded, translated, spelled out or spaced, and one that no rule names
(docs/design/watcher.md).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from guardian_cluster.watcher.escapes import (
    LONGEST_ESCAPE,
    Written,
    between_escapes,
    decode,
    plain,
    quotes_in,
    read_plainly,
)
from guardian_cluster.watcher.guard import Guard, SharedGuard
from guardian_cluster.watcher.json_strings import JsonStrings, begins_json
from guardian_cluster.watcher.rule import Match, Rule, Scanned, before_chain
from guardian_cluster.watcher.scanner import RuleSet, Scanner, place

Hit = tuple[int, Rule]
"""Where in the channel, in characters as the model wrote them, and what."""

_SHORT = 64
"""Characters up to which undoing escapes one by one costs no more than trying without."""

_SLICE = 2_048
"""Of a text with escapes, so that a rule in it makes no more than this slow: 1 µs for each escape."""

_NO_WORDS: AbstractSet[str] = frozenset()

_ALIKE = 256
"""Characters behind an escape after which it no longer matters how it is read: more than any rule looks back."""


class Gate:
    """Holds one channel of text.

    A channel whose reader undoes JSON escapes is watched in both forms, as written and as read, for nothing
    tells whether what its model writes is JSON at all.
    """

    def __init__(
        self,
        rules: RuleSet,
        guard: Guard | None = None,
        *,
        escaped: bool = False,
        words: AbstractSet[str] = _NO_WORDS,
    ) -> None:
        """Begin a channel. Of `words` each leaves as it comes, although by chance a random text may begin so."""
        self.hits: list[Hit] = []
        self.stop: Rule | None = None  # what ended the channel, by cut or retry; nothing is let out after it
        self.hold_from: int | None = None  # from where in the channel nothing leaves for now
        self._guard = guard or SharedGuard().place()
        self._as_read = Scanner(rules)
        self._as_written: Scanner | None = None  # from the first escape on
        self._escaped = escaped
        self._json: JsonStrings | None = None  # where the strings are, of what is taken for JSON
        self._is_begun = False  # whether it is known whether this is JSON
        self._marked = False  # whether a mark was put into JSON, and nothing yet behind it
        self._since_escape = 0  # characters that have passed since the last escape did
        self._words = _NO_WORDS if escaped else words
        self._held = ""  # as written: what a rule that is still open may need
        self._shown = ""  # of what is held, what has left all the same
        self._at_blank = True  # whether what is held, or comes next, begins behind a blank
        self._base = 0  # where in the channel that begins
        self._redacted = 0  # so many of its characters, as read, belong to a redaction already made
        self._running: list[Rule] = []  # whose text was redacted, and may go on behind that

    @property
    def settled(self) -> int:
        """Characters of the channel, as written, of which is decided whether they leave."""
        return self._base

    @property
    def redacting(self) -> bool:
        """Whether what follows may belong to a redaction already made."""
        return bool(self._redacted or self._running)

    def feed(self, text: str, *, last: bool = False) -> str:
        """Take in text and return what may leave. `last` says that nothing follows to complete a rule."""
        held = self._held + text if self._held else text
        if self.stop is not None or not held:
            return ""
        if self._escaped:
            return self._feed_json(text, held, last=last)
        if self.hold_from is not None:
            self._at_blank = False
            return self._but_shown(self._settle(plain(held), last=last))
        until = self._as_read.glance(held) if self._at_blank and not last else None
        if until is None:
            found, until = self._as_read.scan(held, last=last)
            if found or self._redacted or self._running:
                self._at_blank = False
                return self._but_shown(self._settle(plain(held), last=last))
            self._as_read.passed(held[:until])
        self._base += until
        self._held = rest = held[until:]
        released = held[:until]
        if until:
            self._at_blank = released[-1].isspace()
        if self._shown:
            released = self._but_shown(released)
        if rest in self._words and not last and not self._as_read.is_told:  # a frequent word leaves at once
            released += rest[len(self._shown) :]
            self._shown = rest
        return released

    def give_up(self, text: str) -> str:
        """Return all that has not left, with what came just now: the gate has failed, and is not to be used again."""
        return (self._held + text)[len(self._shown) :]

    def pause(self) -> str:
        """Return what leaves now that another channel begins, for many readers take this one to be complete then.

        That is what is held, where it is but the beginning of what a kind of secrets begins with: `.`, `sk-`.
        Should the channel go on, it is watched on.
        """
        if self._escaped or self._shown or not self._as_read.is_only_opening(self._held):
            return ""
        self._shown = self._held
        return self._held

    def _but_shown(self, released: str) -> str:
        """Return what leaves of a text of which a beginning has left before it was decided."""
        shown = self._shown
        if not shown or not released:
            return released
        if released.startswith(shown):
            self._shown = ""
            return released[len(shown) :]
        known = 0  # characters that both begin with: a redaction begins behind them
        while known < len(released) and released[known] == shown[known]:
            known += 1
        self._shown = shown[known:] if known == len(released) else ""
        return released[known:]

    def _feed_json(self, text: str, held: str, *, last: bool) -> str:
        """Do the same for a channel whose reader undoes escapes, as far as there are none."""
        if not self._is_begun:
            begun = begins_json(held)
            self._is_begun = begun is not None
            self._json = JsonStrings() if begun else None
        if "\\" in held:
            return self._feed_escaped(text, held, last=last)
        if self._as_written is not None or self.hold_from is not None:
            return self._settle(plain(held), last=last)
        found, until = self._as_read.scan(held, last=last)
        if found or self._is_redacting:
            return self._settle(plain(held), last=last)
        json = self._json
        if json is not None and not (json.is_inside and '"' not in held):  # else it stays inside
            until = json.passing_plain(held, until, last=last)
        self._base += until
        self._held = held[until:]
        released = held[:until]
        self._as_read.passed(released)
        return released

    @property
    def _is_redacting(self) -> bool:
        return bool(self._redacted or self._running or self._marked)

    def _feed_escaped(self, text: str, held: str, *, last: bool) -> str:
        """Do the same where something is escaped: escape by escape only where that may make a difference."""
        if self._as_written is None:
            self._as_written = self._as_read.fork()
        if len(held) > _SHORT and not (self._is_redacting or self.hold_from is not None):
            released = self._clear(held, self._as_written, last=last)
            if released is not None:
                return released
        if len(text) > _SLICE:
            slices = [text[at : at + _SLICE] for at in range(0, len(text), _SLICE)]
            out = [self.feed(each) for each in slices]
            return "".join([*out, self.feed("", last=last)])
        return self._settle(decode(held, last=last), last=last)

    def _clear(self, held: str, as_written: Scanner, *, last: bool) -> str | None:
        """Return what may leave of a text in which no rule stands; `None` where one does, or none can tell."""
        read = read_plainly(held)
        if read is None:
            return None
        found, until = self._as_read.scan(read, last=last)
        found_written, until_written = as_written.scan(held, last=last)
        if found or found_written:
            return None
        if (until, until_written) != (len(read), len(held)):
            ending = _ending(held, len(read) - until)
            if ending is None or until_written < (cut := len(held) - len(ending.raw) - len(ending.tail)):
                return None
            character = min(len(ending.text) - (len(read) - until), ending.character(until_written - cut))
            until_written = cut + ending.start(character)
            until = len(read) - (len(ending.text) - character)
        released = held[:until_written]
        if self._json is not None and not self._json.passes(read, until, quotes_in(released), last=last):
            return None
        self._base += until_written
        self._held = held[until_written:]
        self._as_read.passed(read[:until])
        as_written.passed(released)
        self._since_escape = min(self._since_escape, _ALIKE) + until_written
        if "\\" in released:
            self._since_escape = until_written - released.rindex("\\") - LONGEST_ESCAPE
        return released

    def _settle(self, held: Written, *, last: bool) -> str:
        """Decide everything before the first rule that is open: a later one may still be part of that."""
        found, until = self._scan(held, last=last)
        if not (found or self._is_redacting or self.hold_from is not None):
            return self._pass(held, until, last=last)
        if self._json is not None:
            self._json.look(held)
        if self.hold_from is not None and not last:
            until = min(until, held.character(max(0, self.hold_from - self._base)))
        until = self._run_on(held, self._running, self._redacted, self._not_within(found, until, last=last))
        out: list[str] = []
        until = self._redact(out, held, found, until)
        if self.stop is not None:
            return "".join(out)
        self._finish(out, held, len(held.text) if last else until, last=last)
        return "".join(out)

    def _redact(self, out: list[str], held: Written, found: Sequence[Match], until: int) -> int:
        """Note what was found before a position and redact it; return up to where that is decided."""
        for start, end, rule in found:
            if start >= until:
                break
            if not rule.blocks and self._guard.is_raised:
                rule = rule.redacting()
            self.hits.append((self._base + held.start(start), rule))
            if not rule.blocks:
                continue
            if rule.action != "redact":
                self._write(out, held, start)
                self.stop, self._held = rule, ""
                return until
            self._mark(out, held, start, rule)
            self._redacted = max(self._redacted, end)
            until = self._run_on(held, [rule], end, until)
        return until

    def _finish(self, out: list[str], held: Written, until: int, *, last: bool) -> None:
        self._write(out, held, until)
        if self._json is not None:
            if last and self._marked and not self._json.inside(until):
                out.append('"')
            self._json.passed(until)
        self._forget(held, until)

    def _pass(self, held: Written, until: int, *, last: bool) -> str:
        """Let out what stands before the first rule that is open, for nothing else does."""
        if self._json is not None:
            until = self._json.passing(held, until, last=last)
        released = held.raw[: held.start(until)]
        self._forget(held, until)
        return released

    def _mark(self, out: list[str], held: Written, start: int, rule: Rule) -> None:
        """Put a rule's mark in the place of what begins at a position: in JSON, it is a string or part of one."""
        json = self._json
        first = start if json is None else json.scalar(start)[0]
        self._write(out, held, first)
        if first < self._redacted:  # overlapping redactions are one
            return
        opens = json is not None and not json.inside(first)
        out.append(f'"{rule.placeholder}' if opens else rule.placeholder)
        self._marked = json is not None

    def _write(self, out: list[str], held: Written, until: int) -> None:
        """Write what stands between what was redacted and a position."""
        json = self._json
        if self._marked and json is not None and until > self._redacted:
            self._redacted = json.scalar(self._redacted)[1]
            if until <= self._redacted:
                return
            if not json.inside(self._redacted):
                out.append('"')
            self._marked = False
        out.append(_written(held, self._redacted, until))

    def _run_on(self, held: Written, rules: list[Rule], end: int, until: int) -> int:
        """Redact on what goes on from a position; return up to where that is decided."""
        running = [rule for rule in self._running if rule not in rules]
        for rule in rules:
            stop, goes_on = rule.run_on(held.text, end)
            self._redacted = max(self._redacted, stop)
            if goes_on:
                running.append(rule)
                until = min(until, stop)
        self._running = running
        return until

    def _scan(self, held: Written, *, last: bool) -> Scanned:
        """Scan a text as its reader sees it and as it was written; places are those of the former."""
        found, until = self._as_read.scan(held.text, last=last)
        alike = not (held.marks or found) and self._since_escape > _ALIKE
        if self._as_written is None or alike:
            return found, until
        found_written, until_written = self._as_written.scan(held.raw, last=last)
        until = min(until, held.character(until_written))
        if not found_written:
            return found, until
        ends = {(start, rule): end for start, end, rule in found}
        for start, end, rule in found_written:
            at, stop = held.character(start), held.character(end - 1) + 1
            ends[at, rule] = max(stop, ends.get((at, rule), 0))
        return sorted(((start, end, rule) for (start, rule), end in ends.items()), key=place), until

    def _not_within(self, found: Sequence[Match], until: int, *, last: bool) -> int:
        """Return a position that lies in nothing that was found, and that cuts no number in two."""
        until = before_chain(found, until)
        json = self._json
        while json is not None and (first := json.open_from(until, last=last)) < until:
            until = before_chain(found, first)
        return until

    def _forget(self, held: Written, until: int) -> None:
        start = held.start(until)
        self._since_escape = held.since_escape(until, min(self._since_escape, _ALIKE))
        self._base += start
        self._held = held.raw[start:] + held.tail
        self._redacted = max(0, self._redacted - until)
        self._as_read.passed(held.text[:until])
        if self._as_written is not None:
            self._as_written.passed(held.raw[:start])


def _ending(held: str, characters: int) -> Written | None:
    """Return the end of a text, read: so many characters at least. `None` where no end of an escape is near."""
    cut = between_escapes(held, len(held) - LONGEST_ESCAPE * (characters + 1))
    return None if cut is None else decode(held[cut:])


def _written(held: Written, start: int, end: int) -> str:
    return held.raw[held.start(start) : held.start(end)] if start < end else ""
