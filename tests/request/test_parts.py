"""Which requests may be taken apart, and what becomes of a request's words and wishes in each part."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.decomposition import Part
from guardian_cluster.request.parts import is_divisible, messages_of, request_for

ASKED = {"role": "user", "content": "compute 17*23 and who wrote Hamlet?"}
TOOL = {"type": "function", "function": {"name": "f"}}


def request(*messages: Any, operation: Any = "chat", **fields: Any) -> UserRequest:
    return UserRequest(body={"model": "auto", "messages": [*messages], **fields}, tenant="t", key="k")


def part(text: str = "who wrote Hamlet", instruction: str = "", requirement: Any = "general") -> Part:
    return Part(2, text, requirement, text, instruction)


@pytest.mark.parametrize("role", ["system", "developer"])
def test_one_question_in_plain_words_may_have_parts(role: str):
    assert is_divisible(request(ASKED))
    assert is_divisible(request({"role": role, "content": "Be brief."}, ASKED))
    assert is_divisible(request(ASKED, response_format={"type": "text"}, n=1))


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [TOOL]},
        {"functions": [{"name": "f"}]},
        {"n": 2},
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
    ],
    ids=str,
)
def test_what_binds_the_whole_answer_binds_its_parts_together(fields: dict[str, Any]):
    assert not is_divisible(request(ASKED, **fields))


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}, ASKED],
        [ASKED, ASKED],
        [{"role": "assistant", "content": "hello"}],
        [{"role": "system", "content": "hello"}],
        [{"role": "user", "content": [{"type": "text", "text": "compute 17*23"}]}],
    ],
)
def test_what_is_not_one_question_is_left_whole(messages: list[Any]):
    assert not is_divisible(request(*messages))


def test_numbers_to_be_embedded_have_no_parts():
    body = {"model": "auto", "input": "compute 17*23 and who wrote Hamlet?"}

    assert not is_divisible(UserRequest(body=body, operation="embeddings"))


def test_a_part_is_a_request_of_its_own_with_the_rights_of_the_whole():
    whole = msgspec.structs.replace(request(ASKED), timeout_s=5.0, max_cost_usd=0.1, session="s")
    alone = request_for(whole, part())

    assert (alone.id, alone.tenant, alone.key) == (f"{whole.id}.2", "t", "k")
    assert (alone.timeout_s, alone.max_cost_usd, alone.session) == (5.0, 0.1, "s")
    assert (alone.model, alone.body["model"]) == ("auto", "auto")


@given(
    st.lists(st.tuples(st.sampled_from(["system", "developer"]), st.text(max_size=40)), max_size=3),
    st.text(max_size=60),
    st.booleans(),
)
def test_instructions_go_to_every_part_and_of_the_question_only_its_own_words(
    instructions: list[tuple[str, str]], text: str, encoded: bool
):
    told = [{"role": role, "content": content} for role, content in instructions]
    whole = request(*told, ASKED)
    if encoded:
        raw = msgspec.Raw(msgspec.json.encode(whole.body["messages"]))
        whole = UserRequest(body={**whole.body, "messages": raw}, view=whole.view)

    alone = request_for(whole, part(text))

    assert alone.body["messages"] == [*told, {"role": "user", "content": text}]
    assert [(each.role, each.content) for each in alone.chat.messages] == [
        (each["role"], each["content"]) for each in alone.body["messages"]
    ]


def test_what_was_said_of_every_part_follows_its_words():
    alone = request_for(request(ASKED), part(instruction="Answer in German."))

    assert alone.body["messages"][-1]["content"] == "who wrote Hamlet\nAnswer in German."


def test_what_the_solver_understood_is_passed_on_as_it_understood_it():
    alone = request_for(request(ASKED), part("17*23", "Answer briefly.", "exact"))

    assert alone.body["messages"][-1]["content"] == "17*23"


@pytest.mark.parametrize("options", [None, {"include_usage": True}])
def test_a_part_is_answered_whole_also_where_the_answer_is_streamed(options: Any):
    whole = request(ASKED, stream=True, stream_options=options, temperature=0.5)

    alone = request_for(whole, part())

    assert not alone.streamed
    assert alone.chat.stream_options is None
    assert alone.body.keys() == {"model", "temperature", "messages"}
    assert whole.streamed
    assert whole.body["messages"] == [ASKED]


def test_fields_of_a_message_that_are_not_read_are_passed_on():
    alone = request_for(request({**ASKED, "name": "ann"}), part())

    assert alone.body["messages"] == [{"role": "user", "content": "who wrote Hamlet", "name": "ann"}]


def test_messages_are_decoded_where_they_were_not():
    view = request(ASKED).view
    raw = UserRequest(
        body={"model": "auto", "messages": msgspec.Raw(msgspec.json.encode([ASKED]))}, view=view
    )

    assert messages_of(raw) == messages_of(request(ASKED)) == [ASKED]
