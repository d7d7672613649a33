from found_passages import NOON, Found, evidence

from guardian_cluster.specialists.builtin.recall.ranking import order


def best(question: str, *passages: Found) -> str:
    return order(evidence(question, *passages))[0].passage.text


def test_a_passage_with_more_of_the_question_is_better() -> None:
    whole, half = (
        Found("Parental leave can last 36 months."),
        Found("Annual leave is 28 days. Leave leave leave."),
    )

    assert best("How long is parental leave?", half, whole) == whole.text


def test_words_that_stand_together_are_worth_more_than_scattered_ones() -> None:
    together = Found("The guarantee covers seals. A. B. C. D. E. F.")
    scattered = Found("The guarantee is long. A. B. C. D. E. F. Never use vinegar: it harms seals.")

    near, far = evidence("Does the guarantee cover seals?", together, scattered)

    assert near.coverage > far.coverage > 0.3


def test_a_heading_says_what_a_passage_is_about() -> None:
    under = Found("It is 28 days.", heading="Handbook > Annual leave")

    (found,) = evidence("How many days of annual leave?", under)

    assert found.coverage > 0.9


def test_the_name_of_the_document_counts_as_a_heading() -> None:
    assert evidence("What does the handbook say?", Found("Hello.", document="handbook.md"))[0].coverage > 0.9


def test_a_phrase_is_worth_more_than_its_words() -> None:
    phrase, words = Found("the team lead decides"), Found("lead the team decides")

    first, second = evidence("Does the team lead decide?", phrase, words)

    assert first.coverage == second.coverage
    assert first.relevance > second.relevance


def test_a_question_for_a_number_wants_one() -> None:
    with_one, without = evidence(
        "How many users are included?", Found("3 users included"), Found("All users included")
    )

    assert with_one.coverage > without.coverage


def test_of_equals_the_newest_comes_first() -> None:
    old, new = Found("Leave is 25 days.", at=NOON - 10), Found("Leave is 28 days.", at=NOON)

    assert best("How many days of leave?", old, new) == new.text


def test_scores_stay_within_their_bounds() -> None:
    for found in evidence(
        "leave leave annual leave days", Found("leave " * 500), Found(""), Found("annual leave days")
    ):
        assert 0 <= found.coverage <= 1
        assert 0 <= found.relevance <= 1
