"""Recognises addresses of electronic mail in ASCII letters, with a domain that can exist.

The local part is letters, digits and `._%+-`, at most 64 (RFC 5321, 4.5.3.1.1), so what a text ends in may be the
beginning of an address: as much of a word is held. Addresses in other scripts and quoted local parts are not found.
"""

import re

from guardian_cluster.watcher.pii.found import OPEN, Answer, Found, Kind

LOCAL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+-"
"""Characters of a local part that are looked for; RFC 5322 allows others, which hardly any host does."""
PUNCTUATION = ".%+-"
"""What a local part holds but does not begin with."""
LONGEST_LOCAL = 64
_LONGEST_DOMAIN = 100
"""Of the 253 that exist: what is held after an "@"."""

_DOMAIN = re.compile(r"[A-Za-z0-9.-]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z")
_TOP_LEVELS = """
com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel cat tel post asia arpa app
dev page blog cloud online site store shop tech xyz club live life world email mail work works agency
company digital group media network news one solutions space studio support systems team today tools top
website wiki zone academy art bank berlin bio build business care center chat church city coach consulting
design doctor energy engineer estate events expert family farm finance fitness foundation fun fund games
global gmbh green guru health help home hospital hotel house inc institute law legal link ltd llc london
love management market marketing money nyc paris partners photo photography plus press productions
realestate red restaurant rocks run sale school science security services social software tax technology
training university vip vision zero google amazon local internal lan corp intranet example test
"""
"""Top-level domains of more than two letters. Any two letters are a country's; what merely looks like a domain,
as an attribute in a program, ends in others."""
_GENERIC = frozenset(_TOP_LEVELS.split())

_FUNCTIONAL = ("git",)
"""Local parts that are no person's: addresses of repositories have this form."""


class EmailAddresses:
    """Addresses whose top-level domain is known."""

    kind: Kind = "email"

    def starts(self, view: str, base: int) -> list[int]:
        """Return where the words before an "@" start."""
        starts: list[int] = []
        at = view.find("@", base)
        while at >= 0:
            start = _local_start(view, at)
            if base <= start < at:
                starts.append(start)
            at = view.find("@", at + 1)
        return starts

    def tail(self, view: str) -> int:
        """Return where the word at the end starts: an "@" may follow."""
        return _local_start(view, len(view))

    def at(self, view: str, start: int, *, last: bool) -> Answer:
        """Return the address that starts here."""
        end = _local_end(view, start)
        if end is None:
            return None
        size = len(view)
        if end == size:
            return None if last else OPEN
        if view[end] != "@":
            return None
        domain = _DOMAIN.match(view, end + 1, end + 2 + _LONGEST_DOMAIN)
        reached = domain.end() if domain else end + 1
        if reached - end - 1 > _LONGEST_DOMAIN or view[start:end].lower() in _FUNCTIONAL:
            return None
        if reached == size and not last:
            return OPEN
        name = _domain_in(view[end + 1 : reached])
        return Found(start, end + 1 + len(name), "email", "") if name else None


def _local_start(view: str, end: int) -> int:
    """Return where the local part that ends here starts; `end` if there is none, or it is too long."""
    first = max(0, end - LONGEST_LOCAL - 1)
    near = view[first:end]
    outside = len(near.rstrip(LOCAL))
    run = near[outside:]
    return end if len(run) > LONGEST_LOCAL else end - len(run.lstrip(PUNCTUATION))


def _local_end(view: str, start: int) -> int | None:
    """Return where the local part that starts here ends; `None` if none starts here, or it is too long."""
    near = view[start : start + LONGEST_LOCAL + 1]
    length = len(near) - len(near.lstrip(LOCAL))
    end = start + length
    return end if length and _local_start(view, end) == start else None


def _domain_in(text: str) -> str:
    """Return the longest beginning of the text that is a domain with a known top level; empty if none is."""
    labels = text.rstrip(".-").split(".")
    valid = next((n for n, label in enumerate(labels) if not _LABEL.match(label)), len(labels))
    while valid >= 2 and not _known(labels[valid - 1]):
        valid -= 1
    return ".".join(labels[:valid]) if valid >= 2 else ""


def _known(label: str) -> bool:
    lower = label.lower()
    return (len(lower) == 2 and lower.isalpha()) or lower in _GENERIC or lower.startswith("xn--")
