"""How much work it is at most to check an answer against a schema, told without doing it.

A schema may apply many others to the same value (`allOf`, `anyOf`, `$ref`, ...), each of them as many again:
thirty levels of two make 2^30 checks. So the checks of one value so many levels down are counted first, for
each level that the answer has.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import unquote

Node = Any
"""A schema: an object, or `true` or `false`."""

MAX_NODES = 2_000
MAX_REFERENCES = 200
MAX_PATTERNS = 8
MAX_DEPTH = 32
"""Of a schema that is compiled. Compiling takes up to 7 µs for a reference and 60 µs for a pattern."""

MAX_STEPS = 2_000
_STEPS_FOR_NEW = 4
"""Steps of counting for one answer, 1 µs each. What was counted is kept: a large schema is known after a few
answers."""

MAX_EFFORT = 100_000
"""Checks of one answer: 2 ms at 20 ns each."""

_PATTERN_EFFORT = 100
"""A hostile pattern takes 2 µs for each character it is tried on."""

_UNBOUNDED = frozenset(
    {
        *("unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef", "$dynamicAnchor"),
        *("$recursiveAnchor", "$anchor"),
    }
)
"""Keywords whose compiling grows exponentially with references, or whose references depend on the way they
are reached."""

_SAME_VALUE = ("not", "if", "then", "else")
_SAME_VALUE_LISTS = ("allOf", "anyOf", "oneOf")
_SAME_VALUE_MAPS = ("dependentSchemas", "dependencies")


class TooMuch(Exception):
    """Counting would itself be too much work, or cannot be done."""


class Effort:
    """The work that checking against one schema may be."""

    def __init__(self, schema: Node) -> None:
        patterns = _patterns_if_small(schema)
        self.is_bounded = patterns is not None
        self._counts = [_Count(schema, _checks_of), _Count(schema if patterns else True, _patterns_of)]

    def is_cheap(self, answer: Any) -> bool:
        """Return whether an answer can be checked with at most `MAX_EFFORT`."""
        checks, patterns = self._counts
        effort, steps = 0.0, MAX_STEPS
        try:
            for depth, (values, characters) in enumerate(_levels(answer)):
                checks.steps = patterns.steps = steps
                effort += values * checks.of_root(depth)
                effort += characters * patterns.of_root(depth) * _PATTERN_EFFORT
                steps = min(checks.steps, patterns.steps)
                if effort > MAX_EFFORT or depth > MAX_DEPTH:
                    return False
        except (TooMuch, RecursionError):
            for count in self._counts:
                count.forget_unfinished()
            return False
        return True


class _Count:
    """Counts how much of what `weigh` says of one schema is done to a value, by all that apply to it."""

    def __init__(self, root: Node, weigh: Callable[[dict[str, Any]], float]) -> None:
        self.steps = 0
        self._root = root
        self._weigh = weigh
        self._known: dict[tuple[int, int], float] = {}  # by schema and levels below it

    def of_root(self, depth: int) -> float:
        """Return the count for one value so many levels below the answer's top."""
        return self._of(self._root, depth)

    def forget_unfinished(self) -> None:
        """Forget what a count that was given up left behind."""
        self._known = {key: count for key, count in self._known.items() if count != math.inf}

    def _of(self, node: Node, depth: int) -> float:
        if not isinstance(node, dict):
            return self._weigh({}) if depth == 0 else 0
        schema = cast("dict[str, Any]", node)
        key = (id(schema), depth)
        self.steps -= 1
        if self.steps < 0:
            raise TooMuch
        if key not in self._known:
            self.steps -= _STEPS_FOR_NEW
            self._known[key] = math.inf  # met again before it is known, it applies itself to the same value
            total = sum(self._of(each, depth) for each in self._same_value(schema))
            self._known[key] = total + (self._inside(schema, depth - 1) if depth else self._weigh(schema))
        return self._known[key]

    def _inside(self, schema: dict[str, Any], depth: int) -> float:
        one, every = _of_objects(schema)
        of_objects = self._largest(one, depth) + sum(self._of(each, depth) for each in every)
        one, every = _of_lists(schema)
        return max(of_objects, self._largest(one, depth) + sum(self._of(each, depth) for each in every))

    def _largest(self, nodes: list[Node], depth: int) -> float:
        return max((self._of(each, depth) for each in nodes), default=0)

    def _same_value(self, schema: dict[str, Any]) -> Iterator[Node]:
        """Yield the schemas that a schema applies to the value it is applied to."""
        for name in _SAME_VALUE:
            yield from _one(schema, name)
        for name in _SAME_VALUE_LISTS:
            yield from _list(schema, name)
        for name in _SAME_VALUE_MAPS:
            yield from _map(schema, name)
        if "$ref" in schema:
            yield self._resolve(schema["$ref"])

    def _resolve(self, reference: Any) -> Node:
        """Follow a reference within the schema (RFC 6901)."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise TooMuch
        node: Any = self._root
        for step in unquote(reference[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            try:
                node = cast("Any", node[int(name)] if isinstance(node, list) else node[name])
            except (KeyError, IndexError, TypeError, ValueError):
                raise TooMuch from None
        return node


def _one(schema: dict[str, Any], name: str) -> list[Node]:
    return [schema[name]] if name in schema else []


def _list(schema: dict[str, Any], name: str) -> list[Node]:
    each = schema.get(name)
    return cast("list[Node]", each) if isinstance(each, list) else []


def _map(schema: dict[str, Any], name: str) -> list[Node]:
    each = schema.get(name)
    return list(cast("dict[str, Node]", each).values()) if isinstance(each, dict) else []


def _of_objects(schema: dict[str, Any]) -> tuple[list[Node], list[Node]]:
    """Return the schemas for an object's values: those of which one applies to each, and those that all may."""
    one = _map(schema, "properties") + _one(schema, "additionalProperties")
    return one, _map(schema, "patternProperties") + _one(schema, "propertyNames")


def _of_lists(schema: dict[str, Any]) -> tuple[list[Node], list[Node]]:
    """Return the schemas for the items of a list, likewise."""
    one = _list(schema, "prefixItems") + _list(schema, "items") + _one(schema, "items")
    return one + _one(schema, "additionalItems"), _one(schema, "contains")


def _checks_of(schema: dict[str, Any]) -> float:
    listed = [len(cast("list[Any]", value)) for value in schema.values() if isinstance(value, (list, dict))]
    return 1 + sum(listed) / 4


def _patterns_of(schema: dict[str, Any]) -> float:
    return ("pattern" in schema) + len(_map(schema, "patternProperties"))


def _levels(answer: Any) -> Iterator[tuple[int, int]]:
    """Yield how many values and characters, in strings and names, each level of an answer has."""
    level, names = [answer], 0
    while level:
        characters = names + sum(len(value) for value in level if isinstance(value, str))
        objects = [cast("dict[str, Any]", value) for value in level if isinstance(value, dict)]
        lists = [cast("list[Any]", value) for value in level if isinstance(value, list)]
        names = sum(sum(map(len, each)) for each in objects)
        yield len(level), characters + names
        level = [value for each in objects for value in each.values()]
        level += [value for each in lists for value in each]


def _patterns_if_small(schema: Node) -> int | None:
    """Return how many patterns a schema has; `None` where compiling it could take more than some 2 ms."""
    nodes = references = patterns = 0
    level: list[Any] = [schema]
    for depth in range(2 * MAX_DEPTH):  # a schema within a schema is two levels of JSON below it
        objects = [cast("dict[str, Any]", node) for node in level if isinstance(node, dict)]
        nodes += len(level)
        references += sum("$ref" in node for node in objects)
        patterns += sum(map(_patterns_of, objects))
        if nodes > MAX_NODES or references > MAX_REFERENCES or patterns > MAX_PATTERNS:
            return None
        if any(_is_unbounded(node, depth) for node in objects):
            return None
        lists = [cast("list[Any]", node) for node in level if isinstance(node, list)]
        level = [value for node in objects for value in node.values()] + [
            value for node in lists for value in node
        ]
        if not level:
            return int(patterns)
    return None


def _is_unbounded(node: dict[str, Any], depth: int) -> bool:
    based = depth > 0 and any(isinstance(node.get(name), str) for name in ("$id", "id"))
    return based or not _UNBOUNDED.isdisjoint(node)
