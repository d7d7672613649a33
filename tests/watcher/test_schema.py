"""Whether an answer has the JSON form asked for, and when that is not checked."""

import json
import time
from typing import Any

import pytest

from guardian_cluster.domain.request import JsonSchema, ResponseFormat
from guardian_cluster.watcher import schema as checked
from guardian_cluster.watcher.schema import FormatCheck

PERSON = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}


def violation(schema: Any, answer: Any) -> str | None:
    wanted = ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=schema))
    return FormatCheck(wanted).violation(answer if isinstance(answer, str) else json.dumps(answer))


def wide(levels: int, keyword: str = "anyOf") -> dict[str, Any]:
    """Return a schema each of whose levels applies the next one twice."""
    nodes = {f"n{n}": {keyword: [{"$ref": f"#/$defs/n{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**nodes, f"n{levels}": {"type": "integer"}}, "$ref": "#/$defs/n0"}


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ({"age": 3}, None),
        ({"age": "3"}, "schema"),
        ({}, "schema"),
        ("{", "json"),
        ("```json\n{}\n```", "json"),
        ("", "json"),
    ],
)
def test_an_answer_is_held_against_its_schema(answer: Any, rule: str | None):
    assert violation(PERSON, answer) == rule


def test_an_answer_may_be_asked_for_as_text_or_as_any_json():
    assert FormatCheck(ResponseFormat(type="text")).violation("{") is None
    assert FormatCheck(ResponseFormat(type="json_object")).violation("{") == "json"
    assert FormatCheck(ResponseFormat(type="json_object")).violation('{"a": 1}') is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": 5},
        {"allOf": 5},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/missing"},
        {"$ref": "#"},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"unevaluatedProperties": False, "type": "integer"},
        {"type": "integer", "$anchor": "here"},
        {"properties": {"a": {"$id": "https://example.org/", "type": "string"}}, "type": "integer"},
        {"type": "integer", "description": "x" * 40_000},
        {"allOf": [{"type": "integer"}] * 3_000},
        {"anyOf": [{"pattern": f"^{n}$"} for n in range(20)], "type": "integer"},
        {"type": "string", "pattern": "(a{100}){100}"},
        wide(30),
        wide(30, "allOf"),
    ],
    ids=lambda schema: json.dumps(schema)[:50],
)
def test_a_schema_that_is_wrong_or_costly_makes_no_verdict(schema: Any):
    assert violation(schema, '"x"') is None


def test_a_schema_with_an_address_of_its_own_is_checked():
    assert violation({"$id": "https://example.org/person", **PERSON}, {"age": "3"}) == "schema"


def test_a_property_named_like_a_keyword_is_none():
    assert violation({"type": "object", "properties": {"id": {"type": "integer"}}}, {"id": "x"}) == "schema"


def test_schemas_that_fan_out_are_checked_as_far_as_that_is_cheap():
    assert violation(wide(8), '"x"') == "schema"
    assert violation(wide(8), "3") is None


def test_a_schema_that_fans_out_with_the_answers_depth_is_checked_on_shallow_ones():
    items = {"type": "array", "items": {"$ref": "#"}}
    tree = {"anyOf": [{"type": "integer"}, items, items]}

    assert violation(tree, [[["x"]]]) == "schema"
    assert violation(tree, json.loads("[" * 30 + '"x"' + "]" * 30)) is None


def test_patterns_are_checked_on_short_answers():
    dated = {"properties": {"day": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}}}

    assert violation(dated, {"day": "yesterday", "note": "x" * 300}) == "schema"
    assert violation(dated, {"day": "yesterday", "note": "x" * 5_000}) is None


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps([1] * 6_000),
        "[" * 5_000 + "]" * 5_000,
        '["' + "x" * 1_000_001 + '"]',
        "1e999",
        "1" * 5_000,
    ],
    ids=["values", "depth", "length", "number", "digits"],
)
def test_an_answer_that_is_costly_to_check_makes_no_verdict(answer: str):
    assert violation(PERSON, answer) is None


def test_half_a_surrogate_pair_is_no_json():
    assert violation(PERSON, '{"a": "\ud83d"}') == "json"


@pytest.mark.parametrize(
    "schema", [wide(30), {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, PERSON], ids=["wide", "self", "person"]
)
def test_no_check_takes_long(schema: Any):
    violation(schema, "3")  # the validator's library is loaded once
    started = time.process_time()

    for _ in range(20):
        violation(schema, '["' + "x" * 100_000 + '"]')

    assert time.process_time() - started < 5


def test_schemas_are_made_ready_once_and_the_last_few_are_kept():
    kept = checked.ready(PERSON)

    assert checked.ready(json.loads(json.dumps(PERSON))) is kept
    for number in range(100):
        checked.ready({"title": str(number)})
    assert checked.ready(PERSON) is not kept
