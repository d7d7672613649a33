"""Private keys in PEM armour (RFC 7468; OpenSSH's and OpenPGP's alike): the one secret that spans lines."""

import re
from functools import cached_property

from guardian_cluster.domain.verdict import Action
from guardian_cluster.watcher import naming
from guardian_cluster.watcher.rule import Rule
from guardian_cluster.watcher.shape import RunOn, Tail

KIND = "private-key"

HEADS = ("-----BEGIN", "-----begin")

_LABEL = "[ A-Za-z0-9_]{0,60}"
_BODY = r"[A-Za-z0-9+/=\s:,.()\\-]"
"""Base64 and the headers that may stand before it; a backslash where line ends are written as source code does."""

_LETTER = r"[A-Za-z0-9+/=\s:,.()\\]"
_KEY = f"(?:{_LETTER}|-(?!----))"
"""A character of a key whose end is not known: five dashes begin its last line, or the first one of another key. So no
two keys overlap where they are told, however many first lines stand behind one another."""

_LEAST = 64
"""Characters after the first line that must look like a key. The shortest keys have 64 (Ed25519)."""

_LEAST_CLOSED = 32
"""Such characters of one whose last line comes sooner: keys in examples are cut short, or three dots."""

_HEADERS = rf"{_LABEL}(?:PRIVATE KEY(?: BLOCK)?|private key(?: block)?)-----"
_LAST_LINE = "(?:END|end)[ A-Za-z0-9_]{0,60}"
_END = f"-----{_LAST_LINE}-----"
_CUT_OFF = f"-----(?:E|EN|e|en|{_LAST_LINE}-{{0,4}})"
_ENDING = re.compile(rf"-{{1,5}}\Z|{_CUT_OFF}\Z")
_MARK = 80
"""Characters of the longest last line."""


class ArmouredKey(Tail):
    """What follows `-----BEGIN` where a private key does. It goes on to its last line, or to what is no key."""

    def __init__(self) -> None:
        super().__init__(())

    def run_on(self, text: str, at: int) -> RunOn:
        """Return up to where the key goes on, and whether more may follow."""
        if _ENDED.search(text, max(0, at - _MARK), at):
            return at, False
        end = _end(_RUN.match(text, at), at)
        closed = _CLOSED.search(text, at, end)
        if closed is not None:
            return closed.end(), False
        if end < len(text):
            return end, False
        opened = _ENDING.search(text, max(at, end - _MARK))
        return (opened.start() if opened else end), True

    @cached_property
    def _least(self) -> re.Pattern[str]:
        # It ends in no dash: what follows one may be four more.
        closed = f"{_KEY}{{{_LEAST_CLOSED},{_LEAST - 1}}}{_END}"
        return re.compile(f"{_HEADERS}(?:{_KEY}{{{_LEAST - 1},}}?{_LETTER}|{closed})")

    @cached_property
    def _open(self) -> re.Pattern[str]:
        words = ("PRIVATE KEY-----", "PRIVATE KEY BLOCK-----", "private key-----", "private key block-----")
        cut_off = "|".join({re.escape(word[:n]) for word in words for n in range(len(word))})
        last_line = f"{_KEY}{{{_LEAST_CLOSED},{_LEAST - 1}}}(?:-----|{_CUT_OFF})"
        return re.compile(rf"{_LABEL}(?:{cut_off})\Z|{_HEADERS}(?:{_KEY}{{0,{_LEAST + 3}}}|{last_line})\Z")


_RUN = re.compile(f"{_BODY}*")
_CLOSED = re.compile(_END)
_ENDED = re.compile(rf"{_END}\Z")


def _end(found: re.Match[str] | None, at: int) -> int:
    return found.end() if found else at


def rules(action: Action) -> list[Rule]:
    """Return the rules of private keys."""
    placeholder = naming.placeholder(KIND, ())
    return [Rule("secret", KIND, head, action, placeholder, ArmouredKey()) for head in HEADS]
