import msgspec
import pytest

from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.continuation.asking import REPEATED_TOKENS, anchor_of, continued, fields_of

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tell me."}]
SAID = "The Lenta is 230 km long. It has twelve bridges and a "


@pytest.mark.parametrize(
    "messages",
    [
        ASKED,
        msgspec.Raw(msgspec.json.encode(ASKED)),
        [msgspec.Raw(msgspec.json.encode(each)) for each in ASKED],
    ],
)
def test_it_is_asked_for_with_the_messages_before_however_they_are_encoded(messages: object) -> None:
    asked = msgspec.json.decode(msgspec.json.encode(continued(messages, SAID, "prompt")))

    assert asked[:2] == ASKED
    assert asked[2] == {"role": "assistant", "content": SAID.rstrip()}
    assert asked[3]["role"] == "user"
    assert anchor_of(SAID) in asked[3]["content"]


def test_a_prefilled_answer_is_the_last_message() -> None:
    asked = continued(ASKED, SAID, "prefill")

    assert asked[-1] == {"role": "assistant", "content": SAID.rstrip(), "prefix": True}
    assert len(asked) == 3


def test_an_answer_that_the_caller_began_stays_one_message() -> None:
    begun = [*ASKED, {"role": "assistant", "content": "Well: "}]

    for messages in (begun, msgspec.Raw(msgspec.json.encode(begun))):
        asked = continued(messages, SAID, "prefill")
        assert asked[-1]["content"] == "Well: " + SAID.rstrip()
        assert len(asked) == 3


def test_what_was_said_counts_against_the_token_limit() -> None:
    body = {"model": "m", "messages": ASKED, "max_tokens": 100, "stream": True}

    assert fields_of(UserRequest(body=body), "word " * 40, "prefill")["max_tokens"] == 50
    assert fields_of(UserRequest(body=body), "word " * 400, "prefill")["max_tokens"] == 1
    assert fields_of(UserRequest(body=body), "word " * 40, "prompt") == {"max_tokens": 50 + REPEATED_TOKENS}


def test_only_servers_that_are_asked_to_prefill_get_fields_of_their_own() -> None:
    request = UserRequest(body={"model": "m", "messages": ASKED, "max_completion_tokens": 9})

    assert fields_of(request, "x", "prompt").keys() == {"max_completion_tokens"}
    assert fields_of(request, "x", "prefill")["continue_final_message"] is True
    assert fields_of(request, "x", "prefill")["add_generation_prompt"] is False


def test_the_anchor_names_its_place() -> None:
    said = "Item one is red and round. " * 5 + "Item two is red and round."

    anchor = anchor_of(said)

    assert said.endswith(anchor)
    assert said.count(anchor) == 1
    assert not anchor[0].isspace()


@pytest.mark.parametrize("said", ["Yes", "天气很好，" * 100, "a" * 5_000, "no " * 900, "\n- \n- x"])
def test_an_anchor_is_a_bounded_end_of_what_was_said(said: str) -> None:
    anchor = anchor_of(said)

    assert said.rstrip().endswith(anchor)
    assert 0 < len(anchor) <= 240
