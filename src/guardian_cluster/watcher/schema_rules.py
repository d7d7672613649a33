"""What a JSON schema asks of a value, as far as that can be held against the value while it is written.

Of a schema are read: `type`, `enum` and `const`, `properties`, `required`, `additionalProperties`, `items`,
`minItems`, `maxItems`, `minLength`, `maxLength`, `minimum`, `maximum` and their exclusive forms, `$ref` within the
schema and `allOf`; of `anyOf` and `oneOf` the types alone. All else is passed over, as is what is ill-formed
or large, so what follows these rules may still break the schema, and what breaks them does.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import unquote

Kind = Literal["object", "array", "string", "number", "boolean", "null"]
Node = Any
"""A schema: an object, or `true` or `false`."""

KINDS: frozenset[Kind] = frozenset(("object", "array", "string", "number", "boolean", "null"))

MAX_LISTED = 500
"""Entries of `enum` and `required`; longer ones are not read, so that reading a schema takes no long."""

MAX_CHOICES = 32
"""Entries of `allOf`, `anyOf` and `oneOf`, likewise."""

MAX_STEPS = 64
"""Schemas that are read for one value, references followed included."""


Shape = tuple[Mapping[str, Node], Node, Node]
"""What one schema says of the values within: the properties it names, all others, and items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is asked of a value by all schemas that apply to it. Bounds that none names are infinite or nothing."""

    kinds: frozenset[Kind] = KINDS
    whole: bool = False
    """Whether a number must be an integer; `1.0` is one."""
    scalars: frozenset[tuple[Kind, Any]] | None = None
    """What a string, number, boolean or null must be one of."""
    required: frozenset[str] = frozenset()
    shapes: tuple[Shape, ...] = ()
    items_range: tuple[float, float] = (0, math.inf)
    length_range: tuple[float, float] = (0, math.inf)
    range: tuple[float, float] = (-math.inf, math.inf)
    inner_range: tuple[float, float] = (-math.inf, math.inf)
    """The number is to lie between these and to be neither."""

    def allows_number(self, number: float) -> bool:
        """Return whether a number is whole where it must be, and within the bounds."""
        least, most = self.range
        above, below = self.inner_range
        is_whole = not self.whole or number == math.floor(number)
        return is_whole and least <= number <= most and above < number < below

    def allows_name(self, name: str) -> bool:
        """Return whether an object may have a property of that name."""
        return all(others is not False or name in properties for properties, others, _ in self.shapes)


ANYTHING = Rules()
NOTHING = Rules(kinds=frozenset())


class SchemaRules:
    """Reads one schema where an answer comes to it, and keeps what was read; to be shared by many answers."""

    def __init__(self, root: Node) -> None:
        self.root = root
        schema = cast("dict[str, Any]", root) if isinstance(root, dict) else {}
        self._alone = "draft-0" in str(schema.get("$schema"))  # until 2019 nothing counted beside a `$ref`
        self._known: dict[int, Rules] = {}
        self._joined: dict[tuple[int, ...], Rules] = {}

    def of(self, node: Node) -> Rules:
        """Return what a schema asks of a value."""
        if not isinstance(node, dict):
            return NOTHING if node is False else ANYTHING
        known = self._known.get(id(cast("object", node)))
        if known is None:
            known = self._known[id(cast("object", node))] = self._read(node, [])
        return known

    def of_property(self, rules: Rules, name: str) -> Rules:
        """Return what is asked of a property of an object of which `rules` are asked."""
        return self._of_all([properties.get(name, others) for properties, others, _ in rules.shapes])

    def of_items(self, rules: Rules) -> Rules:
        """Return what is asked of the items of an array of which `rules` are asked."""
        return self._of_all([items for _, _, items in rules.shapes])

    def _of_all(self, nodes: list[Node]) -> Rules:
        if len(nodes) == 1:
            return self.of(nodes[0])
        key = tuple(map(id, nodes))
        if key not in self._joined:
            self._joined[key] = _joined([self.of(node) for node in nodes])
        return self._joined[key]

    def _read(self, node: Node, path: list[int]) -> Rules:
        """Read a schema and those it applies to the same value. `path` are those that are being read."""
        if not isinstance(node, dict):
            return NOTHING if node is False else ANYTHING
        schema = cast("dict[str, Any]", node)
        if id(schema) in path or len(path) >= MAX_STEPS or self._is_other_document(schema):
            return ANYTHING
        path.append(id(schema))  # never taken off: each is read once for a value, however often it is met
        target = [self._resolve(schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
        if self._alone and target:
            return self._read(target[0], path)
        same_value = target + _choices(schema.get("allOf"))
        rules = [_own(schema), _listed(schema.get("enum"))]
        rules += [self._read(each, path) for each in same_value]
        if "const" in schema:
            rules.append(_listed([schema["const"]]))
        for name in ("anyOf", "oneOf"):
            branches = [self._read(branch, path).kinds for branch in _choices(schema.get(name))]
            if branches:
                rules.append(Rules(kinds=branches[0].union(*branches)))
        return _joined(rules)

    def _is_other_document(self, schema: dict[str, Any]) -> bool:
        """Return whether references below a schema are not to be looked up from the root."""
        return schema is not self.root and any(isinstance(schema.get(name), str) for name in ("$id", "id"))

    def _resolve(self, reference: str) -> Node:
        """Follow a reference within the schema (RFC 6901); what is not found asks for nothing."""
        if reference != "#" and not reference.startswith("#/"):
            return True
        node: Any = self.root
        for step in unquote(reference[1:]).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            try:
                node = cast("Any", node[int(name)] if isinstance(node, list) else node[name])
            except (KeyError, IndexError, TypeError, ValueError):
                return True
        return node


def _own(schema: dict[str, Any]) -> Rules:
    kinds, whole = _kinds(schema.get("type"))
    return Rules(
        kinds=kinds,
        whole=whole,
        required=_required(schema.get("required")),
        shapes=_shapes(schema),
        items_range=_range(schema, "minItems", "maxItems", least=0),
        length_range=_range(schema, "minLength", "maxLength", least=0),
        range=_range(schema, "minimum", "maximum"),
        inner_range=_range(schema, "exclusiveMinimum", "exclusiveMaximum"),
    )


def _shapes(schema: dict[str, Any]) -> tuple[Shape, ...]:
    named = schema.get("properties")
    properties = cast("dict[str, Node]", named) if isinstance(named, dict) else {}
    others = True if "patternProperties" in schema else schema.get("additionalProperties", True)
    items = True if "prefixItems" in schema else schema.get("items", True)
    return ((properties, others, items),) if properties or others is not True or items is not True else ()


def _joined(every: list[Rules]) -> Rules:
    """Return what is asked where all are."""
    telling = [rules for rules in every if rules != ANYTHING]
    if len(telling) < 2:
        return telling[0] if telling else ANYTHING
    listed = [rules.scalars for rules in telling if rules.scalars is not None]
    return Rules(
        kinds=KINDS.intersection(*(rules.kinds for rules in telling)),
        whole=any(rules.whole for rules in telling),
        scalars=listed[0].intersection(*listed) if listed else None,
        required=frozenset[str]().union(*(rules.required for rules in telling)),
        shapes=tuple(shape for rules in telling for shape in rules.shapes),
        items_range=_narrowest(rules.items_range for rules in telling),
        length_range=_narrowest(rules.length_range for rules in telling),
        range=_narrowest(rules.range for rules in telling),
        inner_range=_narrowest(rules.inner_range for rules in telling),
    )


def _narrowest(ranges: Iterable[tuple[float, float]]) -> tuple[float, float]:
    lows, highs = zip(*ranges, strict=True)
    return max(lows), min(highs)


def _kinds(named: Any) -> tuple[frozenset[Kind], bool]:
    """Return the kinds that `type` allows, and whether of the numbers only whole ones."""
    types = {str(name) for name in (cast("list[Any]", named) if isinstance(named, list) else (named,))}
    if not types or not types <= {*KINDS, "integer"}:
        return KINDS, False
    whole = "integer" in types and "number" not in types
    return frozenset(kind for kind in KINDS if kind in types or (kind == "number" and whole)), whole


def _listed(values: Any) -> Rules:
    """Return that a value must be one of those listed; an object or array is only known to be one."""
    if not isinstance(values, list) or not 0 < len(cast("list[Any]", values)) <= MAX_LISTED:
        return ANYTHING
    named: list[tuple[Kind, Any]] = [(kind_of(value), value) for value in cast("list[Any]", values)]
    scalars = frozenset(pair for pair in named if pair[0] not in ("object", "array"))
    return Rules(kinds=frozenset(kind for kind, _ in named), scalars=scalars)


def kind_of(value: Any) -> Kind:
    """Return what kind of JSON value something is."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"


def _required(names: Any) -> frozenset[str]:
    if not isinstance(names, list) or len(cast("list[Any]", names)) > MAX_LISTED:
        return frozenset()
    return frozenset(name for name in cast("list[Any]", names) if isinstance(name, str))


def _range(schema: dict[str, Any], low: str, high: str, *, least: float = -math.inf) -> tuple[float, float]:
    return _number(schema.get(low), least), _number(schema.get(high), math.inf)


def _number(value: Any, default: float) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else default


def _choices(nodes: Any) -> list[Node]:
    listed = cast("list[Node]", nodes) if isinstance(nodes, list) else []
    return listed if len(listed) <= MAX_CHOICES else []
