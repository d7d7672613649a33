"""Whether a text asks for a unit conversion: "convert 5 miles to km", "how many feet in a mile"."""

from collections.abc import Sequence

from guardian_cluster.specialists.builtin.solver.bounds import check_bounds
from guardian_cluster.specialists.builtin.solver.problem import Amount, Convert
from guardian_cluster.specialists.builtin.solver.reading.expression import parse
from guardian_cluster.specialists.builtin.solver.reading.numerals import NUMERALS
from guardian_cluster.specialists.builtin.solver.reading.phrases import fold
from guardian_cluster.specialists.builtin.solver.reading.tokens import Token
from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.tree import Expression, Number
from guardian_cluster.specialists.builtin.solver.units import look_up

_TO = frozenset({"to", "in", "into", "as"})

_LEADS = (
    ("please",),
    ("can", "you"),
    ("could", "you"),
    ("what", "is"),
    ("what's",),
    ("what", "are"),
    ("how", "much", "is"),
    ("how", "much", "are"),
    ("convert",),
    ("express",),
    ("calculate",),
    (":",),
)

_TAILS = frozenset({"?", ".", "!", "please", "thanks"})

_JOINERS = (("are", "there", "in"), ("are", "in"), ("is", "in"), ("in",), ("is",), ("are",), ("make",))

_SIGNS = frozenset("+-/")

_LONGEST_UNIT = 5
"""In tokens: the longest phrase is "millimeters of mercury" or "miles per hour"."""


def conversion(tokens: Sequence[Token]) -> Convert | None:
    """Return the conversion the tokens ask for, or None if they ask for something else.

    Raises `Refusal` where it is a conversion, but with an ambiguous unit or between different dimensions.
    """
    tokens = _trimmed(tokens)
    if _words(tokens[:2]) == ["how", "many"]:
        return _counted(tokens[2:])
    for index in range(len(tokens) - 2, 0, -1):
        if tokens[index].text.lower() in _TO:
            return _conversion(tokens[:index], tokens[index + 1 :])
    return None


def _words(tokens: Sequence[Token]) -> list[str]:
    return [token.text.lower() for token in tokens]


def _trimmed(tokens: Sequence[Token]) -> Sequence[Token]:
    words = _words(tokens)
    start, end = 0, len(words)
    while end > start and words[end - 1] in _TAILS:
        end -= 1
    while True:
        lead = next((lead for lead in _LEADS if tuple(words[start : start + len(lead)]) == lead), None)
        if lead is None:
            return tokens[start:end]
        start += len(lead)


def _counted(tokens: Sequence[Token]) -> Convert | None:
    """Read the rest of "how many feet are in 2 miles"."""
    words = _words(tokens)
    for index in range(1, min(len(words), _LONGEST_UNIT + 1)):
        for joiner in _JOINERS:
            if tuple(words[index : index + len(joiner)]) == joiner:
                return _conversion(tokens[index + len(joiner) :], tokens[:index])
    return None


def _conversion(source: Sequence[Token], target: Sequence[Token]) -> Convert | None:
    if not source or len(target) > _LONGEST_UNIT:
        return None
    parts = _split_amounts(source)
    phrases = [_phrase(unit) for _, unit in parts]
    if not parts or not all(phrases) or not all(number for number, _ in parts):
        return None
    target_phrase = _phrase(target)
    if any(look_up(phrase) is None for phrase in (*phrases, target_phrase)):
        return None
    amounts = [Amount(_number(number), phrase) for (number, _), phrase in zip(parts, phrases, strict=True)]
    _check_dimensions([*phrases, target_phrase])
    return Convert(tuple(amounts), target_phrase)


_Part = tuple[list[Token], list[Token]]
"""The tokens of a number and those of its unit."""


def _split_amounts(tokens: Sequence[Token]) -> list[_Part]:
    """Split "5 ft and 10 in" into numbers and units."""
    parts: list[_Part] = []
    for index, token in enumerate(tokens):
        word = token.text.lower()
        belongs_to_unit = bool(parts and parts[-1][1])
        if _starts_number(tokens, index) and not (belongs_to_unit and _is_exponent(tokens, index)):
            if not parts or belongs_to_unit:
                parts.append(([], []))
            parts[-1][0].append(token)
        elif word == "and" and belongs_to_unit and index + 1 < len(tokens):
            continue
        elif parts:
            parts[-1][1].append(token)
        else:
            return []
    return parts


def _starts_number(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    word = token.text.lower()
    if token.kind == "number" or word in NUMERALS or (word in ("a", "an") and index == 0):
        return True
    follows_number = index > 0 and tokens[index - 1].kind == "number"
    return token.text in _SIGNS and (index == 0 or (token.text == "/" and follows_number))


def _is_exponent(tokens: Sequence[Token], index: int) -> bool:
    """Tell whether a number belongs to a unit, as in m2 and m^2."""
    previous = tokens[index - 1]
    return previous.text == "^" or previous.end == tokens[index].start


def _phrase(tokens: Sequence[Token]) -> str:
    return " ".join(f"^ {token.text}" if token.kind == "power" else token.text for token in tokens)


def _number(tokens: Sequence[Token]) -> Expression:
    if _words(tokens) in (["a"], ["an"]):
        return Number("1")
    number = parse(fold(tokens))
    check_bounds(number)
    return number


def _check_dimensions(phrases: Sequence[str]) -> None:
    units = [unit for phrase in phrases if (unit := look_up(phrase)) is not None]
    for phrase, unit in zip(phrases, units, strict=True):
        if unit.dimension != units[-1].dimension:
            raise Refusal(
                f"'{phrase}' is a unit of {unit.dimension} and '{phrases[-1]}' one of {units[-1].dimension}"
            )
    if len(units) > 2 and units[0].dimension == "temperature":
        raise Refusal("temperatures cannot be added up")
