"""How much work a check may be: never less than what it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.schema_effort import MAX_DEPTH, Effort, _checks_of, _Count

LEAF = {"type": "integer"}


def count(schema: Any, depth: int) -> float:
    counted = _Count(schema, lambda node: 1)
    counted.steps = 100_000
    return counted.of_root(depth)


@pytest.mark.parametrize(
    ("schema", "counts"),
    [
        (True, [1, 0]),
        (LEAF, [1, 0]),
        ({"allOf": [LEAF, LEAF], "not": LEAF}, [4, 0]),
        ({"properties": {"a": {"anyOf": [LEAF, LEAF]}, "b": LEAF}}, [1, 3, 0]),
        ({"properties": {"a": LEAF}, "patternProperties": {"b": LEAF, "c": LEAF}}, [1, 3]),
        ({"properties": {"a": LEAF}, "propertyNames": LEAF}, [1, 2]),
        ({"prefixItems": [LEAF, {"allOf": [LEAF]}], "items": LEAF, "contains": LEAF}, [1, 3]),
        ({"items": [LEAF, LEAF], "additionalItems": LEAF}, [1, 1]),
        ({"$defs": {"a/b%": LEAF}, "$ref": "#/$defs/a~1b%25"}, [2]),
        ({"allOf": [{"items": LEAF}, {"items": LEAF}]}, [3, 2]),
        ({"dependentSchemas": {"a": LEAF}, "if": LEAF, "then": LEAF, "else": LEAF}, [5]),
        ({"properties": {"next": {"$ref": "#"}}}, [1, 2, 2, 2]),
    ],
)
def test_the_checks_of_one_value_are_counted_by_level(schema: Any, counts: list[int]):
    assert [count(schema, depth) for depth in range(len(counts))] == counts


leaf_schemas = st.just(LEAF) | st.just(True) | st.just({"$ref": "#/$defs/a"})


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=2)
    return st.one_of(
        several.map(lambda each: {"allOf": each}),
        several.map(lambda each: {"anyOf": each}),
        inner.map(lambda each: {"items": each}),
        inner.map(lambda each: {"not": each}),
        several.map(lambda each: {"properties": dict(zip("xy", each, strict=False))}),
        st.tuples(inner, inner).map(
            lambda pair: {"properties": {"x": pair[0]}, "additionalProperties": pair[1]}
        ),
    )


schemas = st.recursive(leaf_schemas, larger, max_leaves=8)
answers = st.recursive(
    st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner),
    max_leaves=8,
)


def work(schema: Any, answer: Any, root: Any) -> int:
    """Return how many schemas are applied when every one of them is, as the worst validator would."""
    if not isinstance(schema, dict):
        return 1
    same = [*schema.get("allOf", ()), *schema.get("anyOf", ())]
    same += [schema["not"]] if "not" in schema else []
    same += [root["$defs"]["a"]] if "$ref" in schema else []
    total = 1 + sum(work(each, answer, root) for each in same)
    if isinstance(answer, list) and "items" in schema:
        total += sum(work(schema["items"], each, root) for each in answer)
    if isinstance(answer, dict):
        named = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        total += sum(
            work(named.get(key, others), each, root)
            for key, each in answer.items()
            if key in named or "additionalProperties" in schema
        )
    return total


def values_by_level(answer: Any) -> list[int]:
    level, counts = [answer], []
    while level:
        counts.append(len(level))
        level = [
            one
            for each in level
            if isinstance(each, (list, dict))
            for one in (each.values() if isinstance(each, dict) else each)
        ]
    return counts


@given(schemas, answers)
def test_the_count_is_never_below_the_work(schema: Any, answer: Any):
    root = {"$defs": {"a": {"anyOf": [LEAF, {"items": LEAF}]}}, "allOf": [schema]}

    bound = sum(values * count(root, depth) for depth, values in enumerate(values_by_level(answer)))

    assert work(root, answer, root) <= bound


def test_lists_within_a_schema_weigh_what_they_hold():
    assert _checks_of({"enum": list(range(40)), "type": "string"}) == 11


def test_a_schema_that_applies_itself_is_never_cheap():
    assert not Effort({"$ref": "#"}).is_cheap(3)
    assert not Effort({"allOf": [{"not": {"$ref": "#"}}]}).is_cheap(3)


@pytest.mark.parametrize("reference", ["other", "#/$defs/none", "#/allOf/7", "#/$defs/a/0", 5])
def test_a_reference_that_leads_nowhere_is_never_cheap(reference: Any):
    assert not Effort({"$defs": {"a": True}, "allOf": [{"$ref": reference}]}).is_cheap(3)


def test_an_answer_deeper_than_the_bound_is_not_cheap():
    answer: Any = 3
    for _ in range(MAX_DEPTH + 2):
        answer = [answer]

    assert not Effort({"items": {"$ref": "#"}}).is_cheap(answer)


def test_a_large_schema_is_known_after_a_few_answers():
    rows = {f"p{n}": {"properties": {f"q{m}": LEAF for m in range(20)}} for n in range(40)}
    effort = Effort({"properties": rows})
    answer = {"p1": {"q1": 3}}

    tries = [effort.is_cheap(answer) for _ in range(6)]

    assert tries[-1]


def test_a_count_that_was_given_up_is_not_taken_for_a_result():
    effort = Effort({"properties": {f"p{n}": {"properties": {"q": LEAF}} for n in range(150)}})

    first, second = effort.is_cheap({"p1": {"q": {"r": 1}}}), effort.is_cheap({"p1": 3})

    assert (first or True, second) == (True, True)
