"""How many tokens a message has, about, and which calls and words it holds."""

import msgspec
import pytest
from conversations import calling, message, piece, result
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.request.measuring import IMAGE_TOKENS, piece_of, terms_of, tokens_of


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("the quick brown fox jumps over the lazy dog", 9, 13),
        ("быстрая коричневая лиса прыгает", 8, 16),
        ("素早い茶色の狐が怠け者の犬を飛び越える", 15, 25),
        ("敏捷的棕色狐狸", 5, 8),
        ("สุนัขจิ้งจอกสีน้ำตาล", 10, 21),
        ("빠른 갈색 여우", 5, 9),
        ("😀🎉🚀", 3, 6),
        ("", 0, 0),
    ],
)
def test_tokens_are_estimated_in_any_script(text: str, least: int, most: int):
    assert least <= tokens_of(text.encode()) <= most


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_fewer_tokens(text: str, more: str):
    assert 0 <= tokens_of(text.encode()) <= tokens_of((text + more).encode())


def test_a_large_text_is_estimated_from_samples():
    text = ("word " * 20_000 + "狐" * 100_000).encode()

    assert tokens_of(text) == pytest.approx(125_000, rel=0.35)


def test_an_image_counts_as_one_however_large_it_is():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    words = {"type": "text", "text": "what is this?"}

    assert piece(message("user", [words, picture])).tokens == pytest.approx(IMAGE_TOKENS + 20, abs=15)


def test_another_medium_is_no_more_than_an_image():
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 100_000, "format": "wav"}}

    assert piece(message("user", [sound])).tokens == pytest.approx(IMAGE_TOKENS, abs=10)


def test_calls_and_results_are_read():
    assert piece(calling("a", "b")).calls == ("call a", "call b")
    assert piece(result("a")).answers == "call a"
    assert piece(message("assistant", function_call={"name": "f"})).calls == ("function f",)
    assert piece(message("function", "42", name="f")).answers == "function f"
    assert piece(message("user", "x", tool_calls=[{"id": "a"}])).calls == ()


@pytest.mark.parametrize(
    "sent",
    [b"", b"null", b"[]", b'"x"', b"{", b'{"role": 1}', b'{"role": "user", "content": [1, {"type": 2}, []]}',
     b'{"role": "user", "content": [' + b"[" * 5_000, b"\xff\xfe", b'{"role": "assistant", "tool_calls": "x"}'],
)  # fmt: skip
def test_what_is_no_message_is_a_plain_one(sent: bytes):
    found = piece_of(sent)

    assert (found.calls, found.answers) == ((), None)
    assert found.tokens >= 0


def test_a_message_of_odd_fields_keeps_its_role():
    assert piece(message("assistant", "x", tool_calls="none")).role == "assistant"


def shared(question: str, said: str) -> set[str]:
    terms = terms_of([piece(message("user", question)).message])
    found = terms.shared_with(piece(message("assistant", said)).message)
    return {each.decode().strip() for each in found} - {"role", "content"}


def test_words_are_shared_whatever_their_case_and_marks():
    assert shared("How long is Parental leave?", "Parental\n\nLEAVE: 14") == {"parental", "leave"}
    assert shared("17*23", "(17) times [23]") == {"17", "23"}
    assert shared("cats", "cat") == set()


def test_pairs_of_characters_are_shared_where_no_spaces_divide_words():
    assert shared("育児休暇は", "長い育児休暇") == {"育児", "児休", "休暇"}


def test_escaped_characters_are_read_as_what_they_stand_for():
    asked = msgspec.Raw('{"role":"user","content":"caf\\u00e9 \\ud83d\\ude00\\ud83d\\ude00 \\ud800"}')

    found = terms_of([asked]).shared_with(piece(message("user", "café 😀😀")).message)

    assert {" café ".encode(), "😀😀".encode()} <= set(found)
