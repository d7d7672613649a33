"""What of a request is recorded for guardians: its language, its instructions and its words, as numbers."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.domain.request import EmbeddingsRequest, UserRequest
from guardian_cluster.request.subject import MAX_WORDS, READ_CHARACTERS, Subject, Subjects
from guardian_cluster.statistics.word_numbers import NUMBERS, unpacked

QUESTION = "Why do enzymes of hyperthermophilic bacteria not denature at the temperature of boiling water?"
SUBJECTS = Subjects("salt of one installation")


def asked(
    question: Any = "Hi", *instructions: str, role: str = "system", salt: Subjects = SUBJECTS
) -> Subject:
    messages: list[dict[str, Any]] = [{"role": role, "content": each} for each in instructions]
    messages.append({"role": "user", "content": question})
    return salt.of(UserRequest(body={"model": "m", "messages": messages}))


@pytest.mark.parametrize(
    ("question", "language"),
    [
        (QUESTION, "english"),
        ("Wie viele Menschen leben zur Zeit in der Stadt Hannover?", "german"),
        ("Où se trouve la plus grande bibliothèque de la ville de Lyon ?", "french"),
        ("¿Cuál es la capital de la provincia y por qué no está en el mapa?", "spanish"),
        ("Почему вода в море солёная?", "russian"),
        ("为什么海水是咸的？", "chinese"),
        ("海の水はなぜ塩辛いのですか。", "japanese"),
        ("“What” — as they say — is the meaning of this “new” word?", "english"),
        ("Hi", ""),
        ("x = f(y) + 3; return x, y, z", ""),
    ],
)
def test_the_language_of_a_question_is_told_where_it_is_clear(question: str, language: str):
    assert asked(question).language == language


def test_the_language_of_the_instructions_does_not_count():
    assert asked("Combien de gens habitent dans la ville de Lyon ?", QUESTION).language == "french"


def test_instructions_that_differ_in_numbers_alone_are_one_template():
    one, other = asked("Hi", "It is 2026-11-23, 9:05."), asked("Hi", "It is 2026-12-01, 13:40.")

    assert one.template == other.template
    assert len(one.template) == 8
    assert asked("Hi", "It is the year 2026.").template not in ("", one.template)


def test_a_template_does_not_depend_on_the_question_nor_on_what_follows_it():
    assert asked("Hi", "Be brief.").template == asked(QUESTION, "Be brief.").template
    assert asked("Hi", "Be brief.", role="developer").template == asked("Hi", "Be brief.").template
    assert asked("Hi").template == ""
    late = [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."}]
    assert SUBJECTS.of(UserRequest(body={"model": "m", "messages": late})).template == ""


def test_long_instructions_are_told_apart_by_their_beginning_and_their_size():
    long = "Follow the rules of the house. " * 100

    assert asked("Hi", long).template == asked("Hi", long[:-5] + "hall.").template
    assert asked("Hi", long).template != asked("Hi", long * 3).template
    assert asked("Hi", long).template != asked("Hi", "X" + long).template


def test_equal_words_have_equal_numbers_and_word_order_and_case_do_not_matter():
    one, other = unpacked(asked(QUESTION).words), unpacked(asked(QUESTION.upper()).words)

    assert set(one) == set(other)
    assert 5 <= len(one) <= MAX_WORDS
    assert max(one) < NUMBERS


def test_another_installation_has_other_numbers_and_templates():
    here, there = asked(QUESTION, "Be brief."), asked(QUESTION, "Be brief.", salt=Subjects("another salt"))

    assert not set(unpacked(here.words)) & set(unpacked(there.words))
    assert here.template != there.template


def test_questions_of_one_subject_share_numbers_in_a_script_without_spaces():
    one, other = asked("为什么海水是咸的？").words, asked("请问为什么海水是咸的呢？").words

    assert len(set(unpacked(one)) & set(unpacked(other))) >= 4


def test_the_numbers_are_the_same_in_every_process_and_version():
    assert unpacked(Subjects("fixed").of(UserRequest(body=_body("Enzymes denature."))).words) == (13750, 9400)


def _body(question: str) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": question}]}


@pytest.mark.parametrize(
    ("sent", "expects"),
    [(QUESTION, True), ([QUESTION, "other"], True), ([1, 2, 3], False), ([[1, 2], [3]], False)],
)
def test_of_what_is_to_be_embedded_the_first_text_is_looked_at(sent: Any, expects: bool):
    subject = SUBJECTS.of(UserRequest(body={"model": "m", "input": sent}, operation="embeddings"))

    assert (subject.language, bool(subject.words)) == (("english", True) if expects else ("", False))
    assert subject.template == ""


def test_what_was_too_long_to_be_read_has_no_words():
    body: Any = {"model": "m", "input": msgspec.Raw(b'"%b"' % (b"enzymes " * 4_000))}
    view = EmbeddingsRequest(model="m", input="unread")

    assert SUBJECTS.of(UserRequest(body=body, view=view, operation="embeddings")).words == b""


TEXTS = st.text(max_size=2 * READ_CHARACTERS) | st.text("aß9 \n😀\ud800字", max_size=900)


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_any_text_has_a_subject_of_bounded_size(question: str, instructions: str):
    subject = asked(question, instructions)

    assert len(subject.words) <= 2 * MAX_WORDS
    assert len(subject.words) % 2 == 0
    assert len(subject.template) in (0, 8)
    assert subject == asked(question, instructions)


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_content_in_parts_is_read_as_its_texts(texts: list[str]):
    parts = [{"type": "text", "text": each} for each in texts]

    assert asked(parts) == asked("\n".join(filter(None, texts)))
