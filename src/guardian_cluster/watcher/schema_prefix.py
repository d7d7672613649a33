"""Whether a JSON value that is being written has already broken its schema; it is told of each step."""

import json
import math

from guardian_cluster.watcher.schema_rules import ANYTHING, Kind, Rules, SchemaRules

LONGEST_KEPT = 1_024
"""Characters of a string, as written, that are kept to be compared with what a schema lists."""

_EXACT_DIGITS = 15
"""Numbers of more characters may differ from how a checker reads them, and are left to it."""


class _Open:
    """An object or array that is being written."""

    __slots__ = ("count", "items", "next", "required", "rules", "sure")

    def __init__(self, rules: Rules, items: Rules | None) -> None:
        self.rules = rules
        self.items = items  # of an array, what is asked of each
        self.count = 0
        self.next = ANYTHING  # of an object, what is asked of the next value
        self.required = rules.required  # what an object still lacks
        self.sure = True  # whether every name was short enough to be known


class SchemaPrefix:
    """Follows one value. Its methods return whether the schema is broken; what they are not told of is not."""

    def __init__(self, rules: SchemaRules) -> None:
        self.value = ANYTHING
        """What is asked of the value that was begun last."""
        self._rules = rules
        self._root = rules.of(rules.root)
        self._open: list[_Open] = []

    def begins(self, kind: Kind) -> bool:
        """Take in that a value begins. An object or array is open from here on."""
        too_many = False
        if not self._open:
            value = self._root
        else:
            inside = self._open[-1]
            value = inside.next if inside.items is None else inside.items
            inside.count += 1
            too_many = inside.items is not None and inside.count > inside.rules.items_range[1]
        self.value = value
        if kind in ("object", "array"):
            self._open.append(_Open(value, self._rules.of_items(value) if kind == "array" else None))
        return too_many or kind not in value.kinds

    def ends(self) -> bool:
        """Take in that the innermost object or array ends."""
        ended = self._open.pop()
        if ended.items is not None:
            return ended.count < ended.rules.items_range[0]
        return ended.sure and bool(ended.required)

    def wants_name(self) -> bool:
        """Return whether the name of the next property makes a difference."""
        rules = self._open[-1].rules
        return bool(rules.shapes or rules.required)

    def named(self, raw: str | None) -> bool:
        """Take in the name of a property, as written; `None` where it was not kept, or was too long."""
        inside = self._open[-1]
        if raw is None:
            inside.sure, inside.next = False, ANYTHING
            return False
        name = _read(raw)
        if name in inside.required:
            inside.required -= {name}
        inside.next = self._rules.of_property(inside.rules, name)
        return not inside.rules.allows_name(name)

    def string(self, raw: str | None, length: int) -> bool:
        """Take in that a string ends, with what it reads, as written, where that was kept."""
        if length < self.value.length_range[0]:
            return True
        return raw is not None and self._is_unlisted("string", _read(raw))

    def number(self, text: str) -> bool:
        """Take in that a number ends."""
        if self.value is ANYTHING or len(text) > _EXACT_DIGITS:
            return False
        number = float(text) if "." in text or "e" in text or "E" in text else int(text)
        if math.isinf(number):
            return False
        return not self.value.allows_number(number) or self._is_unlisted("number", number)

    def literal(self, kind: Kind, value: bool | None) -> bool:
        """Take in that `true`, `false` or `null` ends."""
        return self._is_unlisted(kind, value)

    def _is_unlisted(self, kind: Kind, value: object) -> bool:
        return self.value.scalars is not None and (kind, value) not in self.value.scalars


def _read(raw: str) -> str:
    return raw if "\\" not in raw else json.loads(f'"{raw}"')
