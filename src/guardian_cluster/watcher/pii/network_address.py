"""Recognises addresses of the Internet Protocol, version 4 and 6, that tell one host from others.

Left out are loopback and unspecified addresses and net masks, which name nobody, and numbers of versions.
"""

import ipaddress
import re

from guardian_cluster.watcher.pii.context import said_before, words
from guardian_cluster.watcher.pii.digits import Number, begins_word
from guardian_cluster.watcher.pii.found import OPEN, Answer, Found, Kind

_VERSION = re.compile(r"(?<![a-z])(?:v|ver\.?|versions?|releases?|sections?|chapters?|figures?|§)\W*$")
_ANNOUNCED = words(
    *(
        "ip",
        "ips",
        "ipv4",
        "address",
        "addresses",
        "host",
        "server",
        "dns",
        "ping",
        "subnet",
        "gateway",
        "router",
    ),
    *("adresse", "direccion", "dirección", "indirizzo", "adres", "адрес", "地址", "アドレス"),
)
_VERSION_REACH = 12


class IPv4Addresses:
    """Four octets in decimal, without leading zeros."""

    kind: Kind = "ip"
    prefixed = False

    def read(self, number: Number) -> Found | None:
        """Return the address that begins the number."""
        if (
            number.prefix
            or len(number.lengths) < 4
            or max(number.lengths[:4]) > 3
            or not number.alike(4, ".")
        ):
            return None
        if not number.ends_word(4) or said_before(number.view, number.start, _VERSION, _VERSION_REACH):
            return None
        text = number.view[number.start : number.end(4)]
        octets = text.split(".")
        if any(int(octet) > 255 or (octet[0] == "0" and len(octet) > 1) for octet in octets):
            return None
        if octets[0] in ("0", "127", "255"):
            return None
        if max(number.lengths[:4]) == 1 and not number.said(_ANNOUNCED):  # as numbers of sections are, too
            return None
        return Found(number.start, number.end(4), "ip", "v4")


_HEX = frozenset("0123456789abcdefABCDEF")
_WORD = frozenset("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_RUN_CHARACTERS = "0123456789abcdefABCDEF:"
_RUN = re.compile(r"[0-9A-Fa-f:.]+")
_BEGINS = re.compile(r"(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]")
_BEGINNING = re.compile(r"[0-9A-Fa-f]{1,4}|(?:[0-9A-Fa-f]{0,4}:){1,8}[0-9A-Fa-f.]{0,15}")
_LONGEST = 45
"""Eight groups of four, or six and four octets in decimal."""
_LEAST_DIGITS = 5
"""Slices and scopes of programs, `[::2]` and `a::b`, are written as short addresses are."""


class IPv6Addresses:
    """Groups in hexadecimal, shortened or not."""

    kind: Kind = "ip"

    def starts(self, view: str, base: int) -> list[int]:
        """Return where groups with colons start."""
        return [match.start() for match in _BEGINS.finditer(view, base)] if ":" in view else []

    def tail(self, view: str) -> int:
        """Return where hexadecimal digits and colons at the end start, when an address may begin with them."""
        if view[-1:] not in _HEX and view[-1:] != ":":
            return len(view)
        start = len(view[-_LONGEST - 1 :].rstrip(_RUN_CHARACTERS)) + max(0, len(view) - _LONGEST - 1)
        possible = len(view) - start <= _LONGEST and _begins(view, start)
        return start if possible and _BEGINNING.fullmatch(view, start) else len(view)

    def at(self, view: str, start: int, *, last: bool) -> Answer:
        """Return the address that starts here."""
        run = _RUN.match(view, start, start + _LONGEST + 1) if _begins(view, start) else None
        if run is None:
            return None
        text = run.group()
        if len(text) > _LONGEST:
            return None
        if run.end() == len(view) and not last:
            address = text.rstrip(":.")
            return OPEN if not address or _BEGINNING.fullmatch(address) else None
        end = start + len(text.rstrip("."))
        if view[end - 1] == ":" and view[end - 2 : end] != "::":
            end -= 1
        if view[end : end + 1] in _WORD or not _is_address(view[start:end]):
            return None
        return Found(start, end, "ip", "v6")


def _begins(view: str, start: int) -> bool:
    if view[start : start + 1] not in _HEX and view[start : start + 1] != ":":
        return False
    return begins_word(view, start) and (start == 0 or view[start - 1] not in ":.")


def _is_address(text: str) -> bool:
    if text.count(":") < 2 or sum(character in _HEX for character in text) < _LEAST_DIGITS:
        return False
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and any(c.isdigit() for c in text)
