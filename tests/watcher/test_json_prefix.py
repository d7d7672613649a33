"""Where a text stops being the beginning of JSON, told against a reader that tries every way to go on."""

import json
import random
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.json_prefix import MAX_DEPTH, JsonPrefix
from guardian_cluster.watcher.schema_rules import SchemaRules

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_ENDINGS = [
    *("", "0", ":0", '"', '":0', '"":0', "rue", "ue", "e", "alse", "lse", "se", "ull", "ll", "l"),
    *(f'{"0" * left}"{more}' for left in range(5) for more in ("", ":0")),
    *('\\"', '\\":0', 'u0000"', 'u0000":0', '""'),
]
"""What may be left to write of a value, a name or an escape, whatever part of it is there."""


def reads(text: str) -> bool:
    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def can_go_on(text: str) -> bool:
    """Return whether some continuation makes the text JSON."""
    opened: list[str] = []
    for character in _STRING.sub("", text):
        if character in "[{":
            opened.append("]" if character == "[" else "}")
        elif character in "]}" and opened:
            opened.pop()
    closed = "".join(reversed(opened))
    return any(reads(text + ending + closed) for ending in _ENDINGS)


def broken_at(
    *pieces: str, schema: Any = None, must_be_object: bool = False
) -> tuple[int | None, str | None]:
    checker, read = JsonPrefix(schema, must_be_object=must_be_object), 0
    for piece in pieces:
        found = checker.feed(piece)
        read += len(piece)
        if found is not None:
            assert read - len(piece) < found <= read
            return found, checker.rule
    return None, None


characters = st.sampled_from([*'aé"\\/\n\t \0', "\x1f", "\ud800", "\U0001f600", "\x7f"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(characters),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(characters, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
documents = st.builds(
    lambda value, ascii_only, indent, blanks: (
        blanks + json.dumps(value, ensure_ascii=ascii_only, indent=indent) + blanks
    ),
    values,
    st.booleans(),
    st.sampled_from([None, 0, 1]),
    st.sampled_from(["", " ", "\r\n\t"]),
)
noise = st.text("{}[]\",:\\u0019-+.eEtrufalsn\x00\x1f \n'x/é\ufeff", max_size=3)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(documents)
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(noise) + text[at + draw(st.integers(0, 2)) :]


@given(documents)
def test_nothing_is_found_in_json_and_its_end_is_known(text: str):
    checker = JsonPrefix()

    assert [checker.feed(character) for character in text] == [None] * len(text)
    assert checker.is_whole


@given(mutated() | noise)
def test_a_text_breaks_exactly_where_no_continuation_makes_it_json(text: str):
    found, rule = broken_at(text)

    if found is None:
        assert can_go_on(text)
    else:
        assert rule == "json"
        assert can_go_on(text[: found - 1])
        assert not can_go_on(text[:found])


@given(mutated() | noise)
def test_a_text_is_whole_where_it_reads_as_json(text: str):
    checker = JsonPrefix()

    assert (checker.feed(text) is None and checker.is_whole) is reads(text)


@given(mutated(), st.randoms(use_true_random=False))
def test_where_it_breaks_does_not_depend_on_the_cutting(text: str, rng: random.Random):
    schema = {"type": ["object", "array", "string"], "maxLength": 2, "items": {"maxLength": 1, "maximum": 7}}
    pieces: list[str] = []
    while (at := sum(map(len, pieces))) < len(text):
        pieces.append(text[at : at + rng.randint(1, 9)])

    for watched in (None, schema):
        assert broken_at(*pieces, schema=watched) == broken_at(text, schema=watched)
        assert broken_at(*text, schema=watched) == broken_at(text, schema=watched)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```json\n{}", 1),
        ("Sure! {}", 1),
        ('{"a": NaN}', 7),
        ("{'a': 1}", 2),
        ('{"a": 1,}', 9),
        ("[1,]", 4),
        ('["a\nb"]', 4),
        (r'["\x"]', 4),
        (r'["\u12g"]', 7),
        ("[01]", 3),
        ("[1.]", 4),
        ("[+1]", 2),
        ("{} x", 4),
        ("[1 2]", 4),
        ("[}", 2),
        ('{"a" 1}', 6),
        ("\ufeff{}", 1),
        ("[1\u00a0]", 3),
        ("[" * (MAX_DEPTH + 1), MAX_DEPTH + 1),
    ],
)
def test_what_json_does_not_have_breaks_it_at_its_first_character(text: str, found: int):
    assert broken_at(text) == (found, "json")


def test_what_must_be_an_object_breaks_where_something_else_begins():
    assert broken_at(" [1]", must_be_object=True) == (2, "object")
    assert broken_at(' {"a": [1]}', must_be_object=True) == (None, None)


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 2, "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "exclusiveMaximum": 130},
        "mood": {"enum": ["good", "bad", 1, None]},
        "tags": {"type": "array", "items": {"const": "a"}, "minItems": 1, "maxItems": 2},
        "boss": {"$ref": "#/$defs/person"},
        "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "never": False,
    },
    "required": ["name"],
    "additionalProperties": False,
}
SCHEMA = {"$ref": "#/$defs/person", "$defs": {"person": PERSON}}


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("[", "["),
        ('{"nam": 1}', '{"nam"'),
        ('{"name": 1}', '{"name": 1'),
        ('{"name": "abcdefg"}', '{"name": "abcdef'),
        (r'{"name": "\ud83d\ude00bcd\u0065f"}', r'{"name": "\ud83d\ude00bcd\u0065f'),
        ('{"name": "a"}', '{"name": "a"'),
        ('{"age": 1.5, ', '{"age": 1.5,'),
        ('{"age": 1.0, "age": -1 }', '{"age": 1.0, "age": -1 '),
        ('{"age": 130}', '{"age": 130}'),
        ('{"mood": "goo"}', '{"mood": "goo"'),
        ('{"mood": true', '{"mood": t'),
        ('{"mood": {', '{"mood": {'),
        ('{"tags": []}', '{"tags": []'),
        ('{"tags": ["a", "a", "a"]}', '{"tags": ["a", "a", "'),
        ('{"tags": ["b"', '{"tags": ["b"'),
        (r'{"\u006eame": "abc", "boss": {"age": 1}}', r'{"\u006eame": "abc", "boss": {"age": 1}'),
        ('{"either": 1}', '{"either": 1'),
        ('{"never": 1}', '{"never": 1'),
        ('{"age": 1}', '{"age": 1}'),
    ],
)
def test_a_schema_breaks_as_soon_as_it_is_known(text: str, broken: str):
    assert broken_at(*text, schema=SCHEMA) == (len(broken), "schema")


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "abcde", "age": 129, "mood": null, "tags": ["a", "a"], "boss": {"name": "ab"}, "either": "x"} ',
        '{"name": "ab", "mood": 1.0, "age": 1e2, "either": null}',
    ],
)
def test_what_keeps_its_schema_is_let_pass(text: str):
    assert broken_at(*text, schema=SchemaRules(SCHEMA)) == (None, None)


small = st.integers(0, 3)
numbers = st.integers(-2, 3) | st.sampled_from([0.5, 1.0, 2e0])
plain_scalars = st.none() | st.booleans() | numbers | st.text("ab\U0001f600\n", max_size=4)
plain_values = st.recursive(
    plain_scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
types = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keywords = {
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "enum": st.lists(plain_scalars, min_size=1, max_size=4, unique_by=repr),
        "const": plain_scalars,
        "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
        "additionalProperties": inner,
        "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        "items": inner,
        "allOf": st.lists(inner, min_size=1, max_size=2),
        "$ref": st.sampled_from(["#", "#/$defs/x"]),
        **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), small),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), numbers),
    }
    return st.fixed_dictionaries({}, optional=keywords)


schemas = st.recursive(st.booleans() | schemas_of(st.booleans()), schemas_of, max_leaves=5)
rooted = st.tuples(schemas_of(schemas), schemas).map(lambda pair: {**pair[0], "$defs": {"x": pair[1]}})
more = st.sampled_from(
    [
        {},
        {"anyOf": [{"type": "string"}, {"minimum": 1}]},
        {"oneOf": [{"type": "object"}, False]},
        {"multipleOf": 2},
    ]
)


def targets(node: Any) -> set[str]:
    """Return what a schema refers to for the same value."""
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if "$ref" in node else set[str]()
    return own.union(*map(targets, node.get("allOf", ())))


def judged(schema: Any, value: Any) -> bool | None:
    """Return what a checker of whole values says; `None` where the schema applies itself to the same value."""
    import jsonschema_rs

    root, inner = targets(schema), targets(schema["$defs"]["x"])
    if "#" in root | inner or "#/$defs/x" in inner:
        return None
    return jsonschema_rs.validator_for(schema).is_valid(value)


@given(rooted, more, plain_values, st.sampled_from([None, 2]))
def test_what_breaks_early_breaks_the_schema_and_the_known_keywords_are_all_told(
    schema: dict[str, Any], beside: dict[str, Any], value: Any, indent: int | None
):
    valid = judged({**schema, **beside}, value)
    text = json.dumps(value, indent=indent, ensure_ascii=indent is None)

    found, rule = broken_at(text + " ", schema={**schema, **beside})

    assert rule in (None, "schema")
    assert found is None or valid is not True
    assert found is not None or valid is not False or beside


hostile_nodes = st.recursive(
    scalars | st.sampled_from(["#", "#/x", "draft-07", "object", -1]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "$ref", "allOf", "anyOf", "enum", "required", "items", "properties", "x", "$schema"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(hostile_nodes, documents)
def test_a_schema_that_is_none_harms_nothing(schema: Any, text: str):
    found, rule = broken_at(
        text, schema=schema if isinstance(schema, (dict, bool)) else {"items": schema, "allOf": schema}
    )

    assert (found is None) == (rule is None)
    assert rule != "json"


@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\u0041" * 40_000,
        "[" + "1," * 120_000,
        "[" + "1" * 200_000,
        " " * 200_000,
        '["' + "x" * 200_000,
        "{" + '"a":[],' * 30_000,
    ],
)
def test_hostile_text_takes_linear_time(text: str):
    started = time.process_time()

    for size in (1, 7, len(text)):
        pieces = (text[at : at + size] for at in range(0, len(text), size))
        assert broken_at(*pieces, schema={"items": {"enum": ["x", 1, "1" * 30]}}) == (None, None)

    assert time.process_time() - started < 20
