"""Draws random texts that a regular expression of Go's RE2 accepts, and says which of their characters were free.

The expression is rewritten for Python (`python_pattern`), read by Python's own parser of expressions, and its tree is
walked with a source of randomness. What is asked of the surroundings (`\\b`, `$`) is not drawn: who plants a text
checks with `re` that the expression accepts it there.
"""

import random
import re
import string
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

parser: Any = import_module("re._parser")
op: Any = import_module("re._constants")
"""Python's own parser of expressions and its vocabulary, since 3.11 under these names: not published, and alone in
telling the tree of an expression."""

_POSIX = {"[:alnum:]": "0-9A-Za-z", "[:alpha:]": "A-Za-z", "[:digit:]": "0-9", "[:xdigit:]": "0-9A-Fa-f"}
_INLINE = re.compile(r"\(\?([a-zA-Z]*(?:-[a-zA-Z]+)?)\)")
_WORD = string.ascii_letters + string.digits + "_"
_FREE = string.ascii_letters + string.digits + "-_.+/"
"""What is drawn where almost anything may stand, as in `.` or `[^"]`: what credentials are made of."""
_CATEGORIES = {
    op.CATEGORY_DIGIT: string.digits,
    op.CATEGORY_NOT_DIGIT: string.ascii_letters,
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_SPACE: _FREE,
    op.CATEGORY_WORD: _WORD,
    op.CATEGORY_NOT_WORD: "-.+/ ",
}
_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)

UNBOUNDED = (8, 24)
"""How many more than the least are drawn of what may be repeated without end: `+` is no key of one character."""

FEW = 4
"""A single character out of so few is written out, as in `gh[us]_`."""

Case = Literal["as written", "both", "upper"]
CASES: tuple[Case, ...] = ("as written", "as written", "both", "both", "upper")
"""How letters under `(?i)` are drawn, one way for a whole text: real keys are seldom `aF3e` where they are hex."""


@dataclass
class Sampled:
    """One drawn text."""

    characters: list[str] = field(default_factory=list[str])
    fixed: list[bool] = field(default_factory=list[bool])
    """Of each character, whether the expression writes it out, so that it is known to everybody."""
    groups: dict[int, tuple[int, int]] = field(default_factory=dict[int, tuple[int, int]])
    """Group -> start and end. Group 0 is the whole text."""

    @property
    def text(self) -> str:
        return "".join(self.characters)

    def marker(self, group: int) -> int:
        """Return how many characters at the beginning of a group are written out, as `ghp_` is."""
        start, end = self.groups[group]
        return next((at - start for at in range(start, end) if not self.fixed[at]), end - start)

    def written(self, group: int) -> tuple[str, ...]:
        """Return the parts of a group that are written out, those of at least 4 characters: `.atlasv1.`."""
        start, end = self.groups[group]
        shown = "".join(
            each if fixed else "\0" for each, fixed in zip(self.characters, self.fixed, strict=True)
        )
        return tuple(part for part in shown[start:end].split("\0") if len(part) >= 4)


class RegexSampler:
    """Draws texts of one expression. Raises `re.error` for one that cannot be rewritten."""

    def __init__(self, go_expression: str) -> None:
        self.pattern = python_pattern(go_expression)
        self._tree = parser.parse(self.pattern)

    def sample(self, rng: random.Random) -> Sampled:
        """Return a text that the expression accepts where nothing around it is asked for."""
        drawn = Sampled()
        _Walk(rng, drawn, rng.choice(CASES)).sequence(self._tree, ignore_case=False)
        drawn.groups[0] = (0, len(drawn.characters))
        return drawn


def compiled(go_expression: str) -> re.Pattern[str]:
    """Return the expression for Python, with ASCII classes as in RE2."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return re.compile(python_pattern(go_expression), re.ASCII)


def python_pattern(go_expression: str) -> str:
    """Return an expression of RE2 in Python's syntax.

    `\\z` is `\\Z`; POSIX classes are spelled out; a `[` in a set is escaped; and `(?i)` in the middle, which in RE2
    holds to the end of its group and over its alternatives, is put around each of them.
    """
    written: list[str] = []
    open_flags: list[list[str]] = [[]]  # of each open group: the flags that began within it
    at = 0
    while at < len(go_expression):
        piece = _piece(go_expression, at)
        at += len(piece)
        inline = _INLINE.fullmatch(piece)
        if inline:
            open_flags[-1].append(inline[1])
            written.append(f"(?{inline[1]}:")
        elif piece == "|":
            written += [")" * len(open_flags[-1]), "|", *(f"(?{flags}:" for flags in open_flags[-1])]
        elif piece == ")":
            written.append(")" * len(open_flags.pop()) + ")")
        else:
            if piece == "(":
                open_flags.append([])
            written.append(_in_python(piece))
    return "".join(written) + ")" * len(open_flags[0])


def _piece(text: str, at: int) -> str:
    """Return what stands together at a position: an escape, a set, flags, or one character."""
    if text[at] == "\\":
        return text[at : at + 2]
    inline = _INLINE.match(text, at)
    if inline:
        return inline[0]
    return _set(text, at) if text[at] == "[" else text[at]


def _set(text: str, start: int) -> str:
    at = start + (2 if text.startswith("[^", start) else 1)
    first = at
    while text[at] != "]" or at == first:
        at += 2 if text[at] == "\\" else text.index(":]", at) + 2 - at if text.startswith("[:", at) else 1
    return text[start : at + 1]


def _in_python(piece: str) -> str:
    if piece == "\\z":
        return "\\Z"
    if not piece.startswith("["):
        return piece
    inner = piece[1:]
    for name, characters in _POSIX.items():
        inner = inner.replace(name, characters)
    return "[" + re.sub(r"(?<!\\)\[", r"\\[", inner)


class _Walk:
    """Walks the tree of an expression once and writes down what it draws."""

    def __init__(self, rng: random.Random, drawn: Sampled, case: Case) -> None:
        self._rng, self._drawn = rng, drawn
        self._case: Case = case

    def sequence(self, tree: Iterable[tuple[Any, Any]], *, ignore_case: bool) -> None:
        for operation, argument in tree:
            self._step(operation, argument, ignore_case)

    def _step(self, operation: Any, argument: Any, ignore_case: bool) -> None:
        if operation is op.LITERAL:
            self._put(chr(argument), fixed=True)
        elif operation is op.ANY:
            self._put(".", fixed=True)  # one `.` is a dot that nobody escaped, as in `hooks.slack.com`
        elif operation in _REPEATS:
            self._repeat(*argument, ignore_case=ignore_case)
        elif operation is op.SUBPATTERN:
            self._group(*argument, ignore_case=ignore_case)
        elif operation is op.BRANCH:
            self.sequence(self._rng.choice(argument[1]), ignore_case=ignore_case)
        elif operation is not op.AT:  # what is asked of the surroundings writes nothing
            members = _alphabet(operation, argument)
            self._put(self._rng.choice(members), fixed=len(members) <= FEW)

    def _group(self, number: int | None, add: int, remove: int, tree: Any, *, ignore_case: bool) -> None:
        inner = (ignore_case or bool(add & re.IGNORECASE)) and not remove & re.IGNORECASE
        start = len(self._drawn.characters)
        self.sequence(tree, ignore_case=inner)
        if number is not None:
            self._drawn.groups[number] = (start, len(self._drawn.characters))

    def _repeat(self, least: int, most: Any, tree: Any, *, ignore_case: bool) -> None:
        count = self._count(least, most)
        operation, argument = tree[0]
        if len(tree) == 1 and operation in (op.IN, op.ANY, op.NOT_LITERAL):
            members = _alphabet(operation, argument)
            members = _cased(members, self._case) if ignore_case else members
            self._drawn.characters += self._rng.choices(members, k=count)
            self._drawn.fixed += [False] * count
            return
        for _ in range(count):
            self.sequence(tree, ignore_case=ignore_case)

    def _count(self, least: int, most: Any) -> int:
        """Return how often to repeat: the two ends as often as all between them."""
        if most is op.MAXREPEAT:
            return least + self._rng.randint(*UNBOUNDED)
        return self._rng.choice((least, most, self._rng.randint(least, most), self._rng.randint(least, most)))

    def _put(self, character: str, *, fixed: bool) -> None:
        self._drawn.characters.append(character)
        self._drawn.fixed.append(fixed)


def _alphabet(operation: Any, argument: Any) -> str:
    if operation is op.ANY:
        return _FREE
    if operation is op.NOT_LITERAL:
        return _FREE.replace(chr(argument), "")
    members = "".join(_members(*item) for item in argument if item[0] is not op.NEGATE)
    if argument[0][0] is op.NEGATE:
        return "".join(character for character in _FREE if character not in members)
    return "".join(dict.fromkeys(members))


def _cased(members: str, case: Case) -> str:
    """Return the characters in the case of a text; those of hexadecimal numbers never in both."""
    if case == "as written" or (case == "both" and set(members.lower()) <= set(string.hexdigits + "-:")):
        return members
    return "".join(dict.fromkeys(members.upper() if case == "upper" else members.lower() + members.upper()))


def _members(operation: Any, argument: Any) -> str:
    if operation is op.LITERAL:
        return chr(argument)
    if operation is op.RANGE:
        return "".join(map(chr, range(argument[0], argument[1] + 1)))
    return _CATEGORIES[argument]
