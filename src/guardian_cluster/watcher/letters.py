"""Tells letters drawn at random from those of words and names: half of all pairs of letters stand in no word."""

import re

_FOLLOWING = {
    "a": "bcdefgiklmnprstuvwxyz",
    "b": "aeijlorsuy",
    "c": "acehiklmorstuy",
    "d": "adefilnorstuvy",
    "e": "abcdefghiklmnopqrstuvwxy",
    "f": "aefilorstuy",
    "g": "aeghilnorsu",
    "h": "aeilorstuy",
    "i": "abcdefgklmnoprstvxz",
    "j": "aeou",
    "k": "aeilns",
    "l": "acdefilnopstuvy",
    "m": "abdeilmopsuy",
    "n": "acdefgiklnopstuvy",
    "o": "abcdefgiklmnoprstuvwy",
    "p": "aehiloprstuy",
    "q": "u",
    "r": "abcdefgiklmnoprstuvy",
    "s": "acefhiklmnopstuwy",
    "t": "abcdefhilmnoprstuwy",
    "u": "abcdefgilmnoprst",
    "v": "aeio",
    "w": "aehinors",
    "x": "ceipt",
    "y": "eilmnopst",
    "z": "aei",
}
"""The pairs that make up 98 in 100 of those in the words of recorded answers and of names in Python's library."""

_PAIRS = frozenset(first + second for first, following in _FOLLOWING.items() for second in following)
_LETTERS = re.compile("[A-Za-z]{2,}")
_ODD_CAPITAL = re.compile(
    "[a-z][A-Z]{1,2}(?=[a-z]?[A-Z]|[a-z](?![a-z]))|[a-z][A-Z]{2}(?=[a-z])|[a-z][A-Z](?![A-Za-z])"
    "|(?<![A-Za-z])[a-z](?=[A-Z])"
)
"""A capital, or a letter before one, that belongs to no word of three letters or more: `aB` and `cD` in `aBcDe`."""

_LONE = re.compile("(?<![A-Za-z0-9])[A-Za-z](?![A-Za-z0-9])")


_NAME = re.compile(r"[A-Za-z_$][\w$.]*", re.ASCII)
_DIGITS = re.compile("[0-9]+")
_WORDS = re.compile("[A-Z]?[a-z]{2,}|[A-Z]{3,}")

_CAMELS = 3
"""Words that make up a name which nothing but capitals divides, at least."""

_IN_WORDS = 0.45
"""Share of a name's characters that are in words of three letters or more, at least."""

_ODD_NAME = 0.25
"""Oddness of a name: random letters, digits and `_` have less in one of 1,000 texts of 16 characters."""

_ODD_CAPITALS = 0.4
"""The same of a name in capitals, which is made of shortened words."""


def is_name(text: str, *, quoted: bool) -> bool:
    """Return whether a text is what code calls something: words and numbers joined by `_`, dots and capitals.

    Between quotation marks only one in capitals is, for passwords are made of words, too.
    """
    parts = [part for part in re.split("[._]", text) if part]
    in_capitals = text.isupper() and len(parts) > 1
    if (quoted and not in_capitals) or not _NAME.fullmatch(text):
        return False
    words = _WORDS.findall(text)
    numbers = max((len(_DIGITS.findall(part)) for part in parts), default=0)
    if numbers > 2 or (len(parts) == 1 and (len(words) < _CAMELS or numbers > 1)):
        return False
    if sum(map(len, words)) < _IN_WORDS * len(text):
        return False
    return oddness(text.removesuffix("_t")) < (_ODD_CAPITALS if in_capitals else _ODD_NAME)


def oddness(text: str) -> float:
    """Return how many of a text's letters and pairs of letters stand in no word, as a share of its pairs."""
    pairs, odd = 0, len(_LONE.findall(text))
    for run in _LETTERS.findall(text):
        small = run.lower()
        for at in range(len(run) - 1):
            if run[at + 1].isupper() and run[at].islower():  # another word begins
                continue
            pairs += 1
            odd += small[at : at + 2] not in _PAIRS
        odd += len(_ODD_CAPITAL.findall(run))
    return odd / max(pairs, 4)
