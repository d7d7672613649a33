"""What a question is made of once words and signs are read: pieces, and the phrases that become one."""

from typing import Final, Literal

import msgspec

from guardian_cluster.specialists.builtin.solver.functions import PHRASES as FUNCTION_PHRASES
from guardian_cluster.specialists.builtin.solver.reading.numerals import PARTS

Role = Literal["N", "V", "C", "F", "P", "O", "S", "K", "W"]
"""Number, variable, constant, function, phrase for one, operator, superscript, inner comma, word."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A token or a phrase, with its role; words are in lower case."""

    role: Role
    text: str
    start: int
    end: int
    grouped: bool = False


_OPERATOR_PHRASES = {
    "plus": "+",
    "minus": "-",
    "negative": "negative",
    "times": "*",
    "multiplied by": "*",
    "divided by": "/",
    "to the power of": "^",
    "to the power": "^",
    "raised to the power of": "^",
    "raised to the power": "^",
    "raised to": "^",
    "percent": "%",
    "per cent": "%",
    "degrees": "°",
    "degree": "°",
    "deg": "°",
    "radians": "rad",
    "radian": "rad",
    "rad": "rad",
}

Phrase = tuple[tuple[str, ...], Role, str]
"""Words, and the role and text of the piece they become."""


def _phrase(words: str, role: Role, text: str) -> Phrase:
    return tuple(words.split()), role, text


def _phrase_table() -> dict[str, list[Phrase]]:
    """Index every phrase by its first word, the longest first."""
    phrases = [_phrase(words, "O", text) for words, text in _OPERATOR_PHRASES.items()]
    phrases += [_phrase("squared", "S", "2"), _phrase("cubed", "S", "3"), _phrase("pi", "C", "pi")]
    phrases += [_phrase(words, "C", "infinity") for words in ("infinity", "inf")]
    phrases += [_phrase(words, "P", name) for words, name in FUNCTION_PHRASES.items()]
    phrases += [_phrase(f"the {words}", "P", name) for words, name in FUNCTION_PHRASES.items()]
    phrases += [_phrase(words, "N", part) for words, part in PARTS.items()]
    table: dict[str, list[Phrase]] = {}
    for phrase in sorted(phrases, key=lambda phrase: -len(phrase[0])):
        table.setdefault(phrase[0][0], []).append(phrase)
    return table


PHRASES: Final = _phrase_table()
"""Every phrase that is mathematics, by its first word, the longest first."""
