from found_passages import NOON, Found, answer, quoted

from guardian_cluster.specialists.builtin.recall.quoting import LEAST_COVERAGE, MOST_QUOTES

LEAVE = Found(
    "Welcome to all of you.\nEvery employee has 28 days of annual leave.\nUnused days expire in March.",
    heading="Handbook > Leave",
    document="handbook.md",
    first_line=12,
)


def test_the_sentence_that_answers_is_quoted_with_its_own_line() -> None:
    (quote,) = answer("How many days of annual leave do employees have?", LEAVE).quotes

    assert quote.lines == ("Every employee has 28 days of annual leave.",)
    assert quote.source == "handbook.md > Handbook > Leave > line 13"


def test_sentences_that_answer_together_are_quoted_together() -> None:
    (quote,) = answer("When do unused days of annual leave expire?", LEAVE).quotes

    assert quote.lines == ("Every employee has 28 days of annual leave.", "Unused days expire in March.")
    assert quote.source == "handbook.md > Handbook > Leave > lines 13-14"


def test_nothing_is_quoted_where_nothing_supports_an_answer() -> None:
    found = answer("How much parental leave do employees have?", LEAVE)

    assert found.quotes == ()
    assert (found.quality.passages, found.quality.staleness_s) == (0, 0)
    assert 0 < found.quality.coverage < LEAST_COVERAGE


def test_quality_says_how_good_and_how_old_the_best_is() -> None:
    quality = answer("Do unused days expire?", LEAVE, now=NOON + 60).quality

    assert (quality.coverage, quality.passages, quality.staleness_s) == (1, 1, 60)
    assert 0 < quality.relevance <= 1


def test_only_a_few_of_many_equal_passages_are_quoted_and_none_twice() -> None:
    many = [Found(f"The limit of item {n} is 5.", document=f"{n}.md") for n in range(9)]

    assert len(answer("What is the limit of an item?", *many).quotes) == MOST_QUOTES
    assert quoted(
        "What is the limit?", Found("The limit is 5."), Found("The limit is 5.", document="b.md")
    ) == ["The limit is 5."]


def test_a_list_is_quoted_with_what_announces_it() -> None:
    text = "Rooms are cleaned daily.\n\nThe allowed drinks are:\n- water\n- tea"

    assert quoted("Which drinks are allowed?", Found(text)) == ["The allowed drinks are:", "- water", "- tea"]


def test_long_sentences_are_cut_and_quotations_bounded() -> None:
    lines = quoted("Which colours are allowed?", Found("Allowed colours: " + "blue, " * 5_000))

    assert sum(map(len, lines)) <= 900
    assert lines[0].endswith("…")


def test_a_question_that_says_nothing_is_not_answered() -> None:
    assert quoted("What is it?", LEAVE) == []
