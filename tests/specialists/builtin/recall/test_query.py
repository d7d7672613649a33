import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.specialists.builtin.recall.query import MOST_TERMS, query_of


def terms(question: str) -> list[str]:
    return [term.word for term in query_of(question).terms]


def test_a_question_is_looked_for_by_its_telling_words() -> None:
    assert terms("What does the handbook say about parental leave?") == ["handbook", "parental", "leave"]
    assert terms("Please tell me: what is it?") == []


def test_words_that_an_answer_may_leave_out_are_weak() -> None:
    assert [(term.word, term.is_weak) for term in query_of("allowed gifts").terms] == [
        ("allowed", True),
        ("gifts", False),
    ]


def test_words_that_stand_together_are_remembered_as_pairs() -> None:
    assert query_of("annual leave of the team lead").pairs == ((0, 1), (2, 3))


def test_the_question_of_a_longer_text_is_what_is_asked() -> None:
    assert terms("I bought a blue kettle yesterday. How long is the guarantee? Thanks!") == ["guarantee"]
    assert terms("Summarise overtime.") == ["summarise", "overtime"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How many days?", True),
        ("When does it close?", True),
        ("What is the price of it?", True),
        ("Who owns billing?", False),
        ("Where do I go whenever it rains?", False),
    ],
)
def test_questions_for_a_number_are_known(question: str, expected: bool) -> None:
    assert query_of(question).wants_number is expected


def test_questions_about_what_was_said_are_known() -> None:
    assert query_of("What was your answer about the dog?").about_answers
    assert not query_of("How do I book a room?").about_answers


@given(st.text(max_size=400))
def test_any_text_is_a_question_of_bounded_size(text: str) -> None:
    query = query_of(text)

    assert len(query.terms) <= MOST_TERMS
    assert all(0 <= place < len(query.terms) for pair in query.pairs for place in pair)


@pytest.mark.parametrize("piece", ["?", "how ", "a", ". ", "when?", "\n", "did you ", "'"])
def test_a_huge_question_is_read_in_no_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()

    query_of(text)

    assert time.process_time() - started < 2
