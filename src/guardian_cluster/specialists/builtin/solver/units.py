"""Which unit a phrase names, and which phrases name several and are therefore refused."""

from typing import Final

from guardian_cluster.specialists.builtin.solver.refusal import Refusal
from guardian_cluster.specialists.builtin.solver.unit_table import SYMBOLS, WORDS, Dimension, Unit

_GALLONS = "the US and the imperial one differ; say 'US' or 'imperial' before it"

_SPOONS = "they differ between countries; say 'US' before it, or give millilitres"

_DATA_CASE = (
    "bits and bytes, and powers of 1000 and 1024, look alike; write kB, MB, GB (decimal) or KiB, MiB, GiB"
)

AMBIGUOUS: Final[dict[str, str]] = {
    **dict.fromkeys(("ton", "tons"), "say 'metric tons', 'short tons' (US) or 'long tons' (UK)"),
    **dict.fromkeys(("gallon", "gallons", "gal", "quart", "quarts", "pint", "pints"), _GALLONS),
    **dict.fromkeys(("fluid ounce", "fluid ounces", "fl oz"), _GALLONS),
    **dict.fromkeys(("cup", "cups"), "say 'US cups' or 'metric cups'"),
    **dict.fromkeys(("tablespoon", "tablespoons", "tbsp", "teaspoon", "teaspoons", "tsp"), _SPOONS),
    **dict.fromkeys(("calorie", "calories"), "food calories are kilocalories; write 'cal' or 'kcal'"),
    **dict.fromkeys(("month", "months", "year", "years"), "their lengths vary; give days"),
    **dict.fromkeys(("KB", "kb", "mb", "gb", "tb", "Kb", "Mb", "Gb", "Tb"), _DATA_CASE),
}
"""Phrases with more than one meaning, and what to write instead."""

_SQUARE, _CUBIC = ("square", "sq"), ("cubic", "cu")

_RAISED = {"^ 2": 2, "2": 2, "squared": 2, "^ 3": 3, "3": 3, "cubed": 3}


def look_up(phrase: str) -> Unit | None:
    """Return the unit a phrase names, or None if it names none.

    The phrase is the unit's tokens joined by single spaces, such as `km / h` or `square meters`. Raises
    `Refusal` when the phrase has several meanings.
    """
    if phrase in AMBIGUOUS or (phrase.lower() in AMBIGUOUS and phrase not in SYMBOLS):
        advice = AMBIGUOUS.get(phrase) or AMBIGUOUS[phrase.lower()]
        raise Refusal(f"the unit '{phrase}' can mean several things: {advice}")
    unit = SYMBOLS.get(phrase) or WORDS.get(phrase.lower())
    return unit or _quotient(phrase) or _power(phrase)


def show(phrase: str) -> str:
    """Return a unit as the person wrote it, or its symbol where that was a letter or a power."""
    unit = look_up(phrase)
    if unit is not None and (len(phrase) == 1 or phrase[-1].isdigit()):
        return unit.symbol
    return phrase.replace(" / ", "/").replace(" ^ ", "^").replace("° ", "°")


def _quotient(phrase: str) -> Unit | None:
    """Compose speeds from a length and a time."""
    for separator in (" / ", " per "):
        above, found, below = phrase.partition(separator)
        if found and "/" not in below and " per " not in below:
            length, time = look_up(above), look_up(below)
            if length and time and length.dimension == "length" and time.dimension == "time":
                return Unit(f"{length.symbol}/{time.symbol}", "speed", length.factor / time.factor)
    return None


def _power(phrase: str) -> Unit | None:
    """Compose areas and volumes from a length."""
    first, _, rest = phrase.partition(" ")
    if first.lower() in _SQUARE + _CUBIC:
        return _raised(rest, 2 if first.lower() in _SQUARE else 3)
    return _raised(first, _RAISED[rest.lower()]) if rest.lower() in _RAISED else None


def _raised(name: str, exponent: int) -> Unit | None:
    length = SYMBOLS.get(name) or WORDS.get(name.lower())
    if length is None or length.dimension != "length":
        return None
    dimension: Dimension = "area" if exponent == 2 else "volume"
    return Unit(f"{length.symbol}^{exponent}", dimension, length.factor**exponent)
