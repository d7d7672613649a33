"""Owns the placeholders of one request: what stands for a text that is kept from models, until it is put back.

A placeholder such as `[email-1-bxkrwqzm]` names the kind, for a model writes better about something that it knows
the kind of; the number, for there may be several; and a nonce that is drawn when the request has arrived, so that
neither its texts nor an earlier answer can hold it. The nonce has no digits: with some it could look like a phone's.
"""

import random
import re
from collections.abc import Mapping

from guardian_cluster.watcher import naming
from guardian_cluster.watcher.patterns import Patterns
from guardian_cluster.watcher.rule import Rule

MAX_PLACEHOLDERS = 10_000
"""In one request; texts beyond these get the mark of their rule, and are not put back. They take 2 MB."""

NONCE_LETTERS = "bcdfghjkmnpqrstvwxz"
NONCE_CHARACTERS = 8
"""A guess is right once in 17 thousand million. A right one would only put the caller's own text before the caller."""

LONGEST = 48
"""Characters of a placeholder at most: a label of 24, a number of 5, the nonce, and the marks between them."""

PLACEHOLDER = re.compile(rf"\[[a-z0-9_][a-z0-9_-]{{0,{LONGEST - 3}}}\]")
"""What may be a placeholder."""

_OF_ANY_REQUEST = re.compile(
    rb"\[([a-z0-9_][a-z0-9_-]{0,23})-\d{1,5}-[%b]{%d}\]" % (NONCE_LETTERS.encode(), NONCE_CHARACTERS)
)
_TRIES = 4
_OPENING = re.compile(r"\[[a-z0-9_-]*\Z")


class Placeholders:
    """Gives each text one placeholder, always the same, and knows the text that it stands for.

    `exact` are the texts that may not be made by a placeholder and what stands around it.
    """

    def __init__(self, exact: Patterns, rng: random.Random, *, named_alike: bool = False) -> None:
        """Prepare for one request; `named_alike` says that it is to look the same each time it is sent."""
        self.originals: dict[str, str] = {}
        """By placeholder."""
        self._given: dict[str, str] = {}
        self._exact = exact
        self._rng = rng
        self._nonce = "" if named_alike else self.nonce()
        self._is_usable = all(may_stand_beside(rule.text) for rule in exact.rules)

    def nonce(self) -> str:
        """Draw letters that nobody knows before."""
        return "".join(self._rng.choices(NONCE_LETTERS, k=NONCE_CHARACTERS))

    def of(self, rule: Rule, original: str) -> str:
        """Return what stands for a text that a rule named."""
        known = self._given.get(original)
        if known is not None:
            return known
        placeholder = self._fresh(rule) if len(self.originals) < MAX_PLACEHOLDERS else None
        if placeholder is None:
            return rule.placeholder
        self._given[original] = placeholder
        self.originals[placeholder] = original
        return placeholder

    def _fresh(self, rule: Rule) -> str | None:
        """Return a placeholder that holds no rule's text; `None` where there is none, for rules are that short."""
        if not self._is_usable:
            return None
        number = len(self.originals) + 1
        for label in (naming.label(rule.name), "text"):
            for attempt in range(_TRIES):
                nonce = self._nonce if not attempt or not self._nonce else self.nonce()
                named = f"[{label}-{number}-{nonce}]" if nonce else f"[{label}-{number}]"
                if not self._exact.find(named):
                    return named
        return None


def may_stand_beside(text: str) -> bool:
    """Return whether no placeholder can begin or end a rule's text with what stands beside it."""
    return not text.startswith("]") and _OPENING.search(text) is None


def without_nonces(message: bytes) -> bytes:
    """Return an encoded message in which placeholders are the same in whichever request they were made."""
    return _OF_ANY_REQUEST.sub(rb"[\1]", message) if b"[" in message else message


def written_in_json(originals: Mapping[str, str]) -> dict[str, str]:
    """Return the texts as they stand in a JSON string: behind quotation marks, a backslash would break it."""
    return {placeholder: _escaped(text) for placeholder, text in originals.items()}


def _escaped(text: str) -> str:
    return "".join([_ESCAPES.get(character) or character for character in text])


_ESCAPES = {chr(code): f"\\u{code:04x}" for code in (*range(0x20), 0x7F, *range(0xD800, 0xE000))} | {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}
