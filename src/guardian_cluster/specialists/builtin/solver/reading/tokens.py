"""Which characters a question may contain, and how they form numbers, names and symbols.

Everything outside this alphabet is refused: look-alike letters, invisible characters and markup carry
meanings that nobody can see.
"""

import re
from typing import Literal

import msgspec

from guardian_cluster.specialists.builtin.solver.refusal import Refusal, quoted

Kind = Literal["number", "name", "symbol", "power"]

MAX_CHARACTERS = 320
"""Longer texts are stories, not questions; it also bounds the cost of understanding."""

MAX_TOKENS = 128
"""Bounds the time of everything that comes after, to half a millisecond for the densest text."""

MAX_EXPONENT = 1000
"""Of a literal such as 1e1000, so that no short text stands for a number of millions of digits."""


class Token(msgspec.Struct, frozen=True, gc=False):
    """A piece of the text; `start` and `end` are offsets in it, in characters."""

    kind: Kind
    text: str
    start: int
    end: int
    grouped: bool = False
    """Whether a number was written with commas between its thousands."""


_TOKEN = re.compile(
    r"(?P<space>[ \t\u00a0\u2009\u202f]+)"
    r"|(?P<number>(?:[0-9]+(?:,[0-9]+)*(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-zµμ]+(?:['’]s)?)"
    r"|(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)"
    r"|(?P<newline>[\r\n]+)"
    r"|(?P<symbol>\*\*|->|[-+*/^(),;:=?!%|._°×÷−–·⋅∙∕⁄√∛π∞∫→½⅓⅔¼¾])"
)

_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?=\.|[eE]|$)")

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")

_SYMBOLS: dict[str, tuple[Kind, str]] = {
    "**": ("symbol", "^"),
    "×": ("symbol", "*"),
    "·": ("symbol", "*"),
    "⋅": ("symbol", "*"),
    "∙": ("symbol", "*"),
    "÷": ("symbol", "/"),
    "∕": ("symbol", "/"),
    "⁄": ("symbol", "/"),
    "−": ("symbol", "-"),
    "–": ("symbol", "-"),
    "→": ("symbol", "->"),
    "π": ("name", "pi"),
    "∞": ("name", "infinity"),
    "½": ("number", "1/2"),
    "⅓": ("number", "1/3"),
    "⅔": ("number", "2/3"),
    "¼": ("number", "1/4"),
    "¾": ("number", "3/4"),
}


def tokenise(text: str) -> list[Token]:
    """Split a text completely into tokens; raise `Refusal` at the first thing that is not one."""
    if len(text) > MAX_CHARACTERS:
        raise Refusal(
            f"the text is longer than {MAX_CHARACTERS} characters, which is more than one short question"
        )
    text = text.strip()
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise Refusal(f"the character {quoted(text[position])} is not part of a question it knows")
        position = found.end()
        kind = found.lastgroup
        if kind == "number":
            tokens.extend(_numbers(found.group(), found.start()))
        elif kind != "space" and not (kind == "newline" and tokens and tokens[-1].text in (":", ";")):
            tokens.append(_token(kind, found.group(), found.start(), position))
        if len(tokens) > MAX_TOKENS:
            raise Refusal(
                f"the text has more than {MAX_TOKENS} words and signs, which is more than one question"
            )
    return tokens


def _token(kind: str | None, text: str, start: int, end: int) -> Token:
    if kind == "name":
        return Token("name", text.replace("’", "'").replace("μ", "µ"), start, end)
    if kind == "power":
        return Token("power", _superscript(text), start, end)
    if kind == "newline":
        return Token("symbol", ";", start, end)
    plain_kind, plain = _SYMBOLS.get(text, ("symbol", text))
    return Token(plain_kind, plain, start, end)


def _superscript(text: str) -> str:
    digits = text.translate(_SUPERSCRIPTS)
    if "-" in digits[1:] or digits == "-":
        raise Refusal(f"the exponent {quoted(text)} is not a number")
    return digits


def _numbers(text: str, start: int) -> list[Token]:
    """Read digits and commas as one number with grouped thousands, or else as a list of numbers."""
    if "e" in text.lower() and abs(int(text.lower().partition("e")[2])) > MAX_EXPONENT:
        raise Refusal(f"the number {quoted(text)} has an exponent beyond {MAX_EXPONENT}")
    if "," not in text or _GROUPED.match(text):
        return [Token("number", text.replace(",", ""), start, start + len(text), grouped="," in text)]
    tokens: list[Token] = []
    for piece in text.split(","):
        if tokens:
            tokens.append(Token("symbol", ",", start - 1, start))
        tokens.append(Token("number", piece, start, start + len(piece)))
        start += len(piece) + 1
    return tokens
