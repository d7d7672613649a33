"""Tools that may not be called, and arguments that they do not take, as a client sees them."""

import json

import pytest
from watched_answers import chunk, policy, request, watched, whole

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    },
    {"type": "function", "function": {"name": "delete_all"}},
]


def call(name: str, arguments: str, size: int = 1_000) -> list[dict]:
    """Return the chunks of one call, its texts in pieces of a size."""
    texts = [{"name": name[at : at + size]} for at in range(0, len(name), size)]
    texts += [{"arguments": arguments[at : at + size]} for at in range(0, len(arguments), size)]
    deltas = [{"tool_calls": [{"index": 0, "function": text}]} for text in texts]
    deltas[0]["tool_calls"][0] |= {"id": "call-1", "type": "function"}
    return [*map(chunk, deltas), chunk({}, reason="tool_calls")]


def found(chunks: list[dict], **fields) -> list[tuple[str, str]]:
    tools = fields.pop("tools", TOOLS)
    outcome = watched(policy(on_tool_call="observe", **fields), chunks, tools=tools)
    return [(rule, channel) for rule, _, channel, _, _ in outcome.found]


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_a_call_as_it_should_be_finds_nothing(size: int):
    assert found(call("get_weather", '{"city": "Rome", "days": 2}', size)) == []


@pytest.mark.parametrize("size", [1, 3, 1_000])
@pytest.mark.parametrize(
    ("name", "rule"),
    [("drop_all", "unknown-tool"), ("get_weath", "unknown-tool"), ("delete_all", "tool-not-allowed")],
)
def test_a_tool_that_may_not_be_called_is_found(name: str, rule: str, size: int):
    allowed = ("get_weather",)

    assert found(call(name, "{}", size), allowed_tools=allowed) == [(rule, "tool_calls.0.function.name")]


@pytest.mark.parametrize("size", [1, 3, 1_000])
@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ('{"city": 7}', "arguments-schema"),
        ('{"town": "Rome"}', "arguments-schema"),
        ('{"city": Rome}', "arguments-json"),
        ("[]", "arguments-object"),
    ],
)
def test_arguments_that_a_tool_does_not_take_are_found(arguments: str, rule: str, size: int):
    assert found(call("get_weather", arguments, size)) == [(rule, "tool_calls.0.function.arguments")]


def test_any_call_of_a_request_without_tools_is_of_an_unknown_one():
    assert found(call("get_weather", "{}"), tools=None) == [("unknown-tool", "tool_calls.0.function.name")]


@pytest.mark.parametrize("size", [1, 4, 1_000])
def test_a_call_that_is_cut_does_not_leave_under_any_name(size: int):
    watch = Watch(policy(on_tool_call="cut", allowed_tools=("get_weather",)), request(tools=TOOLS))

    left = watch.feed(call("delete_all", '{"really": true}', size))

    assert "delete" not in json.dumps(left)
    assert left[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_a_call_that_is_to_be_answered_elsewhere_asks_for_that_before_anything_leaves():
    watch = Watch(policy(on_tool_call="retry", allowed_tools=("get_weather",)), request(tools=TOOLS))

    watch.feed(call("delete_all", "{}"))

    assert (watch.retry_wanted, watch.said_something) == (True, False)


def test_two_choices_call_tools_of_their_own():
    chunks = [
        chunk(
            {"tool_calls": [{"index": 0, "function": {"name": "get_weather", "arguments": '{"city": "A"}'}}]}
        ),
        chunk(
            {"tool_calls": [{"index": 0, "function": {"name": "delete_all", "arguments": '{"any": 1}'}}]},
            index=1,
        ),
    ]

    assert found([*chunks, chunk({}, reason="tool_calls"), chunk({}, index=1, reason="tool_calls")]) == []


def test_a_call_in_a_whole_answer_stays_one_call():
    given = {"id": "c", "type": "function", "function": {"name": "send", "arguments": '{"a": "s"}'}}

    [left] = Watch(CompiledPolicy(WatchPolicy()), request()).feed(
        [whole({"tool_calls": [given]}, reason="tool_calls")]
    )

    assert left["choices"][0]["message"]["tool_calls"] == [
        {"id": "c", "type": "function", "function": {"name": "send", "arguments": '{"a": "s"}'}}
    ]
