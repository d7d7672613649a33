from document_text import shape

from guardian_cluster.documents.markdown import HEADING_CHARACTERS, read_markdown


def test_paragraphs_stand_under_their_headings_with_their_lines() -> None:
    text = "intro\n\n# One\n\na\nb\n\n## Two ##\nc\n# Three\n\nd\n"

    assert shape(list(read_markdown(text))) == [
        ("", "intro", 1, 1),
        ("One", "a\nb", 5, 6),
        ("One > Two", "c", 9, 9),
        ("Three", "d", 12, 12),
    ]


def test_underlined_headings_are_headings_and_rules_and_tables_are_not() -> None:
    text = "One\n===\n\na\n\nTwo\n---\nb\n\n---\n\n| x |\n|---|\n| 1 |\n"

    assert shape(list(read_markdown(text))) == [
        ("One", "a", 4, 4),
        ("One > Two", "b", 8, 8),
        ("One > Two", "---", 10, 10),
        ("One > Two", "| x |\n|---|\n| 1 |", 12, 14),
    ]


def test_fenced_code_stays_whole_and_has_no_headings() -> None:
    text = "# One\n```sh\n# no heading\n\nx\n```\n~~~~\n~~~\n# none\n"

    (block,) = read_markdown(text)

    assert block.heading == ("One",)
    assert (block.text, block.first_line, block.last_line) == (text.removeprefix("# One\n").rstrip(), 2, 9)


def test_what_only_looks_like_a_heading_is_text() -> None:
    for line in ("#hashtag", "####### seven", "    # code", "\\# no"):
        assert shape(list(read_markdown(line))) == [("", line, 1, 1)]


def test_a_heading_of_any_length_is_cut() -> None:
    (block,) = read_markdown("# " + "x" * 5_000 + "\n\ntext")

    assert len(block.heading[0]) == HEADING_CHARACTERS
