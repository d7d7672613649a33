"""How the forms of questions are written and matched: words, expressions and options, over pieces.

A text becomes a signature in which every expression is a run of capital letters, one for each piece, and
every word stands in angle brackets: "integral of x^2 from 0 to 1" is `<integral><of>VON<from>N<to>N`. A
pattern such as `integral of {f} [from {a} to {b}]` becomes a regular expression over signatures. Capital
letters never match words, so matching is linear, and a word that no pattern mentions cannot be skipped.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from guardian_cluster.specialists.builtin.solver.problem import Problem
from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece

_EXPRESSION = "[NVCFPOSK]+"

_GROUPS: Final[dict[str, str]] = {
    "variable": "V",
    "number": "N",
    "point": "O?[NC]",
    "expression": _EXPRESSION,
    "two": f"{_EXPRESSION}<and>{_EXPRESSION}",
    "list": f"{_EXPRESSION}(?:(?:,|<and>|,<and>){_EXPRESSION})+",
    "equations": f"{_EXPRESSION}={_EXPRESSION}(?:(?:,|<;>|<and>|,<and>){_EXPRESSION}={_EXPRESSION})*",
    "letters": "V(?:(?:,|<and>|,<and>)V)*",
}

_ELEMENT = re.compile(r"\{(?P<name>\w+)(?::(?P<kind>\w+))?\}|(?P<bracket>[\[\]])|(?P<words>[^\s\[\]{}]+)")


class Pattern(msgspec.Struct, frozen=True):
    """A form of question: what it looks like, and which problem it states."""

    expression: re.Pattern[str]
    build: Callable[["Found"], Problem]
    openings: frozenset[str]
    """The words it can begin with; an empty word stands for an expression."""


class Found(msgspec.Struct, frozen=True):
    """The pieces a pattern found under its names; a name that was left out is missing."""

    groups: Mapping[str, Sequence[Piece]]


class Form:
    """One kind of question: the ways to put it, and the function that turns what was found into a problem.

    In a template `word|other` are alternatives, `word?` may be missing, `[...]` may be missing as a whole,
    `{name}` is an expression and `{name:kind}` one of the other kinds (variable, number, point, two, list,
    equations, letters).
    """

    __slots__ = ("build", "templates")

    def __init__(self, build: Callable[[Found], Problem], *templates: str) -> None:
        self.build = build
        self.templates = templates


def compile_form(form: Form) -> Iterator[Pattern]:
    """Yield a pattern for each template of a form."""
    for template in form.templates:
        elements = list(_ELEMENT.finditer(template))
        expression = re.compile("".join(_element(found) for found in elements))
        yield Pattern(expression, form.build, frozenset(_openings(elements)))


def _openings(elements: Sequence[re.Match[str]]) -> Iterator[str]:
    """Yield what may come first: the words up to the first that cannot be left out, or an expression."""
    for found in elements:
        words = found["words"]
        if words is None:
            yield ""
            return
        yield from (words.rstrip("?") or words).split("|")
        if not words.endswith("?"):
            return


def _element(found: re.Match[str]) -> str:
    if found["bracket"]:
        return "(?:" if found["bracket"] == "[" else ")?"
    if found["name"]:
        return f"(?P<{found['name']}>{_GROUPS[found['kind'] or 'expression']})"
    return _word(found["words"])


def _word(text: str) -> str:
    words = text.rstrip("?") or text
    alternatives = "|".join(re.escape(_sign(word)) for word in words.split("|"))
    return f"(?:{alternatives})" + ("?" if words != text else "")


def _sign(word: str) -> str:
    return word if word in ("=", ",") else f"<{word}>"


def words_of(form: Form) -> Iterator[str]:
    """Yield every word the templates of a form mention."""
    for template in form.templates:
        for found in _ELEMENT.finditer(template):
            if found["words"]:
                yield from (found["words"].rstrip("?") or found["words"]).split("|")


class Signature(msgspec.Struct, frozen=True):
    """The shape of a text, and for each of its characters the piece it came from."""

    text: str
    owners: Sequence[int]
    pieces: Sequence[Piece]

    def match(self, pattern: Pattern, start: int, end: int) -> Found | None:
        """Return what the pattern finds if it covers the signature from start to end completely."""
        found = pattern.expression.fullmatch(self.text, start, end)
        if found is None:
            return None
        spans = {name: found.span(name) for name in found.groupdict() if found[name] is not None}
        return Found(
            {
                name: self.pieces[self.owners[first] : self.owners[last - 1] + 1]
                for name, (first, last) in spans.items()
            }
        )


def signature(pieces: Sequence[Piece]) -> Signature:
    """Return the signature of the pieces."""
    parts: list[str] = []
    owners: list[int] = []
    for index, piece in enumerate(pieces):
        part = piece.role
        if part == "W":
            part = _sign(piece.text)
        parts.append(part)
        owners.extend([index] * len(part))
    return Signature("".join(parts), owners, pieces)
