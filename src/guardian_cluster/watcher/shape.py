"""What a secret looks like: literal text and runs of characters, in the language of the rule table.

A shape such as `xoxb-{digit:10-13}-{alnum:24}` is compiled to two expressions that say the same thing: one finds the
secret, the other tells where a text ends that may still become one. So a stream is held back exactly as far as the
shape itself demands.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import product

import msgspec

CLASSES = {
    "digit": "0-9",
    "hex": "0-9a-f",
    "HEX": "0-9A-F",
    "anyhex": "0-9a-fA-F",
    "lower": "a-z0-9",
    "upper": "A-Z0-9",
    "alpha": "A-Za-z",
    "alnum": "A-Za-z0-9",
    "token": r"A-Za-z0-9_\-",
    "dotted": r"A-Za-z0-9_.=\-",
    "base64": "A-Za-z0-9+/=",
    "base64url": r"A-Za-z0-9_=\-",
}
"""The alphabets of secrets, as sets of a regular expression."""

CAP = 512
"""Characters after which a shape that has found no end is taken for a secret, and what follows of it with it."""

MAX_VARIANTS = 256
"""Texts without alternatives that one shape may stand for."""

LEAST_DISTINCT = 4
"""Different characters in a secret of 16 characters or more; one less in a shorter one. Random digits have fewer in
one of 170,000 of ten, placeholders such as `xxxx` have one or two."""

_LONG = 16
_ALPHABET = "abcdefghijklmn"

_RUN = re.compile(
    r"\{(?P<name>[A-Za-z0-9]+|\[[\s\S]{1,80}?\]):(?P<least>\d{1,4})(?P<range>-(?P<most>\d{0,4}))?\}"
)
_SET = re.compile(r"(?!\^)(?:\\[^\w\s]|[^\\\]\[-](?:-[^\\\]\[-])?)+")


class Run(msgspec.Struct, frozen=True):
    """Characters of one alphabet."""

    alphabet: str
    """As a set of a regular expression, without its brackets."""
    least: int
    most: int | None

    @property
    def one(self) -> str:
        """Return the expression of one of its characters."""
        return f"[{self.alphabet}]"

    @property
    def up_to_end(self) -> str:
        """Return the expression of a beginning of the run that the text's end cuts off."""
        most = "" if self.most is None else self.most
        return rf"{self.one}{{0,{most}}}\Z"

    @property
    def whole(self) -> str:
        """Return the expression of the run."""
        most = "" if self.most is None else self.most
        return f"{self.one}{{{self.least},{most}}}"


Piece = str | Run | tuple[str, ...]
"""Literal text, a run, or texts of which one stands there."""

RunOn = tuple[int, bool]
"""Up to where a secret goes on, and whether text that is not there yet may belong to it."""


def parse(shape: str) -> list[Piece]:
    """Return what a shape is made of, in turn.

    Raises:
        ValueError: the shape is not of the language; the message says where.
    """
    pieces: list[Piece] = []
    at = 0
    while at < len(shape):
        piece, at = _read(shape, at)
        pieces.append(piece)
    if not pieces:
        raise ValueError("the shape is empty")
    return _joined(pieces)


def variants(pieces: list[Piece]) -> list[list[Piece]]:
    """Return what a shape stands for without alternatives: literal texts and runs in turn.

    Raises:
        ValueError: that is too much.
    """
    count = 1
    for piece in pieces:
        count *= len(piece) if isinstance(piece, tuple) else 1
    if count > MAX_VARIANTS:
        raise ValueError(f"the shape stands for {count} texts; at most {MAX_VARIANTS} can be watched for")
    each_of = product(*(piece if isinstance(piece, tuple) else (piece,) for piece in pieces))
    return [_joined(pieces) for pieces in each_of]


def _read(shape: str, at: int) -> tuple[Piece, int]:
    """Read one piece of a shape, and return where the next begins."""
    character = shape[at]
    if character not in "{(|)":
        return character, at + 1
    if shape[at : at + 2] == 2 * character:
        return character, at + 2
    if character == "(":
        end = shape.find(")", at)
        if end < 0:
            raise ValueError(f"`(` at {at} has no `)`")
        return tuple(shape[at + 1 : end].split("|")), end + 1
    found = _RUN.match(shape, at)
    if found is None:
        raise ValueError(
            f"`{shape[at : at + 20]}` at {at} is no `{{class:length}}`; write `{{` twice for itself"
        )
    return _run(found), found.end()


def _run(found: re.Match[str]) -> Run:
    name, least = found["name"], int(found["least"])
    most = least if found["range"] is None else int(found["most"]) if found["most"] else None
    if most is not None and not 0 < max(least, 1) <= most <= CAP:
        raise ValueError(f"the length of `{found[0]}` must be 1 to {CAP}, the lesser first")
    if name.startswith("["):
        return Run(_checked(name[1:-1]), least, most)
    if name not in CLASSES:
        raise ValueError(f"`{name}` is no class; there are {', '.join(CLASSES)}, or `[A-Z2-7]`")
    return Run(CLASSES[name], least, most)


def _checked(alphabet: str) -> str:
    if alphabet.endswith("-") and not alphabet.endswith("\\-"):  # which needs no mark there
        alphabet = alphabet[:-1] + "\\-"
    try:
        if _SET.fullmatch(alphabet):
            re.compile(f"[{alphabet}]")
            return alphabet
    except re.error:
        pass
    raise ValueError(
        f"`[{alphabet}]` is no set of characters: write `\\` before `\\`, `]`, `[`, `-` and a first `^`"
    )


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Return the pieces with literal texts that touch made one."""
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] = f"{joined[-1]}{piece}"
        elif piece != "":
            joined.append(piece)
    return joined


class Tail:
    """What follows a secret's literal head. Its expressions are compiled when the head is first met."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = pieces

    def end(self, text: str, at: int) -> int | None:
        """Return where the least secret ends whose head ends at a position, `None` where there is none yet."""
        found = self._least.match(text, at)
        if found is not None:
            return found.end() if looks_random(found.group()) else None
        if len(text) - at >= CAP and self._open.match(text, at, at + CAP):
            return at + CAP
        return None

    def is_open(self, text: str, at: int) -> bool:
        """Return whether the text ends before it can be told."""
        return len(text) - at < CAP and self._open.match(text, at) is not None

    def run_on(self, text: str, at: int) -> RunOn:
        """Return up to where a secret goes on that was found to end at a position, and whether more may follow."""
        if self._run is None:
            return at, False
        found = self._run.match(text, at)
        end = found.end() if found else at
        return end, end == len(text)

    @cached_property
    def _least(self) -> re.Pattern[str]:
        *before, last = self._pieces
        end = f"{last.one}{{{last.least}}}" if isinstance(last, Run) else whole(last)
        # As few as fit, so that the text which follows a secret cannot change where it ends.
        return re.compile("".join(whole(piece) + "?" * isinstance(piece, Run) for piece in before) + end)

    @cached_property
    def _open(self) -> re.Pattern[str]:
        return re.compile(opened(self._pieces, ends_at_least=True))

    @cached_property
    def _run(self) -> re.Pattern[str] | None:
        last = self._pieces[-1]
        return re.compile(f"{last.one}*") if isinstance(last, Run) else None


def holds_blank(piece: Piece) -> bool:
    """Return whether a blank may stand in a piece."""
    if isinstance(piece, Run):
        return re.search(f"[{piece.alphabet}]", " ") is not None
    return any(" " in text for text in texts_of(piece))


def most_of(piece: Piece) -> int:
    """Return how many characters a piece has at most."""
    return (piece.most or CAP) if isinstance(piece, Run) else max(map(len, texts_of(piece)))


def least_of(piece: Piece) -> int:
    """Return how many characters a piece has at least."""
    return piece.least if isinstance(piece, Run) else min(map(len, texts_of(piece)))


def looks_random(text: str) -> bool:
    """Return whether a text is no placeholder: neither few characters, nor mostly one, nor the alphabet."""
    counts = Counter(text)
    if len(text) < _LONG:
        return len(counts) >= min(LEAST_DISTINCT - 1, len(text))
    return (
        len(counts) >= LEAST_DISTINCT
        and 2 * max(counts.values()) <= len(text)
        and _ALPHABET not in text.lower()
    )


def whole(piece: Piece) -> str:
    """Return the expression of a piece."""
    if isinstance(piece, Run):
        return piece.whole
    return f"(?:{'|'.join(map(re.escape, sorted(texts_of(piece), key=len, reverse=True)))})"


def texts_of(piece: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts of which one stands there."""
    return (piece,) if isinstance(piece, str) else piece


def opened(pieces: Sequence[Piece], *, ends_at_least: bool) -> str:
    """Return the expression of a text that is cut off somewhere in the pieces.

    With `ends_at_least` they are found at their least length; else a text that ends with the last piece may go on,
    and so not be one.
    """
    *before, last = pieces
    if not ends_at_least:
        inner = rf"(?:{_beginning(last)}|{whole(last)}\Z)"
    elif isinstance(last, Run):
        inner = rf"{last.one}{{0,{max(last.least - 1, 0)}}}\Z"
    else:
        inner = _beginning(last)
    for piece in reversed(before):
        inner = f"(?:{_beginning(piece)}|{whole(piece)}{inner})"
    return inner


def _beginning(piece: Piece) -> str:
    if isinstance(piece, Run):
        return piece.up_to_end
    cut_off = {text[:n] for text in texts_of(piece) for n in range(len(text))}
    return rf"(?:{'|'.join(map(re.escape, sorted(cut_off)))})\Z"
