"""Recognises social security numbers of the United States by the rules of their issuer.

Area, group and serial number are never zero, and no area is 666 or above 899 (Social Security Administration,
"Social Security Number Randomization", 2011). There is no check digit.
"""

from guardian_cluster.watcher.pii.context import words
from guardian_cluster.watcher.pii.digits import BLANKS, DASHES, Number
from guardian_cluster.watcher.pii.found import Found, Kind

_ANNOUNCED = words("ssn", "ssns", "ss#", r"social\s+security", r"social\s+sec", "socials?")


class SocialSecurityNumbers:
    """Numbers written 3-2-4 with dashes or blanks, and nine digits where a word announces them."""

    kind: Kind = "us_ssn"
    prefixed = False

    def read(self, number: Number) -> Found | None:
        """Return the social security number that begins the number."""
        if number.prefix:
            return None
        count = self._groups(number)
        if not count or not number.ends_word(count) or not _issued(number.digits(count)):
            return None
        return Found(number.start, number.end(count), "us_ssn", "US")

    def _groups(self, number: Number) -> int:
        if number.lengths[:3] == (3, 2, 4):
            if number.alike(3, DASHES):
                return 0 if _chained(number, DASHES) else 3
            if number.alike(3, BLANKS + "."):
                return 3 if number.said(_ANNOUNCED) or not _chained(number, BLANKS + ".") else 0
            return 0
        return 1 if number.lengths[:1] == (9,) and number.said(_ANNOUNCED) else 0


def _issued(digits: str) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _chained(number: Number, separators: str) -> bool:
    """Return whether other digits stand before or after it in the same way: then it is part of something else."""
    before, after = number.before(2), number.goes_on(3)
    return (before[:1].isdigit() and before[1:] in separators) or (after != "" and after[0] in separators)
