"""Recognises numbers of payment cards: an issuer's prefix and length (ISO/IEC 7812), and the Luhn digit."""

import re
from typing import NamedTuple

from guardian_cluster.watcher.pii.context import words
from guardian_cluster.watcher.pii.digits import BLANKS, DASHES, Number
from guardian_cluster.watcher.pii.found import Found, Kind

_ANNOUNCED = words(
    *("cards?", "cc", "credit", "debit", "visa", "maestro", "mastercard", "amex", "pan", "carte", "karte"),
    *(
        "kreditkarte",
        "tarjeta",
        "carta",
        "kaart",
        "karta",
        "cartao",
        "cartão",
        "卡",
        "カード",
        "카드",
        "карт",
    ),
)

_SHAPES = ((4, 4, 4, 4, 3), (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4), (8, 8))
"""How the numbers are printed in groups. Other groups would make every fourth table of numbers hold a card."""

_SEPARATORS = BLANKS + DASHES + "."
_FRACTION = re.compile(r"(?<![0-9])[0-9]{1,2},\Z")
_PLAIN = range(12, 20)
_FIRST_GROUP = re.compile(r"(?:[0-9]{4}|[0-9]{8}|[0-9]{12,19})(?![0-9])")
"""All of `_PLAIN`, and what `_SHAPES` begin with."""


class Issuer(NamedTuple):
    """Numbers whose first `len(low)` digits are in `low` to `high`, of one of the lengths."""

    name: str
    low: str
    high: str
    lengths: tuple[int, ...]
    alone: tuple[int, ...]
    """The lengths that need no word: many other numbers have 12, 13, or 17 digits and more, and one of ten passes
    the Luhn test."""


_ANY = tuple(range(12, 20))
_ISSUERS = (
    Issuer("visa", "4", "4", (13, 16, 19), (16,)),
    Issuer("mastercard", "51", "55", (16,), (16,)),
    Issuer("mastercard", "2221", "2720", (16,), (16,)),
    Issuer("american-express", "34", "34", (15,), (15,)),
    Issuer("american-express", "37", "37", (15,), (15,)),
    Issuer("diners-club", "300", "305", (14, 16, 19), (14, 16)),
    Issuer("diners-club", "36", "36", (14, 16, 19), (14, 16)),
    Issuer("diners-club", "38", "39", (14, 16, 19), (14, 16)),
    Issuer("discover", "6011", "6011", (16, 19), (16,)),
    Issuer("discover", "644", "659", (16, 19), (16,)),
    Issuer("jcb", "3528", "3589", (16, 19), (16,)),
    Issuer("jcb", "1800", "1800", (15,), ()),
    Issuer("jcb", "2131", "2131", (15,), ()),
    Issuer("unionpay", "62", "62", (16, 17, 18, 19), (16,)),
    Issuer("mir", "2200", "2204", (16, 17, 18, 19), (16,)),
    Issuer("rupay", "60", "60", (16,), (16,)),
    Issuer("rupay", "81", "82", (16,), ()),
    Issuer("troy", "9792", "9792", (16,), (16,)),
    Issuer("maestro", "50", "50", _ANY, ()),
    Issuer("maestro", "56", "59", _ANY, ()),
    Issuer("maestro", "60", "69", _ANY, ()),
    Issuer("other", "3", "6", _ANY, ()),
)


def luhn(digits: str) -> bool:
    """Return whether the last digit is the Luhn digit of the others."""
    doubled = sum(int("0246813579"[int(digit)]) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[-1::-2]))) % 10 == 0


def may_be_card(view: str, start: int) -> bool:
    """Return whether a first group of digits is as long as a card's; this is cheap, and rules out most numbers."""
    return _FIRST_GROUP.match(view, start) is not None


def issuer_of(digits: str) -> Issuer | None:
    """Return who issues cards of this prefix and length, the most specific one first in the table."""
    for issuer in _ISSUERS:
        if len(digits) in issuer.lengths and issuer.low <= digits[: len(issuer.low)] <= issuer.high:
            return issuer
    return None


class Cards:
    """Cards in one run of digits or in printed groups, whatever other groups stand before or after them."""

    kind: Kind = "card"
    prefixed = False

    def read(self, number: Number) -> Found | None:
        """Return the card that begins the number."""
        if number.prefix:
            return None
        for count in _counts(number):
            found = _card_of(number, count)
            if found is not None:
                return found
        return None


def _counts(number: Number) -> list[int]:
    """Return how many of the first groups may be a card, the longest first."""
    lengths = number.lengths
    if lengths and lengths[0] in _PLAIN:
        return [1]
    shapes = [shape for shape in _SHAPES if lengths[: len(shape)] == shape]
    return [len(shape) for shape in shapes if number.alike(len(shape), _SEPARATORS)]


def _card_of(number: Number, count: int) -> Found | None:
    digits = number.digits(count)
    issuer = issuer_of(digits)
    if issuer is None or not luhn(digits) or not number.ends_word(count):
        return None
    certain = len(digits) in issuer.alone and not (count == 1 and _is_fraction(number))
    if not certain and not number.said(_ANNOUNCED):
        return None
    return Found(number.start, number.end(count), "card", issuer.name)


def _is_fraction(number: Number) -> bool:
    """Return whether the digits follow a decimal comma, as some languages write it, and not one of a list."""
    return _FRACTION.search(number.before(4)) is not None
