"""Which tools a model may call, and what their arguments must be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.tool_calls import ToolCallCheck

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 9}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
SHELL: dict[str, Any] = {"type": "custom", "custom": {"name": "shell"}}
OLD: dict[str, Any] = {"name": "old_function", "parameters": {"type": "object"}}


def test_a_tool_that_was_given_may_be_called():
    check = ToolCallCheck([WEATHER, SHELL, OLD])

    assert [check.name(name) for name in ("weather", "shell", "old_function")] == [None, None, None]


@pytest.mark.parametrize("name", ["", "Weather", "weather ", "rm", "function", "\ud800"])
def test_a_tool_that_was_not_given_is_unknown(name: str):
    assert ToolCallCheck([WEATHER, SHELL]).name(name) == "unknown-tool"


def test_only_what_the_policy_allows_may_be_called():
    check = ToolCallCheck([WEATHER, SHELL], frozenset({"weather", "rm"}))

    assert check.name("weather") is None
    assert check.name("shell") == "tool-not-allowed"
    assert check.name("rm") == "unknown-tool"
    assert ToolCallCheck([WEATHER], frozenset()).name("weather") == "tool-not-allowed"


@pytest.mark.parametrize(
    ("arguments", "found", "rule"),
    [
        ('{"city": "Graz", "days": 3}', None, None),
        ('"Graz"', 1, "object"),
        ('{"town"', 7, "schema"),
        ('{"city": 1', 10, "schema"),
        ('{"days": 10}', 12, "schema"),
        ('{"city": "Graz",}', 17, "json"),
    ],
)
def test_arguments_break_as_soon_as_they_are_none_of_the_tool(
    arguments: str, found: int | None, rule: str | None
):
    checker = ToolCallCheck([WEATHER]).arguments_checker("weather")

    assert (checker.feed(arguments), checker.rule) == (found, rule)


def test_arguments_of_a_tool_without_a_schema_must_be_an_object():
    check = ToolCallCheck([SHELL])

    assert check.arguments_checker("anything").feed('{"x": [1]}') is None
    assert check.arguments_checker("anything").feed("[1]") == 1


def test_each_call_has_a_checker_of_its_own():
    check = ToolCallCheck([WEATHER])

    first, second = check.arguments_checker("weather"), check.arguments_checker("weather")

    assert first.feed('{"city": "') is None
    assert second.feed('{"days": 1.5,') == 13
    assert first.feed('Graz"}') is None
    assert first.is_whole


@pytest.mark.parametrize(
    "tool",
    [None, 7, "weather", [], {}, {"function": None}, {"function": {"name": 3}}, {"function": "weather"}],
)
def test_what_is_no_tool_is_passed_over(tool: Any):
    check = ToolCallCheck([tool, {"function": {"name": "odd", "parameters": 7}}])

    assert check.name("weather") == "unknown-tool"
    assert check.name("odd") is None
    assert check.arguments_checker("odd").feed('{"x": 1}') is None


_NAMES = st.text(alphabet="ab\ud800é", min_size=1, max_size=4)


@given(st.lists(_NAMES, max_size=6), st.none() | st.frozensets(_NAMES, max_size=4), _NAMES)
def test_a_beginning_breaks_what_every_name_breaks_that_begins_so(
    names: list[str], allowed: frozenset[str] | None, text: str
):
    check = ToolCallCheck([{"name": name} for name in names], allowed)
    rules = {check.name(name) for name in names if name.startswith(text)}

    rule = check.beginning(text)

    assert (rule == "unknown-tool") is (not rules)
    assert (rule == "tool-not-allowed") is (None not in rules and text in names)


def test_of_many_tools_few_are_compared_with_what_has_come_of_a_name():
    compared: list[str] = []

    class Counted(str):
        __slots__ = ()

        def __lt__(self, other: str) -> bool:
            compared.append(other)
            return str.__lt__(self, other)

        def startswith(self, *beginning: str) -> bool:  # type: ignore[override]
            compared.append(self)
            return str.startswith(self, *beginning)

    common = "a" * 200
    check = ToolCallCheck([{"name": Counted(f"{common}{number:04}")} for number in range(1_000)])
    check.beginning("a")
    compared.clear()

    assert check.beginning(common) is None
    assert len(compared) <= 12
