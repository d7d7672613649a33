"""Finds words for units of measurement."""

import re

FAMILIES: tuple[dict[str, str], ...] = (
    {"second": "second", "minute": "minute", "hour": "hour", "day": "day", "daily": "day", "week": "week",
     "weekly": "week", "month": "month", "monthly": "month", "year": "year", "yearly": "year", "annual": "year"},
    {"inch": "inch", "inche": "inch", "foot": "foot", "feet": "foot", "yard": "yard", "mile": "mile", "km": "km",
     "kilometer": "km", "kilometre": "km", "meter": "m", "metre": "m", "cm": "cm", "centimeter": "cm", "mm": "mm"},
    {"cent": "cent", "penny": "cent", "pennie": "cent", "dollar": "dollar", "euro": "euro", "pound": "pound"},
    {"gram": "g", "kg": "kg", "kilogram": "kg", "ounce": "oz", "oz": "oz", "ton": "t", "lb": "lb"},
    {"liter": "l", "litre": "l", "ml": "ml", "milliliter": "ml", "gallon": "gallon", "quart": "quart",
     "pint": "pint", "cup": "cup"},
)  # fmt: skip
"""Words for units, in the singular, that measure the same."""

_WORD = re.compile(r"[^\W\d_]{2,20}")
_UNITS = {form: unit for family in FAMILIES for word, unit in family.items() for form in (word, f"{word}s")}


def units_in(text: str) -> frozenset[str]:
    """Return the units that a text in lower case speaks of, singular or plural."""
    return frozenset([_UNITS[word] for word in _WORD.findall(text) if word in _UNITS])


def unit_of(word: str) -> str | None:
    """Return the unit that a word in lower case stands for."""
    return _UNITS.get(word)
