import msgspec
import pytest

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.continuation.continuable import MAX_SAID_CHARACTERS, Continuability, refused_by


def request(**fields: object) -> UserRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": True, **fields}
    return UserRequest(body=body)


def chunk(**delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def why(*chunks: dict[str, object], **fields: object) -> str | None:
    noted = Continuability(request(**fields))
    for each in chunks:
        noted.take([each])
    return noted.why_not()


def test_plain_text_may_be_continued() -> None:
    noted = Continuability(request())
    noted.take([chunk(role="assistant", content=""), chunk(content="The capital "), chunk(content="of")])

    assert noted.why_not() is None
    assert noted.said == "The capital of"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"stream": False}, "not streamed"),
        ({"n": 2}, "several choices"),
        ({"logprobs": True}, "log probabilities"),
        ({"response_format": {"type": "json_object"}}, "of a form"),
        ({"guided_json": {"type": "object"}}, "of a form"),
        ({"guided_json": msgspec.Raw(b'{"type": "object"}')}, "of a form"),
        ({"modalities": ["text", "audio"]}, "more than text"),
    ],
)
def test_a_request_may_rule_it_out(fields: dict[str, object], reason: str) -> None:
    assert reason in (why(chunk(content="Yes, and"), **fields) or "")
    assert reason in (refused_by(request(**fields)) or "")


def test_fields_that_ask_for_nothing_do_not_rule_it_out() -> None:
    fields = {"modalities": ["text"], "guided_json": None, "grammar": msgspec.Raw(b"null"), "tools": []}

    assert why(chunk(content="Yes, and"), **fields) is None


@pytest.mark.parametrize(
    ("delta", "reason"),
    [
        ({"tool_calls": [{"index": 0, "function": {"name": "f"}}]}, "tool"),
        ({"function_call": {"name": "f"}}, "tool"),
        ({"refusal": "I cannot"}, "more than text"),
        ({"audio": {"data": "x"}}, "more than text"),
        ({"content": [{"type": "image_url", "image_url": {}}]}, "more than text"),
        ({"reasoning": "hm"}, "reasoned between"),
    ],
)
def test_more_than_text_rules_it_out(delta: dict[str, object], reason: str) -> None:
    assert reason in (why(chunk(content="Yes, "), chunk(**delta), chunk(content="and")) or "")


def test_reasoning_before_the_words_is_over_and_alone_is_not() -> None:
    assert why(chunk(reasoning_content="hm")) == "it was still reasoning"
    assert why(chunk(reasoning_content="hm"), chunk(content="The capital")) is None
    assert why(chunk(content=" \n")) == "nothing was said yet"


def test_an_answer_that_ended_or_has_several_choices_is_not_continued() -> None:
    ended = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    second = {"choices": [{"index": 1, "delta": {"content": "Yes"}}]}
    measured = {"choices": [{"index": 0, "delta": {"content": "Yes"}, "logprobs": {"content": []}}]}

    assert "its end" in (why(chunk(content="Yes"), ended) or "")
    assert "several choices" in (why(chunk(content="Yes"), second) or "")
    assert "log probabilities" in (why(chunk(content="Yes"), measured) or "")


def test_words_in_parts_are_words() -> None:
    assert why(chunk(content=[{"type": "text", "text": "The capital"}])) is None


def test_more_than_the_most_is_not_continued() -> None:
    assert why(chunk(content="a " * (MAX_SAID_CHARACTERS // 2))) is None
    assert "64,000" in (why(chunk(content="a " * (MAX_SAID_CHARACTERS // 2)), chunk(content="b")) or "")


def test_it_is_not_continued_inside_a_code_block() -> None:
    assert "code block" in (why(chunk(content="So:\n```py\n"), chunk(content="x = 1\n")) or "")
    assert why(chunk(content="So:\n```py\nx = 1\n```\nThat")) is None
