"""How two texts are joined: what space stands between them, and whether a word goes on across the joint."""

import re
from typing import Literal

from guardian_cluster.request.continuation.halves import are_halves
from guardian_cluster.request.continuation.letters import oneness
from guardian_cluster.request.continuation.rows import is_row, is_rule, row_tail
from guardian_cluster.request.continuation.signs import is_wide, small
from guardian_cluster.request.continuation.wide import between_korean, is_korean
from guardian_cluster.watcher.common_words import COMMON, FAMILIAR
from guardian_cluster.watcher.plain_words import frequent_words

_SUFFIX = 2
"""Letters of the longest suffix that is a word of its own in some language ("er", "es"), and of units and ordinals."""

_ELIDED = 3
"""Letters that an apostrophe makes a word of its own ("l'école"), and one more."""
_HALVES = 1.0
"""Of pieces one of which can be no word; see `letters.oneness`. Fewer have it who begin with an abbreviation."""
_ONE, _ONE_TRUSTED, _TWO, _TWO_TRUSTED = 8.0, 6.0, -8.0, -9.0
"""See `letters.oneness`: none of 1,500 pairs of words scored 8 or more. Who goes on from the very signs, and does not
begin with a space, mostly goes on with a word."""

_MOST_READ = 8_000
"""Characters of what was said whose words are known: they take a third of a millisecond."""

Tail = Literal["within", "open", "ended"]

_CLOSING = frozenset(".,;:!?%)]}…’'»”\"*_`")
"""Marks that follow a word without a space."""
_OPENING = frozenset("\"'’“„«*_`")
"""Of these, marks that may as well stand before a word, after a space."""
_LAST_WORD = re.compile(r"[^\W\d_]+\Z")
_LAST_LATIN = "\u024f"
_DIGITS = re.compile(r"\d+\Z")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+")
_ELISION = re.compile(r"['’][^\W\d_]{2}")
_BLOCK = re.compile(r"[ \t]*(?:[-+*•] |\d{1,4}[.)] |#{1,6} |\||>|```|~~~)")
_ITEM = re.compile(r"[ \t>]*(?:[-+*•] |\d{1,4}[.)] |#{1,6} |\|)")
_ENDED = re.compile(r"[.!?…。！？:：][\"'”’»)\]*_」』）]*\Z")
_CLAUSE = re.compile(r"[,;、，；(\[{\-–—/&+=<\"'“„«]\Z")


def tail_of(said: str) -> Tail:
    """Return how a text ends: within a sentence, with a sentence or line, or with a line that may have ended."""
    if said.endswith("\n"):
        return "ended"
    line = said.rpartition("\n")[2].rstrip()
    item = _ITEM.match(line + " ")
    if item and not line[item.end() :].strip():
        return "within"
    if item and line.lstrip().startswith("|"):
        return row_tail(said)
    if line.count('"') % 2 or line.count("“") > line.count("”"):
        return "within"  # a quotation has not ended
    if _ENDED.search(line) and not (line[-1] == "." and line[-2:-1].isdigit() and said[-1:] == "."):
        return "ended"
    if item and not _CLAUSE.search(line):
        word = _LAST_WORD.search(line)
        return "within" if word and word[0].lower() in COMMON else "open"
    return "within"


def begins_block(said: str, text: str) -> bool:
    """Return whether a text that follows begins a block of its own: an item, a heading, a row of a table, a fence.

    In a row of a table that is not complete, a bar ends a cell.
    """
    if text.startswith("|"):
        line = said.rpartition("\n")[2]
        return not line.lstrip().startswith("|") or is_row(said)
    return _BLOCK.match(text) is not None


def bare_marker(said: str) -> bool:
    """Return whether a text ends with the marker of an item that says nothing yet."""
    line = said.rpartition("\n")[2]
    item = _ITEM.match(line + " ")
    return item is not None and "|" not in line and not line[item.end() :].strip()


def without_marker(text: str) -> str:
    """Return a text without the marker of an item that it begins with."""
    item = _ITEM.match(text)
    return text[item.end() :].lstrip() if item else text


def spaced(said: str, text: str) -> str:
    """Return a text without the white space at its beginning that what was said ends with already."""
    body = text.lstrip()
    had, has = said[len(said.rstrip()) :], text[: len(text) - len(body)]
    if not has:
        return text
    if (
        body.startswith("|")
        and said.rstrip().rpartition("\n")[2].lstrip().startswith("|")
        and "\n" in had + has
    ):
        return body if "\n" in had else "\n" + body  # an empty line would end the table
    if not had:
        return text if "\n" in has or not body else " " + body
    lines = has.count("\n") - had.count("\n")
    indent = has.rpartition("\n")[2]
    if lines > 0:
        return "\n" * lines + indent + body
    if "\n" in had:
        missing = indent.removeprefix(had.rpartition("\n")[2]) if lines == 0 else ""
        return missing + body
    return body


def between(said: str, text: str, words: frozenset[str], *, trusts: bool) -> str | None:
    """Return what must stand between what was said and a text that follows it at once; `None` where that is unclear.

    `words` are known from the texts themselves; `trusts` tells that the text is what a server put out after the very
    signs of what was said, so that half a word is likely to be gone on with.
    """
    if text[:1].isspace():
        return ""
    if said[-1:].isspace():
        after = _FIRST_WORD.match(text)
        is_piece = after is not None and len(after[0]) <= _SUFFIX and not is_known(after[0], words)
        return None if is_piece and after and after[0].islower() else ""
    last, first = said[-1:], text[:1]
    if begins_block(said, text) and tail_of(said) != "within":
        return "\n"
    if last == "|" or (first == "|" and said.rpartition("\n")[2].lstrip().startswith("|")):
        return " "
    if is_wide(last) or is_wide(first):
        return between_korean(said, text) if is_korean(last) or is_korean(first) else ""
    if not first.isalnum():
        return _before_mark(said, text, trusts=trusts)
    if last.isalpha() and first.isalpha():
        return _in_words(said, text, words, trusts=trusts)
    if last.isdigit() and first.isdigit():
        digits = _DIGITS.search(said)
        return None if digits and text.startswith(digits[0]) else ""
    if last.isalnum():
        return _at_number(said, text, words)
    return _after_mark(said, trusts=trusts)


def _before_mark(said: str, text: str, *, trusts: bool) -> str | None:
    """Return what stands before a text that begins with a mark."""
    if text[0] == "(" and said[-1].isalnum():
        return None  # of prose, after a space, or of a formula
    if text[0] in "&=+–—" and text[1:2] == " " and said[-1].isalnum():
        return " "
    if (
        text[0] in _OPENING
        and text[1:2].isalnum()
        and not trusts
        and not (text[0] in "'’" and said[-1].isalnum())
    ):
        return " " if said[-1] in ",;:.!?" else None
    return "" if trusts or text[0] in _CLOSING or is_rule(said.rpartition("\n")[2]) else None


def _after_mark(said: str, *, trusts: bool) -> str | None:
    """Return what stands after a mark: a space where one ends a clause, or a quotation."""
    last = said[-1]
    if last == '"' and said.rpartition("\n")[2].count('"') % 2 == 0:
        return " "
    if last in "。！？、，；：）」』":
        return ""
    if last in ".,:":
        return None if trusts else " "
    return " " if last in "!?…;)]»”" else ""


def _at_number(said: str, text: str, words: frozenset[str]) -> str | None:
    """Return what stands between a word and a number: a space, but in names such as MP3, and in ordinals."""
    if said[-1].isdigit():
        after = _FIRST_WORD.match(text)
        return " " if after and len(after[0]) > _SUFFIX else None
    before = _LAST_WORD.search(said[-60:])
    return " " if before and (len(before[0]) > _SUFFIX or is_known(small(before[0]), words)) else None


def _in_words(said: str, text: str, words: frozenset[str], *, trusts: bool) -> str | None:
    before, after = _LAST_WORD.search(said[-60:]), _FIRST_WORD.match(text[:60])
    if before is None or after is None:
        return None
    left, right = small(before[0]), small(after[0])
    is_one, is_left, is_right = (is_known(word, words) for word in (left + right, left, right))
    if len(right) < _ELIDED and _ELISION.match(text, after.end()):
        return None
    if is_one:
        return "" if trusts or not (is_left and is_right) else None
    if before[0][-1].islower() and after[0][0].isupper():
        return None  # no word goes on so: a space was left out, or another sentence begins
    are_one = are_halves(left, right, words, is_inner=_is_inner(said, before))
    if left[-1] > _LAST_LATIN or right[0] > _LAST_LATIN:
        return "" if are_one else None  # the letters of other scripts are not known
    likely = oneness(left, right, words)
    if likely >= (_HALVES if are_one else _ONE_TRUSTED if trusts and not is_left else _ONE):
        return ""
    return " " if is_left and is_right and likely <= (_TWO_TRUSTED if trusts else _TWO) else None


def _is_inner(said: str, word: re.Match[str]) -> bool:
    """Return whether the last word of a text stands among words: in small letters, and not as a unit of a number."""
    before = said[-60:][: word.start()]
    return word[0].islower() and before[-1:].isspace() and not before.rstrip()[-1:].isdigit()


def is_known(word: str, words: frozenset[str]) -> bool:
    """Return whether a word in small letters is one, as far as it can be told."""
    if len(word) < 2:
        return word in ("a", "i")
    return word in words or word in COMMON or word in FAMILIAR or word in frequent_words()


def whole_words(text: str) -> frozenset[str]:
    """Return the words that stand whole in a text that broke off, in small letters."""
    return frozenset([small(word) for word in _WORD.findall(text[-_MOST_READ:])][:-1])


def words_after(text: str) -> frozenset[str]:
    """Return the words that stand whole in a text whose first one may be half of one."""
    return frozenset([small(word) for word in _WORD.findall(text)[1:]])
