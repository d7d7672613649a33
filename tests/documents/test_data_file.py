import json

import pytest
from document_text import shape

from guardian_cluster.documents.block import Unreadable
from guardian_cluster.documents.data_file import read_json, read_json_lines, read_table


def test_json_is_read_member_by_member_with_the_keys_that_lead_to_each_value() -> None:
    text = json.dumps({"office": {"city": "Graz", "floors": [1, 2]}, "none": None, "open": True})

    assert shape(list(read_json(text))) == [
        ("office", "city: Graz\nfloors: 1\nfloors: 2", 0, 0),
        ("open", "true", 0, 0),
    ]


def test_an_array_is_read_item_by_item() -> None:
    assert shape(list(read_json('[{"a": 1}, "x"]'))) == [("1", "a: 1", 0, 0), ("2", "x", 0, 0)]


def test_lines_of_json_keep_their_numbers() -> None:
    assert shape(list(read_json_lines('{"a": 1}\n\n{"b": {"c": 2}}\n'))) == [
        ("", "a: 1", 1, 1),
        ("", "b c: 2", 3, 3),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no JSON: Expecting property name"),
        ("[" * 100_000, "is nested too deeply"),
        ('{"a":' * 100_000, "is nested too deeply"),
        ("1" * 5_000, "is no JSON: Exceeds the limit"),
    ],
)
def test_what_is_no_json_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        list(read_json(text))
    with pytest.raises(Unreadable, match=r"line 2"):
        list(read_json_lines("{}\n" + text))


def test_deep_and_wide_values_stay_bounded() -> None:
    deep: object = "x"
    for _ in range(300):
        deep = {"k" * 1_000: deep}

    (block,) = read_json(json.dumps({"a": deep, "b": "", "c": []}))

    assert len(block.text) < 25_000


def test_rows_of_a_table_have_the_names_of_their_columns() -> None:
    text = 'city;note\nGraz;"two\nlines"\nWien;;extra\n;;\n'

    assert shape(list(read_table(text))) == [
        ("", "city: Graz; note: two lines", 2, 3),
        ("", "city: Wien; extra", 4, 4),
    ]


def test_a_table_that_is_none_is_refused() -> None:
    with pytest.raises(Unreadable, match="is no table at line 2: field larger than field limit"):
        list(read_table('a,b\n"' + "x" * 200_000))


def test_an_empty_table_has_no_rows() -> None:
    assert list(read_table("")) == []
