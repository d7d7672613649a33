"""Reads the numbers, operators and words of a text; linear in the text, whatever it holds."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

Kind = Literal["number", "percent", "operator", "word", "break", "other"]


class Token(NamedTuple):
    """One piece of a text that calculations are read from."""

    kind: Kind
    text: str
    value: float
    at: int
    """Where it stands, in characters of the text that was read."""


_PIECE = re.compile(
    r"(?P<number>\d[\d,]{0,40}(?:\.\d{1,40})?|\.\d{1,40})(?P<end>(?:st|nd|rd|th)\b|%)?"
    r"|(?P<operator>[-+*/×÷·−–=≈()^])"
    r"|(?P<word>[^\W\d_]{1,60}(?:['’-][^\W\d_]{1,60}){0,5})"
    r"|(?P<break>[.!?;:,\n])"
    r"|(?P<other>[^\s$€£\\])"
)
_SAME_OPERATOR = {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "≈": "="}
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]{1,60})\}\{([^{}]{1,60})\}")
_LATEX_WORD = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]{0,60})\}")
_LATEX_SIGNS = {
    "\\times": "*",
    "\\cdot": "*",
    "\\div": "/",
    "\\approx": "=",
    "\\%": "%",
    "\\$": "$",
    "\\left": "",
    "\\right": "",
    "\\*": "*",
    "\\,": "",
    "\\!": "",
}
_JOINS_NUMBERS = frozenset(("x", "X", "times"))


def tokens_of(text: str) -> list[Token]:
    """Return the pieces of a text in order. Currency signs are left out: `$3` is the number 3."""
    if "\\" in text:
        text = _without_latex(text)
    return _with_products(list(_pieces(text)))


def _without_latex(text: str) -> str:
    text = _LATEX_WORD.sub(r"\1", _FRACTION.sub(r"((\1)/(\2))", text))
    for sign, plain in _LATEX_SIGNS.items():
        text = text.replace(sign, plain)
    return text


def _pieces(text: str) -> Iterator[Token]:
    for match in _PIECE.finditer(text):
        kind = match.lastgroup
        if kind == "number" or kind == "end":
            yield from _number(match)
        elif kind == "operator":
            sign = match.group()
            yield Token("operator", _SAME_OPERATOR.get(sign, sign), 0.0, match.start())
        elif kind == "word":
            yield Token("word", match.group().lower(), 0.0, match.start())
        else:
            yield Token("break" if kind == "break" else "other", match.group(), 0.0, match.start())


def _number(match: "re.Match[str]") -> Iterator[Token]:
    """Yield one number, with its percent sign; `3, 4` is two numbers and `3rd` is a word."""
    digits, end, at = match["number"], match["end"], match.start()
    if end and end != "%":
        yield Token("word", match.group(), 0.0, at)
        return
    whole = digits.rstrip(",")
    if "," not in whole or _GROUPED.fullmatch(whole):
        yield Token("number", whole, float(whole.replace(",", "")), at)
    else:
        for part in whole.split(","):
            if part:
                yield Token("number", part, float(part), at)
    if whole != digits:
        yield Token("break", ",", 0.0, at + len(whole))
    if end:
        yield Token("percent", "%", 0.0, match.end() - 1)


def _with_products(found: list[Token]) -> list[Token]:
    """Read `3 x 4`, `3 times 4` and `20% of 50` as products."""
    for place, (one, following) in enumerate(pairwise(found)):
        if one.kind != "word" or place == 0:
            continue
        before = found[place - 1]
        begins = following.kind == "number" or following.text == "("
        joins = one.text in _JOINS_NUMBERS and (before.kind != "operator" or before.text == ")")
        if begins and (joins or (one.text == "of" and before.kind == "percent")):
            found[place] = Token("operator", "*", 0.0, one.at)
    return found
