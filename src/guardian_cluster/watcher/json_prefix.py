"""Finds where a text that is being written stops being the beginning of JSON, or of JSON that keeps a schema.

RFC 8259 to the letter: no comments, no trailing commas, no `NaN`, no code fence. `schema_rules.py` says what of
a schema is held against the text while it is written; the whole schema is for the end (`schema.py`).
"""

import math
import re
from collections.abc import Callable
from typing import Any, Literal

from guardian_cluster.watcher.schema_prefix import LONGEST_KEPT, SchemaPrefix
from guardian_cluster.watcher.schema_rules import Kind, SchemaRules
from guardian_cluster.watcher.sensor import Sensor

MAX_DEPTH = 200
"""Objects and arrays within each other. Readers have limits of their own (RFC 8259, section 9)."""

BrokenRule = Literal["json", "object", "schema"]
"""What is broken: the grammar, that an object was wanted, or the schema."""

_BLANKS = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_DIGITS = re.compile(r"[0-9]+")
_HEX = frozenset("0123456789abcdefABCDEF")

_FEW = 16
"""Characters of a number that are kept; a schema's bounds are not held against longer ones."""

_KINDS: dict[str, Kind] = {
    "{": "object",
    "[": "array",
    '"': "string",
    "t": "boolean",
    "f": "boolean",
    "n": "null",
    **dict.fromkeys("-0123456789", "number"),
}
_LITERALS: dict[str, tuple[str, bool | None]] = {
    "t": ("rue", True),
    "f": ("alse", False),
    "n": ("ull", None),
}
"""By its first character, what goes on with a literal, and its value."""
_CLOSED_BY = {"{": "}", "[": "]"}

_NUMBER = {
    "-": {"0": "zero", **dict.fromkeys("123456789", "whole")},
    "zero": {".": "point", "e": "exponent", "E": "exponent"},
    "whole": {".": "point", "e": "exponent", "E": "exponent"},
    "point": dict.fromkeys("0123456789", "fraction"),
    "fraction": {"e": "exponent", "E": "exponent"},
    "exponent": {"+": "sign", "-": "sign", **dict.fromkeys("0123456789", "power")},
    "sign": dict.fromkeys("0123456789", "power"),
    "power": dict[str, str](),
}
"""What may follow each part of a number, less the digits that go on with a part."""

_WITH_DIGITS = frozenset(("whole", "fraction", "power"))
_COMPLETE = _WITH_DIGITS | {"zero"}


class _BrokenError(Exception):
    """The text breaks off being JSON at a position of the chunk."""

    def __init__(self, at: int, rule: BrokenRule = "json") -> None:
        super().__init__(at, rule)
        self.at = at
        self.rule: BrokenRule = rule


class JsonPrefix(Sensor):
    """Watches one channel that is to be JSON. Where it breaks depends on the text alone, not on how it was cut.

    A `SchemaRules` may be shared by many; a schema by itself is read anew. What it keeps is bounded by the
    depth and the schema, whatever the length of the text.
    """

    def __init__(
        self, schema: dict[str, Any] | bool | SchemaRules | None = None, *, must_be_object: bool = False
    ) -> None:
        self.rule = None
        rules = schema if isinstance(schema, SchemaRules) or schema is None else SchemaRules(schema)
        self._schema = None if rules is None else SchemaPrefix(rules)
        self._must_be_object = must_be_object
        self._read = 0
        self._open: list[str] = []
        self._next: Callable[[JsonPrefix, str, int], int] = JsonPrefix._value
        self._token = ""  # the literal, or what was read of the number
        self._part = ""  # of a number
        self._due = ""  # of a literal
        self._is_name = False
        self._kept: list[str] | None = None  # of a string, where the schema wants to know
        self._size = 0
        self._length, self._longest = 0, math.inf  # of a string
        self._hex = ""  # of an escape
        self._after_high = False  # whether the last character was the first half of a surrogate pair

    @property
    def is_whole(self) -> bool:
        """Whether what was read is a JSON document."""
        ended_number = self._next is JsonPrefix._in_number and self._part in _COMPLETE
        return not self._open and (self._next is JsonPrefix._after or ended_number)

    def feed(self, text: str) -> int | None:
        """Return how many characters of the channel show that it is broken, else `None`; `rule` says what is.

        What stands before the last of them is the beginning of some JSON. After a finding it is fed no more.
        """
        at, size = 0, len(text)
        try:
            while at < size:
                at = self._next(self, text, at)
        except _BrokenError as broken:
            self.rule = broken.rule
            return self._read + broken.at + 1
        self._read += size
        return None

    def _value(self, text: str, at: int) -> int:
        at = _skip(text, at)
        return at if at == len(text) else self._begin(text[at], at)

    def _first_item(self, text: str, at: int) -> int:
        at = _skip(text, at)
        return at if at == len(text) else self._end(at) if text[at] == "]" else self._begin(text[at], at)

    def _first_name(self, text: str, at: int) -> int:
        at = _skip(text, at)
        return at if at == len(text) else self._end(at) if text[at] == "}" else self._begin_name(text[at], at)

    def _name(self, text: str, at: int) -> int:
        at = _skip(text, at)
        return at if at == len(text) else self._begin_name(text[at], at)

    def _colon(self, text: str, at: int) -> int:
        at = _skip(text, at)
        if at == len(text):
            return at
        if text[at] != ":":
            raise _BrokenError(at)
        self._next = JsonPrefix._value
        return at + 1

    def _after(self, text: str, at: int) -> int:
        """Read what follows a value."""
        at = _skip(text, at)
        if at == len(text):
            return at
        if not self._open:
            raise _BrokenError(at)
        if text[at] == _CLOSED_BY[self._open[-1]]:
            return self._end(at)
        if text[at] != ",":
            raise _BrokenError(at)
        self._next = JsonPrefix._name if self._open[-1] == "{" else JsonPrefix._value
        return at + 1

    def _begin(self, first: str, at: int) -> int:
        kind = _KINDS.get(first)
        if kind is None or (kind in ("object", "array") and len(self._open) >= MAX_DEPTH):
            raise _BrokenError(at)
        if self._must_be_object and not self._open and kind != "object":
            raise _BrokenError(at, "object")
        if self._schema is not None and self._schema.begins(kind):
            raise _BrokenError(at, "schema")
        if kind == "string":
            self._begin_string(is_name=False)
        elif kind == "number":
            self._part = "-" if first == "-" else _NUMBER["-"][first]
            self._token, self._next = first, JsonPrefix._in_number
        elif first in _LITERALS:
            self._token, self._due, self._next = first, _LITERALS[first][0], JsonPrefix._in_literal
        else:
            self._open.append(first)
            self._next = JsonPrefix._first_name if first == "{" else JsonPrefix._first_item
        return at + 1

    def _end(self, at: int) -> int:
        if self._schema is not None and self._schema.ends():
            raise _BrokenError(at, "schema")
        self._open.pop()
        self._next = JsonPrefix._after
        return at + 1

    def _begin_name(self, first: str, at: int) -> int:
        if first != '"':
            raise _BrokenError(at)
        self._begin_string(is_name=True)
        return at + 1

    def _begin_string(self, *, is_name: bool) -> None:
        self._is_name = is_name
        self._next = JsonPrefix._in_string
        schema = self._schema
        if schema is not None:
            is_kept = schema.wants_name() if is_name else schema.value.scalars is not None
            self._kept = [] if is_kept else None
            self._length, self._longest = 0, math.inf if is_name else schema.value.length_range[1]
            self._size, self._after_high = 0, False

    def _in_string(self, text: str, at: int) -> int:
        found = _PLAIN.match(text, at)
        if found is not None:
            if self._schema is not None:
                self._take(found[0], found.end() - at, at)
                self._after_high = False
            at = found.end()
            if at == len(text):
                return at
        if text[at] == "\\":
            self._next = JsonPrefix._in_escape
        elif text[at] == '"':
            self._end_string(at)
        else:
            raise _BrokenError(at)
        return at + 1

    def _in_escape(self, text: str, at: int) -> int:
        if text[at] == "u":
            self._hex, self._next = "u", JsonPrefix._in_hex
        elif text[at] in '"\\/bfnrt':
            self._end_escape(text[at], at)
        else:
            raise _BrokenError(at)
        return at + 1

    def _in_hex(self, text: str, at: int) -> int:
        if text[at] not in _HEX:
            raise _BrokenError(at)
        self._hex += text[at]
        if len(self._hex) == 5:
            self._end_escape(self._hex, at)
        return at + 1

    def _end_escape(self, escape: str, at: int) -> None:
        self._next = JsonPrefix._in_string
        if self._schema is None:
            return
        unit = int(escape[1:], 16) if len(escape) == 5 else 0
        is_second = self._after_high and 0xDC00 <= unit < 0xE000
        self._after_high = 0xD800 <= unit < 0xDC00
        self._take(f"\\{escape}", 0 if is_second else 1, at)

    def _take(self, raw: str, characters: int, at: int) -> None:
        """Take in more of a string for its schema; the characters end with the one at `at` or begin there."""
        if self._length + characters > self._longest:
            raise _BrokenError(at + max(0, int(self._longest) - self._length), "schema")
        self._length += characters
        if self._kept is not None:
            self._kept.append(raw)
            self._size += len(raw)
            if self._size > LONGEST_KEPT:
                self._kept = None

    def _end_string(self, at: int) -> None:
        self._next = JsonPrefix._colon if self._is_name else JsonPrefix._after
        schema = self._schema
        if schema is None:
            return
        raw = None if self._kept is None else "".join(self._kept)
        if schema.named(raw) if self._is_name else schema.string(raw, self._length):
            raise _BrokenError(at, "schema")

    def _in_number(self, text: str, at: int) -> int:
        following = _NUMBER[self._part].get(text[at])
        end = at + 1
        if following is None:
            digits = _DIGITS.match(text, at) if self._part in _WITH_DIGITS else None
            if digits is None:
                return self._end_number(at)
            end = digits.end()
        else:
            self._part = following
        if len(self._token) < _FEW:
            self._token += text[at : min(end, at + _FEW)]
        return end

    def _end_number(self, at: int) -> int:
        """Take in that a number ends before a position, which is not read here."""
        if self._part not in _COMPLETE:
            raise _BrokenError(at)
        if self._schema is not None and self._schema.number(self._token):
            raise _BrokenError(at, "schema")
        self._next = JsonPrefix._after
        return at

    def _in_literal(self, text: str, at: int) -> int:
        if text[at] != self._due[0]:
            raise _BrokenError(at)
        self._due = self._due[1:]
        if not self._due:
            value = _LITERALS[self._token][1]
            if self._schema is not None and self._schema.literal(_KINDS[self._token], value):
                raise _BrokenError(at, "schema")
            self._next = JsonPrefix._after
        return at + 1


def _skip(text: str, at: int) -> int:
    if text[at] > " ":
        return at
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()
