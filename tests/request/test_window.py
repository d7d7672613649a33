"""How much of a specialist's window the messages of a conversation may take."""

from typing import Any

import pytest
from conversations import message, windowed

from guardian_cluster.contract.snapshot import Variant
from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.window import MAX_HISTORY_TOKENS, room_in, tokens_besides


def room(
    window: int | None,
    required: int = 100,
    *,
    besides: int = 0,
    variant: Variant | None = None,
    **fields: Any,
) -> int:
    able = windowed("small", window, variant=variant)
    request = UserRequest(body={"model": "small", "messages": [message("user", "hi")], **fields})
    return room_in(able, request, besides_tokens=besides, required_tokens=required)


def test_a_quarter_of_the_window_is_kept_for_an_answer_of_unknown_length():
    assert room(8_000) == 5_400  # nine tenths of the other three quarters


@pytest.mark.parametrize(
    "fields", [{"max_tokens": 7_000}, {"max_completion_tokens": 7_000, "max_tokens": 1}, {"max_tokens": 7e3}]
)
def test_what_the_caller_allows_an_answer_is_kept_for_it(fields: dict[str, Any]):
    assert room(8_000, **fields) == 900


def test_what_its_specialist_allows_an_answer_is_kept_for_it():
    variant = Variant(id="v1", parameters={"max_tokens": 7_000}, instructions="Be brief. " * 40)

    assert room(8_000, variant=variant) == 810
    assert room(8_000, variant=variant, max_tokens=6_000) == 1_710


def test_tools_take_room_as_well():
    tools = [{"type": "function", "function": {"name": "f", "description": "x" * 3_950}}]
    request = UserRequest(body={"model": "a", "messages": [message("user", "hi")], "tools": tools})

    assert tokens_besides(request) == pytest.approx(1_010, abs=10)
    assert room(8_000, besides=1_000) == 4_500


def test_a_question_that_takes_most_of_the_window_is_still_asked():
    assert room(8_000, 7_700) == 7_700


def test_a_question_that_cannot_fit_is_refused_with_the_numbers():
    with pytest.raises(InvalidRequest) as caught:
        room(8_000, 1_500, besides=500, max_tokens=7_000)

    assert caught.value.code == "context_length_exceeded"
    assert caught.value.message == (
        "`small` takes 8000 tokens, 7000 of which are kept for the answer; the instructions, tools and newest "
        "question alone hold about 2000, whatever is left out of the history. Send less, ask for a shorter answer "
        "(`max_tokens`), or name a model with a larger window."
    )


def test_a_question_larger_than_the_window_is_refused_whatever_the_answer():
    with pytest.raises(InvalidRequest, match="hold about 9000, whatever is left out"):
        room(8_000, 9_000)


def test_a_window_that_is_not_known_refuses_nothing():
    assert room(None, 100_000) == 100_000
    assert room(None, 100) == 5_529
    assert room(None, 100, max_tokens=50_000) == 100


def test_a_history_is_no_larger_than_what_is_sensible_to_pay_for():
    assert room(1_000_000, 500) == 500 + MAX_HISTORY_TOKENS
