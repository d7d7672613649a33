"""Which texts look like arithmetic and may well be something else: dates, scores, phone numbers, a shout."""

from collections.abc import Sequence
from itertools import pairwise

from guardian_cluster.specialists.builtin.solver.reading.parts import is_enclosed
from guardian_cluster.specialists.builtin.solver.reading.pieces import Piece
from guardian_cluster.specialists.builtin.solver.refusal import Refusal

_DAYS, _MONTHS = 31, 12

_IDIOMS = frozenset({("24", "7"), ("50", "50"), ("20", "20")})


def check_doubts(text: str, pieces: Sequence[Piece], *, is_command: bool) -> None:
    """Raise `Refusal` where it is doubtful that the pieces are meant as mathematics.

    `is_command` tells that the text asks for a computation in so many words ("calculate 9/11", "9/11 ="),
    which settles the question of dates.
    """
    _check_shout(text, pieces)
    if len(pieces) == 1 or (len(pieces) == 2 and pieces[1].text == "%"):
        raise Refusal("there is nothing to compute")
    joints = _joints(pieces)
    if not is_command and joints:
        _check_label([piece.text for piece in pieces[::2]], joints)


def _check_shout(text: str, pieces: Sequence[Piece]) -> None:
    """Refuse "3 + 4!", whose last sign may be a factorial or the end of the sentence."""
    is_last = pieces[-1].text == "!" and pieces[-1].role == "O" and text.rstrip().endswith("!")
    factorials = sum(piece.text == "!" for piece in pieces)
    if is_last and factorials == 1 and len(pieces) > 2 and not is_enclosed(pieces[:-1]):
        raise Refusal("the last '!' may be a factorial or an exclamation; put the factorial in parentheses")


def _joints(pieces: Sequence[Piece]) -> str:
    """Return the signs between whole numbers that stand together without spaces, as in 9/11 or 2024-01-15."""
    if len(pieces) % 2 == 0 or len(pieces) < 3:
        return ""
    numbers, signs = pieces[::2], pieces[1::2]
    if not all(piece.role == "N" and piece.text.isdigit() and not piece.grouped for piece in numbers):
        return ""
    if any(before.end != after.start for before, after in pairwise(pieces)):
        return ""
    kinds = {piece.text for piece in signs}
    return "".join(piece.text for piece in signs) if kinds in ({"/"}, {"-"}) else ""


def _check_label(numbers: Sequence[str], joints: str) -> None:
    reason = "it may be a date, a range or a score; write 'calculate ...' before it if it is arithmetic"
    first, second = int(numbers[0]), int(numbers[1])
    if len(joints) > 1 or tuple(numbers) in _IDIOMS or any(number.startswith("0") for number in numbers):
        raise Refusal(reason)
    if joints == "-" and first <= second:
        raise Refusal(reason)
    if joints == "/" and _is_date(first, second):
        raise Refusal(reason)


def _is_date(first: int, second: int) -> bool:
    in_order, reversed_order = first <= _MONTHS and second <= _DAYS, first <= _DAYS and second <= _MONTHS
    return first > 0 and second > 0 and (in_order or reversed_order)
