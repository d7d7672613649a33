"""The kinds of secrets: a table of shapes, matched in one pass over a stream whatever their number.

Every kind has literal text that gives it away: the head it begins with, or a word that stands near before it. One
automaton finds all of these (Aho and Corasick, 1975); only where it does is a shape looked at. A few kinds have a form
that is told by a mark in its middle or at its end: of what may still become one of these nothing leaves either.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from importlib.resources import files
from itertools import filterfalse, groupby

import ahocorasick
import msgspec

from guardian_cluster.contract.snapshot import SecretKind
from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher import naming, private_key
from guardian_cluster.watcher.body import Bodies, Body
from guardian_cluster.watcher.rule import Rule
from guardian_cluster.watcher.shape import CAP, Piece, Run, Tail, holds_blank, most_of, parse, variants

NEAR = 64
"""Characters between the end of a word and the secret that it tells of. Assignments, headers and sentences take at
most 40."""

LEAST_HEAD = 3
"""Characters of a head. A shorter one would hold back too many ordinary words."""

LEAST_MARK = 2
"""Characters of the text within a form that gives it away; three of letters and digits alone."""

LEAST_WORD = 2
MAX_WORD = 40
"""Characters of a word that a secret stands near."""

REACH = NEAR + MAX_WORD
"""Characters of what has left that must be known to tell what follows."""

WAITING_WORD = 14
"""Letters and digits with which a form may begin whose mark comes behind them: while a word is no longer, all of it is
held, and it is looked at when it has ended."""

_ANY_WORD = [
    (each * WAITING_WORD)[:size] for each in ("a", "A", "1", "aB1") for size in range(1, WAITING_WORD + 1)
]
"""Words that stand for all of letters and digits."""

_QUIET_TEXTS = 16_384
"""About as many words as make up most of what is written in one language; 1.5 MB."""

QUIET_CHARACTERS = 24
"""Characters of a text that is worth remembering."""

_WORD = re.compile("[!-@\\[-~]+")
_WORDLIKE = re.compile(r"(?:[A-Za-z]?[a-z]{0,13}|[A-Z]{2,14}|[0-9]{1,14})\.?")
_HEX = frozenset("0123456789abcdefABCDEF")

ANY = "any"
"""The vendor of kinds that are no vendor's."""

LONGEST = CAP + MAX_WORD
"""Characters of a secret, its head included, that may be held back before it can be told."""

_HEADLESS = f"a shape begins with {LEAST_HEAD} or more literal ASCII characters, or has words `near`"

_ESCAPED = frozenset({"\\n", "\\r", "\\t"})
"""Ends of lines as source code writes them: the letter belongs to no word."""


class Near(msgspec.Struct, frozen=True):
    """A kind that is told by words before it."""

    rule: Rule
    body: Body
    is_generic: bool = False
    """Whether it tells a secret, and not whose: a vendor's kind that finds the same text names it instead."""


class Mark(msgspec.Struct, frozen=True):
    """A literal text within a form."""

    back: int
    """Characters from the form's beginning to the mark's end, at most."""
    leads: bool
    """Whether the form begins with it."""
    form: "Entry"


class Entry(msgspec.Struct, dict=True):
    """What one literal text, in small letters, gives away."""

    text: str
    heads: list[Rule]
    near: tuple[Near, ...]
    marks: tuple[Mark, ...] = ()
    is_form: bool = False

    @cached_property
    def may_be(self) -> Bodies:
        """What may stand near it, as one."""
        return Bodies([near.body for near in self.near])


@lru_cache(maxsize=1)
def shipped() -> tuple[SecretKind, ...]:
    """Return the kinds that this version knows, in the order of its table."""
    document = tomllib.loads(files("guardian_cluster.watcher").joinpath("secrets.toml").read_text("utf-8"))
    return msgspec.convert(document["secret"], tuple[SecretKind, ...])


@lru_cache(maxsize=64)
def compiled(kinds: tuple[SecretKind, ...], action: Action, *, private_keys: bool) -> "Secrets":
    """Return the kinds ready to be looked for; a kind without an action of its own has this one.

    Private keys are a kind that no shape describes.

    Raises:
        ValueError: a shape cannot be watched for; the message names its kind.
    """
    entries: dict[str, Entry] = {}
    for kind in kinds:
        try:
            _add(kind, kind.action or action, entries)
        except ValueError as error:
            raise ValueError(f"secret {kind.kind!r}: {error}") from None
    for rule in private_key.rules(action) if private_keys else ():
        _entry(entries, rule.text.lower()).heads.append(rule)
    return Secrets(list(entries.values()))


def _add(kind: SecretKind, action: Action, entries: dict[str, Entry]) -> None:
    shapes = (kind.shape,) if isinstance(kind.shape, str) else kind.shape
    rule = Rule("secret", kind.kind, "", action, naming.placeholder(kind.kind, ()))
    for word in kind.near:
        if not LEAST_WORD <= len(word) <= MAX_WORD or not _WORD.fullmatch(word):
            raise ValueError(
                f"near {word!r} must have {LEAST_WORD} to {MAX_WORD} ASCII characters, no capital, no blank"
            )
    for choices in map(parse, shapes):
        if not kind.near and (kind.entropy or isinstance(choices[0], Run)):
            _add_form(choices, kind, rule, entries)
        elif kind.near:
            body = Body(choices, assigned=kind.assigned, entropy=kind.entropy)
            near = Near(msgspec.structs.replace(rule, tail=body.onward), body, kind.vendor == ANY)
            for word in kind.near:
                _entry(entries, word).near += (near,)
        else:
            for pieces in variants(choices):
                _add_headed(pieces, rule, entries)


def _add_headed(pieces: list[Piece], rule: Rule, entries: dict[str, Entry]) -> None:
    literal, *rest = pieces
    head, blank, more = literal.partition(" ") if isinstance(literal, str) else ("", "", "")
    if len(head) < LEAST_HEAD or not head.isascii():
        raise ValueError(_HEADLESS)
    if blank:  # heads hold none: see `begun_at`
        rest = [blank + more, *rest]
    if any(isinstance(piece, Run) and piece.most is None for piece in rest[:-1]):
        raise ValueError("a run in the middle of a shape needs an upper end, as in {alnum:10-40}")
    tail = Tail(rest) if rest else None
    _entry(entries, head.lower()).heads.append(msgspec.structs.replace(rule, text=head, tail=tail))


def _add_form(pieces: list[Piece], kind: SecretKind, rule: Rule, entries: dict[str, Entry]) -> None:
    """Add a shape that is told by a text within it, or by its beginning where nothing touches it."""
    texts = [piece if isinstance(piece, str) else "" for piece in pieces]
    mark = max(texts, key=len)
    if len(mark) < LEAST_MARK + mark.isalnum() or not mark.isascii():
        raise ValueError(_HEADLESS)
    if any(map(holds_blank, pieces)):
        raise ValueError("a shape that is told by a text within it, or with `entropy`, holds no blank")
    at = texts.index(mark)
    body = Body(pieces, entropy=kind.entropy, is_form=True)
    form = Entry("", [], (Near(msgspec.structs.replace(rule, tail=body.onward), body),), is_form=True)
    back = len(mark) + sum(map(most_of, pieces[:at]))
    _entry(entries, mark.lower()).marks += (Mark(back, not at, form),)


def _entry(entries: dict[str, Entry], text: str) -> Entry:
    return entries.setdefault(text, Entry(text, [], ()))


class Secrets:
    """The kinds that a policy looks for, compiled."""

    def __init__(self, entries: Sequence[Entry], *, holds_forms: bool = True) -> None:
        self._entries = entries
        forms = [near.body for entry in entries for mark in entry.marks for near in mark.form.near]
        self.holds_forms = holds_forms
        """Whether what may become a form is kept back; else one counts as whole where the text ends."""
        self._forms = Bodies(forms) if forms and holds_forms else None
        self.holds_words = self._forms is not None and not any(
            self._forms.open_from(word, 0) for word in _ANY_WORD
        )
        """Whether any word is held until it has ended, for a form may begin so."""
        self._automaton: ahocorasick.Automaton[Entry] = ahocorasick.Automaton()
        for entry in entries:
            self._automaton.add_word(entry.text, entry)
        if entries:
            self._automaton.make_automaton()
        heads = {rule.text for entry in entries for rule in entry.heads}
        self._beginnings = frozenset(_beginnings(heads))
        self._firsts = frozenset(head[0] for head in heads)
        # The last two characters of beginnings -> their lengths, the longest first.
        self._lengths: dict[str, tuple[int, ...]] = {}
        for ending, each_of in groupby(sorted(self._beginnings, key=_ending), key=_ending):
            self._lengths[ending] = tuple(sorted({len(beginning) for beginning in each_of}, reverse=True))
        self.search = self._automaton.iter
        self.apart = frozenset(_apart([*(entry.text for entry in entries), *heads], forms))
        """Characters that stand in no head, word or form: what follows on one does not depend on what is before."""
        self.quiet_words: set[str] = set()
        """Words between blanks that hold neither head nor word."""
        self.quiet: dict[str, int] = {}
        """Texts that begin with such a character and hold neither head nor word, and how much of their end is open.

        Models write most words so.
        """

    @cached_property
    def blocking(self) -> "Secrets | None":
        """The kinds that are kept from leaving; `None` where none is."""
        kept = self._with(lambda rule: rule if rule.blocks else None)
        return kept if kept._entries else None

    @cached_property
    def redacting(self) -> "Secrets":
        """The same kinds, all of which are redacted."""
        return self._with(lambda rule: msgspec.structs.replace(rule, action="redact"))

    def _with(self, change: Callable[[Rule], Rule | None]) -> "Secrets":
        entries: list[Entry] = []
        for entry in self._entries:
            heads = [rule for rule in map(change, entry.heads) if rule is not None]
            near = tuple(
                msgspec.structs.replace(each, rule=rule)
                for each in entry.near
                if (rule := change(each.rule)) is not None
            )
            marks = tuple(
                msgspec.structs.replace(mark, form=Entry("", [], (Near(rule, told.body),), is_form=True))
                for mark in entry.marks
                for told in mark.form.near
                if (rule := change(told.rule)) is not None
            )
            if heads or near or marks:
                entries.append(Entry(entry.text, heads, near, marks))
        return Secrets(entries, holds_forms=self.holds_forms)

    @cached_property
    def beginnings(self) -> "Secrets":
        """The same kinds where nothing can be held back for what only a later part tells: words would be."""
        return Secrets(self._entries, holds_forms=False)

    def remember(self, text: str, held: int) -> None:
        """Keep what is known of a quiet text; the memory begins anew when it is full."""
        if len(self.quiet) >= _QUIET_TEXTS:
            self.quiet.clear()
        self.quiet[text] = held

    def are_quiet(self, words: Sequence[str]) -> bool:
        """Return whether words that stand between blanks hold neither head nor word; what was seen is remembered."""
        known = self.quiet_words
        for word in filterfalse(known.__contains__, words):
            if not self._is_quiet(word):
                return False
            if len(known) >= _QUIET_TEXTS:
                known.clear()
            if len(word) <= QUIET_CHARACTERS:
                known.add(word)
        return True

    def _is_quiet(self, word: str) -> bool:
        for last, entry in self.search(lowered(word)):
            end = last + 1
            if entry.near or any(begins(word, end, rule) for rule in entry.heads):
                return False
            if any(not mark.leads or may_begin(word, end - mark.back) for mark in entry.marks):
                return False
        return True

    def begins_head(self, text: str) -> bool:
        """Return whether a text that is held is the beginning of a head, and not all of it, or looks like a word."""
        return text in self._beginnings or _WORDLIKE.fullmatch(text) is not None

    def open_from(self, window: str, start: int) -> int:
        """Return the first position from which the window's end may be the beginning of a head or of a form."""
        size, apart = len(window), self.apart
        if window[-1:] in apart:
            return size
        if self._forms is None:
            return self.begun_from(window, start)
        first = window.rfind(" ", start) + 1 or start
        found = self._forms.search(
            window, first if size - first < self._forms.most else size - self._forms.most
        )
        at = found.start() if found else size
        if at < size and window[at - 1 : at] in apart:  # no head stands across that
            return at
        return min(at, self.begun_from(window, start))

    def begun_from(self, window: str, start: int) -> int:
        """Return the first position from which the window's end may be the beginning of a head."""
        size = len(window)
        for length in self._lengths.get(window[-2:], ()):
            at = size - length
            if at >= start:
                begun = window[at:]
                if begun in self._beginnings and may_begin(window, at):
                    return at
        if window[-1:] in self._firsts and size > start and may_begin(window, size - 1):
            return size - 1
        return size


def _ending(beginning: str) -> str:
    return beginning[-2:]


def _apart(texts: Iterable[str], forms: Sequence[Body]) -> Iterator[str]:
    used = set("".join(texts))
    for character in map(chr, range(128)):
        if not (character.isalnum() or character in used or any(form.may_hold(character) for form in forms)):
            yield character


def _beginnings(texts: Iterable[str]) -> Iterator[str]:
    return (text[:n] for text in texts for n in range(1, len(text)))


def begins(window: str, end: int, rule: Rule) -> bool:
    """Return whether what ends at a position is a rule's head, and stands where one may."""
    at = end - len(rule.text)
    return window[at:end] == rule.text and may_begin(window, at)


def may_begin(window: str, at: int) -> bool:
    """Return whether a head may begin at a position.

    One that begins with a letter or digit stands at the beginning of a word, for it would be found inside of others:
    there is no ASCII letter or digit before it, other than as part of an escape.
    """
    before = window[at - 1 : at] if at else ""
    if not (before.isascii() and before.isalnum() and window[at].isalnum()):
        return True
    return window[at - 2 : at] in _ESCAPED or (
        window[at - 3 : at - 2] == "%" and _HEX.issuperset(window[at - 2 : at])
    )


def lowered(text: str) -> str:
    """Return a text in small letters, of the same length."""
    return text.lower() if text.isascii() else text.replace("\u0130", "i").lower()
