"""Recognises international bank account numbers: a country's length and the check modulo 97 (ISO 13616)."""

import re

from guardian_cluster.watcher.pii.digits import BLANKS, DASHES, begins_word
from guardian_cluster.watcher.pii.found import OPEN, Answer, Found, Kind

_COUNTRIES = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30"
)
LENGTHS = {entry[:2]: int(entry[2:]) for entry in _COUNTRIES.split()}
"""Length by country, from the registry of SWIFT (release 99)."""

_BEGINS = re.compile(r"(?<![A-Za-z0-9_])[A-Za-z]{2}[0-9]{2}")
_BEGINNING = re.compile(r"[A-Za-z]{1,2}|[A-Za-z]{2}[0-9]")
_BETWEEN = BLANKS + DASHES
_CHARACTERS = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Ibans:
    """Account numbers in one word or in groups, capitals or not."""

    kind: Kind = "iban"

    def starts(self, view: str, base: int) -> list[int]:
        """Return where two letters and two digits start a word."""
        return [m.start() for m in _BEGINS.finditer(view, base) if m.group()[:2].upper() in LENGTHS]

    def tail(self, view: str) -> int:
        """Return where up to two letters and a digit at the end start a word."""
        size = len(view)
        if view[-1:] not in _CHARACTERS:
            return size
        for start in range(max(0, size - 3), size):
            if _BEGINNING.fullmatch(view, start) and begins_word(view, start):
                return start if view[start : start + 2].upper() in LENGTHS or size - start == 1 else size
        return size

    def at(self, view: str, start: int, *, last: bool) -> Answer:
        """Return the account number that starts here."""
        if not begins_word(view, start):
            return None
        if _BEGINS.match(view, start) is None:
            return OPEN if not last and self.tail(view) == start else None
        country = view[start : start + 2].upper()
        end = _end_of(view, start, LENGTHS[country]) if country in LENGTHS else None
        if end is None:
            return None
        if end == len(view) and not last:
            return OPEN
        whole = "".join(filter(_CHARACTERS.__contains__, view[start:end]))
        if len(whole) < LENGTHS[country] or view[end : end + 1] in _CHARACTERS or not checked(whole):
            return None
        return Found(start, end, "iban", country)


def _end_of(view: str, start: int, length: int) -> int | None:
    """Return where so many letters and digits end, or the text; `None` if something else comes between them.

    Groups have two characters at least and are parted by one separator, so that little of other words is held.
    """
    count, group, at = 0, 0, start
    for at in range(start, min(len(view), start + 2 * length)):
        if view[at] in _CHARACTERS:
            count, group = count + 1, group + 1
        elif view[at] in _BETWEEN and group >= 2:
            group = 0
        else:
            return None
        if count == length:
            return at + 1
    return at + 1 if at + 1 == len(view) else None


def checked(account: str) -> bool:
    """Return whether an account number without separators passes the check modulo 97."""
    turned = account[4:] + account[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
