import pytest
from document_samples import find, put, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from guardian_cluster.domain.words import words
from guardian_cluster.storage.memory_database import open_memory


def test_the_passage_with_the_rarest_words_comes_first(memory: Engine) -> None:
    put(memory, *["the leave of employees"] * 20, "parental leave of employees", "nothing")

    hits = find(memory, "parental", "leave", "employees")

    assert texts(hits)[0] == "parental leave of employees"
    assert (hits.counts, hits.total) == ((1, 21, 21), 22)


def test_only_as_many_are_found_as_are_wanted(memory: Engine) -> None:
    put(memory, *[f"apple {n}" for n in range(9)])

    assert len(find(memory, "apple", limit=4).passages) == 4


def test_a_passage_comes_with_where_it_stands(memory: Engine) -> None:
    put(memory, "28 days", heading=["Handbook", "Leave"])

    (found,) = find(memory, "days").passages

    assert (found.document, found.heading, found.first_line, found.last_line) == (
        "a.md",
        "Handbook > Leave",
        1,
        1,
    )


@pytest.mark.parametrize("word", ["leave", "handbook", "a"])
def test_headings_and_the_name_of_the_document_are_searched_too(memory: Engine, word: str) -> None:
    put(memory, "28 days", heading=["Handbook", "Leave"])

    assert texts(find(memory, word)) == ["28 days"]


def test_a_prefix_finds_longer_words_and_a_whole_word_does_not(memory: Engine) -> None:
    put(memory, "reimbursements")

    assert texts(find(memory, "reimburs", prefix=True)) == ["reimbursements"]
    assert texts(find(memory, "reimburs")) == []


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Überstunden in München", "uberstunden"),
        ("resume writing", "Résumé"),
        ("STRASSE", "straße"),
        ("ﬁle names", "file"),
        ("snake_case names", "case"),
        ("年次有給休暇は20日です", "休暇"),
        ("ІЗОЛЯЦІЯ орендарів", "ізоляція"),
        ("see guardian.toml", "toml"),
    ],
)
def test_case_accents_and_scripts_do_not_matter(memory: Engine, text: str, asked: str) -> None:
    put(memory, text)

    assert texts(find(memory, asked)) == [text]


@pytest.mark.parametrize(
    "word",
    [
        '") OR owner:*',
        "a* OR b",
        "' | 'x':*",
        "NEAR(a b)",
        "{heading}: x",
        "\\",
        "'",
        '"',
        "",
        "\0",
        "x' <-> '",
        "ownerdeadbeef",
        ":query",
        "%(x)s",
    ],
)
def test_what_looks_like_syntax_is_only_words(memory: Engine, word: str) -> None:
    put(memory, "apple", tenant="t")
    put(memory, "pear", tenant="other")

    assert texts(find(memory, word)) == []
    assert texts(find(memory, word, "apple")) == ["apple"]


def test_no_words_find_nothing(memory: Engine) -> None:
    put(memory, "apple")

    assert find(memory).passages == ()


def test_very_long_words_and_many_of_them_are_taken(memory: Engine) -> None:
    put(memory, "x" * 5_000 + " " + "longest" * 400)

    assert len(find(memory, "x" * 5_000).passages) == 1
    assert len(find(memory, *[f"w{n}" for n in range(500)], "x").passages) == 0


@settings(max_examples=40)  # each opens a database
@given(st.lists(st.text(max_size=40), max_size=6), st.booleans())
def test_any_words_are_searched_without_an_error(asked: list[str], prefix: bool) -> None:
    engine = open_memory(None)
    put(engine, "apple pear")

    found = find(engine, *asked, prefix=prefix)

    assert len(found.counts) == len(asked)
    engine.dispose()


@settings(max_examples=40)  # each opens a database
@given(st.text(max_size=200))
def test_every_word_of_a_text_finds_it(text: str) -> None:
    engine = open_memory(None)
    put(engine, text)

    missed = [word for word in words(text)[:10] if texts(find(engine, word)) != [text]]

    engine.dispose()
    assert missed == []
