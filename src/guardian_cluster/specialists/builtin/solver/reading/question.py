"""Whether a text is a question the solver understands completely, and which problem it states.

Precision comes before recall: a word that belongs to no form, a second meaning, a leftover sign, and the text
is refused.
"""

import re
from collections.abc import Sequence
from typing import Final

from guardian_cluster.specialists.builtin.solver.problem import Evaluate, Problem
from guardian_cluster.specialists.builtin.solver.reading.conversion_question import conversion
from guardian_cluster.specialists.builtin.solver.reading.doubts import check_doubts
from guardian_cluster.specialists.builtin.solver.reading.forms import PATTERNS, WORDS
from guardian_cluster.specialists.builtin.solver.reading.parts import number
from guardian_cluster.specialists.builtin.solver.reading.patterns import Signature, signature
from guardian_cluster.specialists.builtin.solver.reading.phrases import fold
from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece
from guardian_cluster.specialists.builtin.solver.reading.tokens import tokenise
from guardian_cluster.specialists.builtin.solver.refusal import Refusal, quoted
from guardian_cluster.specialists.builtin.solver.solution import NotUnderstood
from guardian_cluster.specialists.builtin.solver.tree import Constant, Expression, Negation, Number, Percent

_COMMANDS = ("calculate", "compute", "evaluate", "work out", "how much is", "how much are")

_OPENINGS = (
    "please",
    "can you",
    "could you",
    "what is",
    "what's",
    "whats",
    "what are",
    "tell me",
    "give me",
    "show me",
    "find",
    "determine",
    "check",
    "list",
    "all",
    "take",
    "the",
    "exact value of",
    "value of",
    "result of",
    "answer to",
    ":",
)

_CLOSINGS = (
    "?",
    ".",
    "!",
    ";",
    ",",
    "=",
    "please",
    "thanks",
    "thank you",
    "equal to",
    "equal",
    "equals",
    "for me",
)


def _signed_words(phrases: Sequence[str]) -> list[str]:
    return ["".join(word if word in "=," else f"<{word}>" for word in phrase.split()) for phrase in phrases]


_COMMAND = re.compile("|".join(_signed_words(_COMMANDS)))

_OPENING = re.compile(f"(?:{'|'.join(_signed_words((*_OPENINGS, *_COMMANDS)))})*")

_ENDINGS = tuple(_signed_words(_CLOSINGS))

VOCABULARY: Final = WORDS | {
    word for phrase in (*_COMMANDS, *_OPENINGS, *_CLOSINGS) for word in phrase.split()
}


def understand(text: str) -> Problem | NotUnderstood:
    """Return the problem a text states, or why it is none; never raises.

    Pure and quick (well below a millisecond for any text), so that a router may ask for every request.
    """
    try:
        return _problem(text)
    except Refusal as refusal:
        return NotUnderstood(refusal.reason)


def _problem(text: str) -> Problem:
    tokens = tokenise(text)
    if (converted := conversion(tokens)) is not None:
        return converted
    pieces = fold(tokens)
    _check_words(pieces)
    whole = signature(pieces)
    start, end = _core(whole.text)
    if start >= end:
        raise Refusal("there is nothing to compute")
    is_command = bool(_COMMAND.search(whole.text, 0, start)) or "=" in whole.text[end:]
    check_doubts(text, _pieces_between(whole, start, end), is_command=is_command)
    return _matched(whole, start, end)


def _check_words(pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        if piece.role == "W" and piece.text not in VOCABULARY:
            raise Refusal(f"{quoted(piece.text)} is not part of a question it knows")


def _core(text: str) -> tuple[int, int]:
    """Return where the signature starts and ends once courtesies are left away."""
    opening = _OPENING.match(text)
    start, end = opening.end() if opening else 0, len(text)
    while closing := next((closing for closing in _ENDINGS if text.endswith(closing, start, end)), None):
        end -= len(closing)
    return start, end


def _pieces_between(whole: Signature, start: int, end: int) -> Sequence[Piece]:
    return whole.pieces[whole.owners[start] : whole.owners[end - 1] + 1]


def _computable(node: Expression) -> Expression:
    """Refuse a bare number: whoever writes "-5" does not ask for its value."""
    inner = node
    while isinstance(inner, Negation | Percent):
        inner = inner.operand
    if isinstance(inner, Number | Constant):
        raise Refusal("there is nothing to compute")
    return node


def _matched(whole: Signature, start: int, end: int) -> Problem:
    pieces = _pieces_between(whole, start, end)
    if all(piece.role != "W" for piece in pieces):
        return Evaluate(_computable(number(pieces)))
    for pattern in PATTERNS.get(pieces[0].text if pieces[0].role == "W" else "", ()):
        if (found := whole.match(pattern, start, end)) is not None:
            return pattern.build(found)
    raise Refusal("the words are known, but not a question in this order")
