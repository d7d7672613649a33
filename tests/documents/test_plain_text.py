from document_text import shape

from guardian_cluster.documents.plain_text import read_plain, read_restructured


def test_text_is_divided_at_empty_lines() -> None:
    assert shape(list(read_plain("a\nb\n\n \nc"))) == [("", "a\nb", 1, 2), ("", "c", 5, 5)]


def test_titles_of_restructured_text_are_of_the_level_of_their_sign() -> None:
    text = "=====\nTitle\n=====\n\na\n\nOne\n---\nb\n\nDeep\n~~~~\n\nc\n\nTwo\n---\n\nd"

    assert shape(list(read_restructured(text))) == [
        ("Title", "a", 5, 5),
        ("Title > One", "b", 9, 9),
        ("Title > One > Deep", "c", 14, 14),
        ("Title > Two", "d", 19, 19),
    ]


def test_tables_and_short_lines_of_signs_are_no_titles() -> None:
    text = "====  ====\nx     y\n====  ====\n\na long line of text\n--\n\nb"

    assert {heading for heading, *_ in shape(list(read_restructured(text)))} == {""}
