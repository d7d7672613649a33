"""A value that fits a JSON schema: what an obliging model fills tool arguments and JSON answers with."""

import random
from collections.abc import Callable
from typing import cast

from guardian_cluster.simulation.request import JsonObject, object_of, objects_of, text_of

# A schema may refer to itself; real answers stop long before this.
_DEEPEST = 8

_WORDS = ("amber", "basin", "cedar", "delta", "ember", "fjord", "grove", "harbor")
_FORMATS = {
    "date": "2024-05-17",
    "date-time": "2024-05-17T09:30:00Z",
    "time": "09:30:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "3f2b8c1e-7d54-4a6b-9c0f-5e1d2a3b4c5d",
}


def sample_of(schema: JsonObject, rng: random.Random) -> object:
    """Return a value for the common part of JSON Schema: types, enums, references, bounds, unions.

    Keywords that it does not know (`pattern`, `not`, ...) are ignored, so the value may not fit those.
    """
    return _Sampler(schema, rng).value(schema, 0)


class _Sampler:
    def __init__(self, root: JsonObject, rng: random.Random) -> None:
        self._root = root
        self._rng = rng
        self._by_type: dict[str, Callable[[JsonObject, int], object]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda schema, depth: rng.random() < 0.5,
        }

    def value(self, schema: JsonObject, depth: int) -> object:
        if depth > _DEEPEST:
            return None
        if "$ref" in schema:
            return self.value(self._resolve(text_of(schema["$ref"])), depth + 1)
        if "const" in schema:
            return schema["const"]
        listed = schema.get("enum")
        if isinstance(listed, list) and listed:
            return self._rng.choice(cast("list[object]", listed))
        for union in ("anyOf", "oneOf", "allOf"):
            if options := objects_of(schema.get(union)):
                return self.value(options[0], depth + 1)
        sampler = self._by_type.get(_type_of(schema))
        return sampler(schema, depth) if sampler else None

    def _resolve(self, reference: str) -> JsonObject:
        found: object = self._root
        for key in reference.removeprefix("#").strip("/").split("/"):
            if key:
                found = object_of(found).get(key.replace("~1", "/").replace("~0", "~"))
        return object_of(found)

    def _object(self, schema: JsonObject, depth: int) -> object:
        fields = object_of(schema.get("properties"))
        required = cast("list[object]", schema.get("required", []))
        # Deep down only what must be there: a schema that refers to itself then comes to an end.
        kept = [name for name in fields if depth < _DEEPEST // 2 or name in required]
        return {name: self.value(object_of(fields[name]), depth + 1) for name in kept}

    def _array(self, schema: JsonObject, depth: int) -> object:
        fewest = _whole_number(schema.get("minItems"), 0)
        length = fewest if depth >= _DEEPEST // 2 else max(fewest, 1)
        items = object_of(schema.get("items"))
        return [self.value(items, depth + 1) for _ in range(length)]

    def _string(self, schema: JsonObject, depth: int) -> object:
        text = _FORMATS.get(text_of(schema.get("format"))) or self._rng.choice(_WORDS)
        shortest = _whole_number(schema.get("minLength"), 0)
        longest = _whole_number(schema.get("maxLength"), max(shortest, len(text)))
        return text.ljust(shortest, "x")[:longest]

    def _integer(self, schema: JsonObject, depth: int) -> int:
        lowest = _whole_number(schema.get("minimum"), 0)
        highest = _whole_number(schema.get("maximum"), lowest + 99)
        return self._rng.randint(lowest, max(lowest, highest))

    def _number(self, schema: JsonObject, depth: int) -> object:
        return float(self._integer(schema, depth))


def _type_of(schema: JsonObject) -> str:
    declared: object = schema.get("type")
    if isinstance(declared, list) and declared:
        declared = cast("list[object]", declared)[0]
    if isinstance(declared, str):
        return declared
    return "object" if "properties" in schema else "string"


def _whole_number(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) else otherwise
