import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.watcher.scoring.groundedness import Context, contradictions, groundedness

CONTEXT = (
    "The bridge in Porto was opened in 1886. It is 385 metres long and was designed by Théophile Seyrig."
)


def test_a_sentence_of_the_context_is_grounded():
    assert groundedness("The bridge in Porto was opened in 1886.", CONTEXT) == (1.0, (), ())


def test_numbers_and_names_that_are_not_in_the_context_are_named():
    found = groundedness("The bridge was designed by Gustave Eiffel in 1887.", CONTEXT)

    assert found.novel_numbers == ("1887",)
    assert found.novel_names == ("Gustave", "Eiffel")
    assert found.score < 0.6


def test_the_first_word_of_a_sentence_is_no_name():
    assert groundedness("Bridges are long.", CONTEXT).novel_names == ()


def test_separators_of_thousands_do_not_make_a_number_new():
    assert groundedness("It cost 1,200 euros.", "It cost 1200 euros").novel_numbers == ()


def test_a_context_may_be_read_once_for_all_sentences():
    sentence = "It is 400 metres long."

    assert groundedness(sentence, Context(CONTEXT)) == groundedness(sentence, CONTEXT)


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_score_lies_between_0_and_1(sentence: str, context: str):
    found = groundedness(sentence, context)

    assert -1e-9 <= found.score <= 1
    assert groundedness(sentence, sentence).score == 1.0


def test_one_quantity_with_two_values_is_found():
    answer = "The annual ticket price is 50 euros. Later on we read that the annual ticket price is 70 euros."

    assert contradictions(answer) == [("ticket price _ euros", ("50", "70"))]


@pytest.mark.parametrize(
    "answer",
    [
        "Step 1: boil the water. Step 2: add the rice.",
        "It was built in 1886 and restored in 1990.",
        "The ticket price is 50 euros. The ticket price is 50 euros.",
        "The adult ticket price is 50 euros, the child meal price is 70 euros.",
        "",
        "\ud800 1 \x00 2",
    ],
)
def test_what_is_no_contradiction_is_not_named(answer: str):
    assert contradictions(answer) == []


@pytest.mark.parametrize(
    "text", ["1" * 100_000, "1,." * 30_000, "Ab " * 30_000, "price list 1 euros " * 5_000]
)
def test_long_texts_are_read_without_trouble(text: str):
    assert groundedness(text, text).score == 1.0
    assert contradictions(text) == []
