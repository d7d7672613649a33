"""What a watch does with answers as servers send them, honest ones, odd ones and hostile ones."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from watched_answers import chunk, deny, policy, request, watched, whole

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import ResponseFormat
from guardian_cluster.specialists import shape
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.watch import Watch

SECRET = "sk-live-4eC39H"
DENY = policy(*deny(SECRET, "4111111111111111"))
CUT = policy(*deny(SECRET, action="cut"))
RETRY = policy(*deny(SECRET, action="retry"))

TOKEN = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "more": "x"}
EVERYTHING = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1763845200,
    "system_fingerprint": "fp_1",
    "service_tier": "default",
    "citations": ["https://example.org"],
    "usage": {"prompt_tokens": 1, "completion_tokens_details": {"note": "x"}},
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "stop_reason": "x",
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "x", "more": ["x"]}, {"type": "image", "text": {"value": "x"}}],
                "reasoning_content": "x",
                "reasoning": {"text": "x"},
                "refusal": "x",
                "annotations": [{"type": "url_citation", "url": {"x": ["x"]}}],
                "function_call": {"name": "x", "arguments": "x", "more": "x"},
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "x", "arguments": "{}", "more": "x"}},
                    {"id": "call_2", "type": "custom", "custom": {"name": "x", "input": "x"}},
                ],
                "audio": {"id": "a", "data": "x", "transcript": "x", "expires_at": 1},
            },
            "logprobs": {
                "content": [{**TOKEN, "top_logprobs": [{**TOKEN, "top_logprobs": [TOKEN]}]}],
                "refusal": [TOKEN],
                "tokens": ["x"],
            },
        }
    ],
}  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the way to every place where a string stands, or could."""
    if isinstance(value, (dict, list)) and value:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    elif path[-1] != "index" and "bytes" not in path:
        yield path


PLACES = list(leaves(EVERYTHING))


def what_leaves(compiled: CompiledPolicy, answer: dict[str, Any]) -> str:
    """Return what leaves of an answer that may be no answer at all: such a one is refused before it is
    watched."""
    try:
        shape.check(answer)
    except AttemptFailed:
        return ""
    left = Watch(compiled, request()).feed([answer])
    return json.dumps([{**each, "model": "the name that was asked for"} for each in left])


def put(path: tuple[Any, ...], secret: Any) -> dict[str, Any]:
    """Return the answer with something at a place."""
    answer = copy.deepcopy(EVERYTHING)
    holder: Any = answer
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = secret
    return answer


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_secret_leaves_from_nowhere_in_an_answer(place: tuple[Any, ...]):
    for secret in (SECRET, [SECRET], {"x": SECRET}, {SECRET: 1}, {"x": {SECRET: None}}):
        assert SECRET not in what_leaves(DENY, put(place, secret))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
@pytest.mark.parametrize("value", [None, 1, "", [], {}])
def test_a_field_named_like_a_secret_leaves_from_nowhere(place: tuple[Any, ...], value: Any):
    answer = put((*place[:-1], place[-1] if isinstance(place[-1], int) else SECRET), value)

    assert SECRET not in what_leaves(DENY, answer)


def test_a_number_that_is_a_secret_leaves_from_no_unknown_field():
    answer = whole({"content": "hi", "card": 4111111111111111}, more=[4111111111111111.0])

    left = Watch(DENY, request()).feed([{**answer, "usage": {"prompt_tokens": 4111111111111111}}])

    assert "4111111111111111" not in json.dumps(left)


def test_octets_of_a_secret_leave_from_no_log_probability():
    entries = [{"token": "?", "bytes": list(SECRET.encode())}, {"token": "ok", "bytes": None}]

    outcome = watched(DENY, [chunk({"content": "?ok"}, reason="stop", logprobs={"content": entries})])

    assert ("redact-0", "redact", "logprobs.content", 0, 0) in outcome.found


def test_a_message_that_is_null_beside_a_delta_ends_nothing():
    chunks = [
        chunk({"content": "one "}, message=None),
        chunk({"content": "two"}, message=None, reason="stop"),
    ]

    assert watched(DENY, chunks).said("content") == "one two"


def test_a_message_and_a_delta_in_one_choice_are_both_watched():
    left = Watch(DENY, request()).feed([chunk({"content": SECRET}, message={"content": "hi"}, reason="stop")])

    assert SECRET not in json.dumps(left)


def test_a_finish_reason_that_is_empty_ends_nothing():
    outcome = watched(DENY, [chunk({"content": "one "}, reason=""), chunk({"content": "two"}, reason="stop")])

    assert outcome.said("content") == "one two"


def test_a_finish_reason_that_may_not_leave_ends_the_answer_all_the_same():
    outcome = watched(DENY, [chunk({"content": "hi"}, reason=SECRET)])

    assert outcome.reasons == {0: "content_filter"}


def test_a_rule_that_begins_like_a_word_of_the_protocol_breaks_no_answer():
    compiled = policy(*deny("stopgap", "chat.completion.chunks", "assistants", "stop", "assistant"))

    left = Watch(compiled, request()).feed([chunk({"role": "assistant", "content": "hi"}, reason="stop")])

    assert left == [chunk({"role": "assistant", "content": "hi"}, reason="stop")]


def test_what_is_held_leaves_with_the_end_into_a_delta_that_is_null():
    left = Watch(DENY, request()).feed([chunk({"content": "sk-"}), chunk(None, reason="stop")])

    assert left == [chunk({"content": "sk-"}, reason="stop")]


def test_what_is_held_leaves_with_the_end_it_came_with():
    assert watched(DENY, [chunk({"content": "ask-"}, reason="stop")]).said("content") == "ask-"


def test_what_is_held_of_a_list_of_parts_leaves_with_the_end():
    parts = [{"type": "text", "text": "a sk-"}, {"type": "text", "text": "li"}]

    left = Watch(DENY, request()).feed([whole({"content": parts})])

    pieces = left[0]["choices"][0]["message"]["content"]
    assert "".join(piece["text"] for piece in pieces) == "a sk-li"


def test_what_is_held_leaves_beside_a_part_that_is_no_text():
    image = {"type": "image_url", "image_url": {"url": "https://example.org/1.png"}}

    left = Watch(DENY, request()).feed(
        [chunk({"content": "sk-"}), chunk({"content": [image]}, reason="stop")]
    )

    assert left[-1]["choices"][0]["delta"]["content"] == [image, {"type": "text", "text": "sk-"}]


def test_equal_tool_calls_of_a_whole_answer_each_get_what_they_held():
    calls = [{"id": "1", "function": {"name": "f", "arguments": "sk-"}} for _ in range(2)]

    left = Watch(DENY, request()).feed([whole({"tool_calls": copy.deepcopy(calls)}, reason="tool_calls")])

    assert left[0]["choices"][0]["message"]["tool_calls"] == calls


def test_pieces_of_one_tool_call_in_one_delta_are_joined_in_their_order():
    calls = [{"index": 0, "function": {"arguments": piece}} for piece in ('{"k": "sk-li', "ve-4eC", '39H"}')]

    outcome = watched(DENY, [chunk({"tool_calls": calls}, reason="tool_calls")])

    assert outcome.said("tool_calls", 0, "function", "arguments") == '{"k": "[redacted:redact-0]"}'


def test_tool_calls_are_numbered_from_zero_and_keep_their_number():
    order = [3, 7, 3, 5]
    chunks = [chunk({"tool_calls": [{"index": n, "function": {"arguments": str(n)}}]}) for n in order]

    outcome = watched(policy(), [*chunks, chunk({}, reason="tool_calls")])

    assert [outcome.said("tool_calls", n, "function", "arguments") for n in range(3)] == ["33", "7", "5"]


def test_a_chunk_whose_words_are_held_still_brings_what_else_it_has():
    sent = chunk({"content": "sk-"}, content_filter_results={"hate": {"filtered": False}})

    left = Watch(DENY, request()).feed([sent])

    assert left[0]["choices"][0]["content_filter_results"] == {"hate": {"filtered": False}}


@pytest.mark.parametrize("field", [{"usage": {"prompt_tokens": 1}}, {"citations": ["https://example.org"]}])
def test_a_chunk_whose_choices_are_held_still_brings_its_other_fields(field: dict[str, Any]):
    left = Watch(DENY, request()).feed([{**chunk({"content": "sk-"}), **field}])

    assert field.items() <= left[0].items()


def test_a_chunk_of_which_nothing_is_left_is_not_sent():
    assert Watch(DENY, request()).feed([chunk({"content": "sk-"})]) == []


def test_words_after_the_end_do_not_leave_and_are_noted():
    chunks = [
        chunk({"content": "sk-live-"}, reason="stop"),
        chunk({"content": "4eC39H"}),
        chunk({}, reason="stop"),
    ]

    outcome = watched(DENY, chunks)

    assert outcome.said("content") == "sk-live-"
    assert ("after-the-end", "redact", "choices", 0, 0) in outcome.found


def test_a_choice_that_ends_twice_is_noted_by_nobody():
    outcome = watched(DENY, [chunk({"content": "hi"}, reason="stop"), chunk({}, reason="stop")])

    assert outcome.found == set()


def test_two_deltas_of_a_choice_in_one_chunk_are_read_in_order():
    both = chunk({"content": "sk-live-"})
    both["choices"].append({"index": 0, "delta": {"content": "4eC39H!"}, "finish_reason": "stop"})

    assert watched(DENY, [both]).said("content") == "[redacted:redact-0]!"


@pytest.mark.parametrize("index", [-1, 128, 2**63, 10**18])
def test_a_choice_that_nobody_can_have_asked_for_does_not_leave(index: int):
    watch = Watch(policy(), request())

    assert watch.feed([chunk({"content": "hi"}, index=index)]) == []
    assert [verdict.rule for verdict in watch.verdicts] == ["choice-number"]


def test_choices_without_a_number_are_numbered_by_their_place():
    answer = whole({"content": "a"})
    answer["choices"] = [{"message": {"content": text}, "finish_reason": "stop"} for text in "ab"]

    left = Watch(DENY, request(n=2)).feed([answer])

    assert [choice["message"]["content"] for choice in left[0]["choices"]] == ["a", "b"]


def test_a_cut_ends_its_choice_and_no_other():
    watch = Watch(CUT, request(n=2))

    left = watch.feed(
        [chunk({"content": f"a {SECRET}!"}), chunk({"content": "more"}), chunk({"content": "b"}, index=1)]
    )

    assert [each["choices"][0]["delta"] for each in left] == [{"content": "a "}, {"content": "b"}]
    assert not watch.done


def test_an_answer_of_which_every_choice_is_cut_is_done():
    watch = Watch(CUT, request(n=2))

    watch.feed([chunk({"content": SECRET + "!"}, index=index) for index in (0, 1)])

    assert watch.done
    assert watch.complete


def test_after_a_cut_nothing_leaves_in_any_channel():
    message = {
        "content": f"a {SECRET} b",
        "refusal": "c",
        "tool_calls": [{"id": "d", "function": {"name": "e"}}],
        "function_call": {"name": "f"},
        "audio": {"data": "g"},
        "more": "h",
    }

    left = Watch(CUT, request()).feed([whole({"role": "assistant", **message})])

    choice = left[0]["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "a ", "refusal": ""}
    assert choice["finish_reason"] == "content_filter"


def test_after_a_cut_in_a_call_no_other_call_leaves():
    calls = [{"index": n, "id": f"id-{n}", "function": {"name": SECRET if n == 1 else "f"}} for n in range(3)]

    left = Watch(CUT, request()).feed([chunk({"tool_calls": calls}, reason="tool_calls")])

    assert [call["id"] for call in left[0]["choices"][0]["delta"]["tool_calls"]] == ["id-0", "id-1"]


def test_sound_leaves_until_a_rule_cuts_its_transcript():
    chunks = [chunk({"audio": {"data": "AAAA", "transcript": text}}) for text in ("well, ", f"{SECRET}!")]
    watch = Watch(CUT, request())

    left = watch.feed(chunks)

    assert [each["choices"][0]["delta"]["audio"] for each in left] == [
        {"data": "AAAA", "transcript": "well, "},
        {"transcript": ""},
    ]


def test_a_rule_that_asks_for_another_answer_says_so_and_lets_nothing_more_leave():
    watch = Watch(RETRY, request())

    left = watch.feed([chunk({"content": f"{SECRET} b"})])

    assert watch.retry_wanted
    assert not watch.said_something
    assert left == [chunk({"content": ""}, reason="content_filter")]


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "hi"},
        {"reasoning": "hm"},
        {"tool_calls": [{"index": 0, "function": {"name": "f"}}]},
        {"content": [{"type": "image_url", "image_url": {"url": "u"}}]},
        {"audio": {"data": "AAAA"}},
    ],
)
def test_content_is_what_a_person_or_program_may_already_have_used(delta: dict[str, Any]):
    watch = Watch(DENY, request())

    watch.feed([chunk({"role": "assistant", "content": ""})])
    before = watch.said_something
    watch.feed([chunk(delta)])

    assert not before
    assert watch.said_something


def test_tool_calls_beyond_a_bound_share_a_channel():
    calls = [{"index": n, "function": {"name": "f"}} for n in range(2_000)]

    outcome = watched(DENY, [chunk({"tool_calls": calls}, reason="tool_calls")])

    assert len(outcome.texts) == 257
    assert outcome.said("tool_calls", 256, "function", "name") == "f" * 1_744


def test_channels_beyond_a_bound_do_not_leave():
    calls = [{"index": n, "function": {"name": "f"}} for n in range(200)]

    outcome = watched(DENY, [chunk({"tool_calls": calls}, index=index) for index in range(10)])

    assert len(outcome.texts) == 1_024
    assert "too-many-channels" in {rule for rule, *_ in outcome.found}


def test_findings_without_end_are_acted_on_and_recorded_up_to_a_bound():
    outcome = watched(
        policy(*deny("ab", action="observe"), *deny("x")), [chunk({"content": "ab.x" * 5_000}, reason="stop")]
    )

    assert "x" not in outcome.said("content")
    assert len([rule for rule, *_ in outcome.found if rule != "repetition"]) == 32


def test_content_asked_for_as_json_is_read_as_its_reader_will():
    text = '{"k": "\\u0073k-live-4eC39H"}'

    outcome = watched(
        DENY, [chunk({"content": text}, reason="stop")], response_format=ResponseFormat(type="json_object")
    )

    assert outcome.said("content") == '{"k": "[redacted:redact-0]"}'
