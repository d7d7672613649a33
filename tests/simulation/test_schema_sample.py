import random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.simulation.sample import sample_of

TREE: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "parts"],
        }
    },
}
SCHEMAS: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"type": "integer", "minimum": 5}}, "required": ["a"]},
    {"type": "array", "items": {"enum": ["red", "green"]}, "minItems": 3},
    {"type": "string", "minLength": 12, "maxLength": 14},
    {"type": "string", "format": "date-time"},
    {"type": ["number", "null"], "minimum": -3, "maximum": -1},
    {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
    {"const": {"exactly": ["this"]}},
    {"type": "null"},
    {"properties": {"untyped": {"type": "boolean"}}},
    {},
    TREE,
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
@given(seed=st.integers(0, 2**32))
def test_a_sample_fits_its_schema(schema: dict[str, Any], seed: int):
    assert jsonschema_rs.is_valid(schema, sample_of(schema, random.Random(seed)))


def test_the_same_seed_gives_the_same_sample():
    samples = [sample_of(SCHEMAS[1], random.Random(3)) for _ in range(2)]

    assert samples[0] == samples[1]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"anyOf": [{"$ref": "#"}]},
        {"type": 7},
        {"enum": []},
        {"required": 1},
    ],
    ids=str,
)
def test_a_strange_schema_gives_some_value_and_no_error(schema: dict[str, Any]):
    value = sample_of(schema, random.Random(0))

    assert value is None or isinstance(value, str)
