"""The search for secrets in one growing text: every character is looked at once, however often it is held back."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

import msgspec

from guardian_cluster.watcher.body import RUN, TELLING
from guardian_cluster.watcher.rule import Match, Rule, Scanned
from guardian_cluster.watcher.secrets import (
    MAX_WORD,
    NEAR,
    QUIET_CHARACTERS,
    REACH,
    WAITING_WORD,
    Entry,
    Secrets,
    begins,
    lowered,
    may_begin,
)

_KEPT = 4 * REACH
"""Characters of what has passed after which the window is made shorter."""


class _Head(msgspec.Struct, frozen=True):
    """A head that was met."""

    start: int
    end: int
    rule: Rule


class _Word(msgspec.Struct, frozen=True):
    """A word that secrets stand near."""

    end: int
    entry: Entry


class SecretScan:
    """Looks for secrets in one channel.

    It keeps a window on it: the end of what has passed, and what has not. Heads and words are kept by their position
    in the channel.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self.quiet = secrets.quiet
        """Texts that begin with a blank and hold nothing that matters, and how much of their end is open."""
        self.are_quiet = secrets.are_quiet
        """Tells whether whole words hold nothing that matters."""
        self.holds_words = secrets.holds_words
        """Whether any word is held until it has ended."""
        self._window = ""
        self._offset = 0  # where in the channel the window begins
        self._start = 0  # where in the window begins what has not passed
        self._known = 0  # up to where in the window heads and words are known
        self.is_told = False
        """Whether a word told that what is open now may be a secret."""
        self._heads: list[_Head] = []  # those that have not passed
        self._words: list[_Word] = []  # those that a secret may still stand near

    def scan(self, text: str, *, last: bool) -> Scanned:
        """Return what begins in a text that follows on what has passed, and from where something may be cut off.

        Places are those in the text.
        """
        start, window = self._start, self._window
        had = len(window) - start
        if self._known == len(window) and len(text) >= had:
            new = text[had:]
            window = self._window = window + new
        else:
            window = self._joined(text)
            new = window[self._known :]
        held = self.quiet.get(new)
        if held is None:
            held = self._take(window, new, last=last)
        elif self._known < len(window):
            self._known = len(window)
        until = len(window) if last else len(window) - held
        self.is_told = False
        if self._heads or self._words:
            return self._look(window, until, last=last)
        return (), until - start

    def passed(self, text: str) -> None:
        """Take note that so much of what was scanned last has passed."""
        start = self._start = self._start + len(text)
        if start > len(self._window):
            self._window += text[len(self._window) - start :]
        if start > _KEPT:
            cut = start - REACH
            self._window = self._window[cut:]
            self._offset += cut
            self._start = REACH
            self._known = max(0, self._known - cut)
        if self._heads or self._words:
            passed = self._offset + self._start
            self._heads = [head for head in self._heads if head.start >= passed]
            self._words = [word for word in self._words if word.end + NEAR >= passed]

    @property
    def is_calm(self) -> bool:
        """Whether nothing was met that a secret may stand near, or begin with."""
        return not (self._words or self._heads)

    def skip(self, text: str) -> None:
        """Take note of a text that has passed unseen, as it holds nothing that matters, behind all that was scanned."""
        passed = self._offset + self._start + len(text)
        self._window = (self._window[: self._start] + text)[-REACH:]
        self._start = self._known = len(self._window)
        self._offset = passed - self._start

    def fork(self) -> "SecretScan":
        """Return a scan that knows the same, to go on by itself. What has not passed it has yet to see."""
        other = SecretScan(self._secrets)
        other._window = self._window[: self._start]
        other._offset = self._offset
        other._start = other._known = self._start
        other._words = [word for word in self._words if word.end <= self._offset + self._start]
        return other

    def _joined(self, text: str) -> str:
        """Return the window with a text that has been scanned in part, or of which some has passed unseen."""
        had = len(self._window) - self._start
        if len(text) < had:
            return self._window[: self._start + len(text)]
        self._window += text[had:]
        return self._window

    def _take(self, window: str, new: str, *, last: bool) -> int:
        """Search what is new, at the window's end, for heads and words; return how much of the end is open.

        A word that is open whatever it is, for a form may begin so, is searched once it has ended.
        """
        secrets, size = self._secrets, len(window)
        first = size - len(new)
        if new[:1] not in secrets.apart:
            first = window.rfind(" ", 0, first)
            if first < 0:
                self._search(window, 0, size)
                self._known = size
                return size - secrets.open_from(window, self._start)
        at = max(first, window.rfind(" ", first))  # what is open, if anything, is behind the last blank
        if at > first:
            if not secrets.are_quiet(window[first:at].split()):
                self._search(window, first, at)
            word = window[at + 1 :]
            if (
                secrets.holds_words
                and not last
                and len(word) <= WAITING_WORD
                and word.isalnum()
                and word.isascii()
            ):
                self._known = max(self._known, at + 1)
                return len(word)
        held = self.quiet.get(window[at:])
        if held is None:
            quiet = self._search(window, at, size)
            held = size - secrets.open_from(window, at)
            if quiet and size - at <= QUIET_CHARACTERS:
                secrets.remember(window[at:], held)
        self._known = max(self._known, size)
        return held if held <= size - self._start else size - secrets.open_from(window, self._start)

    def _search(self, window: str, first: int, until: int) -> bool:
        """Take in the heads and words between two positions; return whether there is none at all."""
        known, offset, quiet = self._known, self._offset, True
        begun = first if first > known - MAX_WORD else known - MAX_WORD
        for last, entry in self._secrets.search(lowered(window[begun:until])):
            end = last + 1 + begun
            heads = [rule for rule in entry.heads if begins(window, end, rule)]
            marks = [mark for mark in entry.marks if not mark.leads or may_begin(window, end - mark.back)]
            if not (heads or marks or entry.near):
                continue
            quiet = False
            if end <= known:
                continue
            if entry.near:
                self._words.append(_Word(end + offset, entry))
            self._words += [_Word(end - mark.back + offset, mark.form) for mark in marks]
            self._heads += [
                _Head(end - len(rule.text) + offset, end + offset, rule)
                for rule in heads
                if end - len(rule.text) >= self._start
            ]
        return quiet

    def _look(self, window: str, until: int, *, last: bool) -> Scanned:
        start, offset = self._start, self._offset
        found: list[Match] = []
        for head in self._heads:
            until = _look_at(head, window, offset, found, until, last=last)
        if self._words:
            until = self._look_near(window, start, offset, found, until, last=last)
        return [(at - start, end - start, rule) for at, end, rule in found], until - start

    def _look_near(
        self, window: str, start: int, offset: int, found: list[Match], until: int, *, last: bool
    ) -> int:
        """Add the secrets that stand near a word; return from where one may be cut off."""
        size = len(window)
        words = [(word.end - offset, word.entry) for word in self._words if word.end - offset <= size]
        words.sort(key=_end)
        seen: set[tuple[int, int, int]] = set()
        told: list[tuple[Match, bool]] = []
        for place in _places(window, max(start, words[0][0])) if words else ():
            reaching = bisect_left(words, place.first - NEAR, key=_end)
            for end, entry in words[reaching : bisect_right(words, place.last, key=_end)]:
                first, limit = max(start, end, place.first), min(end + NEAR, place.last)
                if first > limit:
                    continue
                for near in entry.near:
                    if near.body.least > size - first or near.body.is_run is not place.is_run:
                        continue
                    ends = last or (entry.is_form and not self._secrets.holds_forms)
                    for at, stop in near.body.find(window, first, limit, last=ends):
                        key = (at, stop, id(near))
                        if place.is_run and not TELLING.search(window, at, stop):
                            continue  # what tells stands before it in the run, and has left, or has not
                        if key not in seen:
                            seen.add(key)
                            told.append(((at, stop, near.rule), near.is_generic))
        found += _by_vendor(found, told)
        if last:
            return until
        opened = self._cut_off_from(window, start, offset)
        self.is_told = opened < size
        return min(until, opened)

    def _cut_off_from(self, window: str, start: int, offset: int) -> int:
        """Return the first position at which the window's end may cut off a secret that stands near a word."""
        until = size = len(window)
        opened: dict[int, int] = {}  # by entry, the first position that is open from the word before on
        for word in self._words:
            if word.entry.is_form:  # which is open without a word too
                continue
            end, may_be = word.end - offset, word.entry.may_be
            first = max(start, end, size - may_be.most)
            if end > size or first > end + NEAR:
                continue
            at = opened.get(id(may_be), -1)
            if at < first:
                at = opened[id(may_be)] = may_be.open_from(window, first)
            if at <= end + NEAR:
                until = min(until, at)
        return until


def _by_vendor(begun: Sequence[Match], told: Sequence[tuple[Match, bool]]) -> list[Match]:
    """Return what words told of, without what a generic kind found where another kind found the same text."""
    taken = {match[:2] for match in begun}
    taken.update(match[:2] for match, is_generic in told if not is_generic)
    return [match for match, is_generic in told if not is_generic or match[:2] not in taken]


def _end(word: tuple[int, Entry]) -> int:
    return word[0]


class _Place(msgspec.Struct, frozen=True):
    """Where a secret may begin, and whether that is one that is a run without blanks, quotation marks and brackets."""

    first: int
    last: int
    is_run: bool


def _places(window: str, start: int) -> Iterator[_Place]:
    """Yield where secrets may begin: all of the text for those of a form of their own, few runs for the others."""
    yield _Place(start, len(window), is_run=False)
    for run in RUN.finditer(window, start):
        if TELLING.search(window, run.start(), run.end()):
            yield _Place(run.start(), run.end(), is_run=True)


def _look_at(head: _Head, window: str, offset: int, found: list[Match], until: int, *, last: bool) -> int:
    """Add the secret that begins with a head, if there is one; return from where one may be cut off."""
    at, end, rule = head.start - offset, head.end - offset, head.rule
    if end > len(window):
        return until
    stop = end if rule.tail is None else rule.tail.end(window, end)
    if stop is not None:
        found.append((at, stop, rule))
    elif not last and at < until and rule.tail is not None and rule.tail.is_open(window, end):
        return at
    return until
