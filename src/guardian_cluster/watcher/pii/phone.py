"""Recognises telephone numbers: international ones that can exist, and national ones by their form or announcement.

Digits in groups are dates, quantities and references far more often than telephone numbers: that a number is
possible somewhere has a precision of .14 on synthetic letters. So an international number must be one that its
country assigns, a national one must have the form of North America or begin with the trunk "0" and be assigned in
one of `REGIONS`, and all others need a word before them that speaks of telephones.
"""

import re

from guardian_cluster.watcher.pii.card import Cards, may_be_card
from guardian_cluster.watcher.pii.digits import BLANKS, DASHES, Number, begins_word
from guardian_cluster.watcher.pii.found import Found, Kind
from guardian_cluster.watcher.pii.network_address import IPv4Addresses
from guardian_cluster.watcher.pii.phone_form import (
    EXTENSION,
    announced,
    ends,
    has_trunk_zero,
    is_decimal,
    is_international,
    is_north_american,
    is_something_else,
    is_told,
    may_stand_alone,
    without_trunk_zero,
)
from guardian_cluster.watcher.pii.social_security import SocialSecurityNumbers

_CODES = "GB44 FR33 DE49 NL31 BE32 CH41 SE46 AU61 IN91 JP81 ZA27"
REGIONS = {entry[:2]: int(entry[2:]) for entry in _CODES.split()}
"""Where national numbers are dialled with a leading zero and are looked up, with the country's code. Not in Italy and
Austria, whose numbers have nearly any length: there most groups of digits that begin with a zero are assigned."""

_MONEY = frozenset("$€£¥₹")
_SEPARATOR = f"[{re.escape(BLANKS + DASHES)}.]"
_JOINT = re.compile(
    rf"{_SEPARATOR}|/|\){_SEPARATOR}?|{_SEPARATOR}?\(|[{BLANKS}][{re.escape(DASHES)}][{BLANKS}]|\){_SEPARATOR}?\("
)
_LONGEST = 22
"""Characters without the extension: `WINDOW` is made for it."""
_CARD_BACK = 20
"""Characters from the start of a card to that of its last group; the words before it are within the look-back."""
_CARD_SEPARATORS = frozenset(BLANKS + DASHES + ".")
_GROUPS_BEFORE = re.compile(rf"(?:[0-9]+{_SEPARATOR})+\Z")
_FEWEST, _MOST = 7, 15
"""Digits: of a local number, and of any (ITU-T E.164)."""
_LONG = 11
"""Digits with their country's code: a "+" before so many is hardly ever a sign."""


class PhoneNumbers:
    """Telephone numbers with the extension that follows them."""

    kind: Kind = "phone"
    prefixed = True

    def __init__(self) -> None:
        import phonenumbers  # costs 60 ms and some megabytes, which only those pay who look for telephones

        self._library = phonenumbers
        self._card = Cards()
        self._others = (self._card, IPv4Addresses(), SocialSecurityNumbers())

    def read(self, number: Number) -> Found | None:
        """Return the telephone number that begins the number."""
        if not number.groups or number.before(1) in ("(", "+") or number.before(2).rstrip()[-1:] in _MONEY:
            return None
        said = announced(number)
        if not (said or may_stand_alone(number)) or self._is_other(number):
            return None
        for count in range(self._most_groups(number), 0, -1):
            if not ends(number, count):
                continue
            detail = self._of(number, count, said)
            if detail is not None:
                extension = EXTENSION.match(number.view, number.end(count), number.limit)
                end = extension.end() if extension else number.end(count)
                return Found(number.start, end, "phone", detail)
        return None

    def _most_groups(self, number: Number) -> int:
        digits = 0
        for n, ((start, end), length) in enumerate(zip(number.groups, number.lengths, strict=True)):
            digits += length
            if digits > _MOST or end - number.start > _LONGEST:
                return n
            if n and (
                _JOINT.fullmatch(number.between[n - 1]) is None or self._begins_card(number.view, start)
            ):
                return n
        return len(number.groups)

    def _is_other(self, number: Number) -> bool:
        """Return whether another kind of number begins here, or a card has begun and not ended before."""
        if any(other.read(number) for other in self._others):
            return True
        near = number.before(_CARD_BACK)
        groups = _GROUPS_BEFORE.search(near) if near[-1:] in _CARD_SEPARATORS else None
        first = number.start - len(near) + groups.start() if groups else number.start
        for start in range(first, number.start):
            if may_be_card(number.view, start) and begins_word(number.view, start):
                card = self._card.read(Number(number.view, start))
                if card is not None and card.end > number.start:
                    return True
        return False

    def _begins_card(self, view: str, start: int) -> bool:
        return may_be_card(view, start) and self._card.read(Number(view, start)) is not None

    def _of(self, number: Number, count: int, said: str) -> str | None:
        digits = number.digits(count)
        if not _FEWEST <= len(digits) <= _MOST:
            return None
        told = is_told(number, count, said)
        if is_international(number):
            return self._international(number, count, digits, told=told)
        if count > 1 and is_north_american(number, count, digits):
            return "NANP"
        if digits.startswith("00") and (count > 1 or told):
            return self._international(number, count, digits[2:], told=told)
        if told and not is_something_else(number, count):
            return "announced"
        return self._assigned(digits) if has_trunk_zero(number, count, digits) else None

    def _international(self, number: Number, count: int, digits: str, *, told: bool) -> str | None:
        if digits[0] == "0" or is_decimal(number, count):
            return None
        parsed = self._parse("+" + without_trunk_zero(number, count, digits))
        if parsed is None:
            return None
        if self._library.is_valid_number(parsed):
            return self._library.region_code_for_number(parsed) or "international"
        likely = told or count > 2 or len(digits) >= _LONG
        return "international" if likely and self._library.is_possible_number(parsed) else None

    def _assigned(self, digits: str) -> str | None:
        for region, code in REGIONS.items():
            number = self._library.PhoneNumber(country_code=code, national_number=int(digits))
            if self._library.is_valid_number_for_region(number, region):
                return region
        return None

    def _parse(self, text: str):
        try:
            return self._library.parse(text, None)
        except self._library.NumberParseException:
            return None
