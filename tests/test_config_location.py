import tomllib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guardian_cluster.configuration.location import MAX_DEPTH, MAX_KEYS, TooComplex, locate

DOCUMENT = '''\
title = "a # b [x]"
[server.main]  # [not.this]
a.b."c d" = 1
'e=f' = { g = 2, h = [ 3, { i = 4 } ] }
"\\u0041" = 5

[[item]]
name = """
x = 1
[table]
\\""" ""still inside"""
after = 6
[[item]]
list = [
  7,  # ]
  # "
  [8,
   9],
]
[[item.part]]
p = \'\'\'
''q = 1\'\'\'\'
[[item.part]]
p = "\\"]"
[item.part.deep]
z = 2026-01-02 03:04:05
[ "quoted . name" . x ]
last = true
'''

EXPECTED = {
    ("title",): 1,
    ("server",): 2,
    ("server", "main"): 2,
    ("server", "main", "a"): 3,
    ("server", "main", "a", "b"): 3,
    ("server", "main", "a", "b", "c d"): 3,
    ("server", "main", "e=f"): 4,
    ("server", "main", "e=f", "g"): 4,
    ("server", "main", "e=f", "h"): 4,
    ("server", "main", "e=f", "h", 0): 4,
    ("server", "main", "e=f", "h", 1): 4,
    ("server", "main", "e=f", "h", 1, "i"): 4,
    ("server", "main", "A"): 5,
    ("item",): 7,
    ("item", 0): 7,
    ("item", 0, "name"): 8,
    ("item", 0, "after"): 12,
    ("item", 1): 13,
    ("item", 1, "list"): 14,
    ("item", 1, "list", 0): 15,
    ("item", 1, "list", 1): 17,
    ("item", 1, "list", 1, 0): 17,
    ("item", 1, "list", 1, 1): 18,
    ("item", 1, "part"): 20,
    ("item", 1, "part", 0): 20,
    ("item", 1, "part", 0, "p"): 21,
    ("item", 1, "part", 1): 23,
    ("item", 1, "part", 1, "p"): 24,
    ("item", 1, "part", 1, "deep"): 25,
    ("item", 1, "part", 1, "deep", "z"): 26,
    ("quoted . name",): 27,
    ("quoted . name", "x"): 27,
    ("quoted . name", "x", "last"): 28,
}


def paths_of(value, path=()):
    """Every key path of a parsed document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from paths_of(item, (*path, key))


def test_every_form_of_key_has_its_line():
    assert locate(DOCUMENT) == EXPECTED


def test_the_paths_are_those_of_tomllib():
    assert set(locate(DOCUMENT)) == set(paths_of(tomllib.loads(DOCUMENT)))


KEYS = st.one_of(
    st.sampled_from(["a", "b", "c-d", "1", "'e.f'", '"g\\"h"', '"#"', "'['", '""']),
    st.from_regex(r"[a-z]{1,3}", fullmatch=True),
)
STRINGS = st.sampled_from(
    [
        '"x"',
        "'y # \"'",
        '"\\" ] = \\\\"',
        '"""\nk = 1\n[t]\n\\"""\n"""',
        '""""two"" """""',
        "'''\n]''x\n'''",
        "''''''",
        '""',
    ]
)
SCALARS = st.one_of(STRINGS, st.sampled_from(["1", "-2.5e3", "true", "inf", "1979-05-27 07:32:00", "0xff"]))
SPACES = st.sampled_from(["", " ", "\n", " # ] } \" '\n\t", "\n\n"])


def arrays(items):
    parts = st.lists(st.tuples(SPACES, items, SPACES), max_size=3)
    joined = parts.map(lambda triples: ",".join("".join(triple) for triple in triples))
    return st.tuples(joined, st.sampled_from(["", "\n"])).map(lambda pair: f"[{pair[0]}{pair[1]}]")


def inline_tables(items):
    pairs = st.lists(st.tuples(KEYS, items), max_size=3, unique_by=lambda pair: pair[0])
    return pairs.map(lambda each: "{ " + ", ".join(f"{key} = {value}" for key, value in each) + " }")


VALUES = st.recursive(SCALARS, lambda items: st.one_of(arrays(items), inline_tables(items)), max_leaves=6)
DOTTED = st.lists(KEYS, min_size=1, max_size=3).map(" . ".join)
LINES = st.one_of(
    st.tuples(DOTTED, VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}  # c = 1"),
    DOTTED.map(lambda key: f"[{key}]"),
    DOTTED.map(lambda key: f"[[ {key} ]] # x"),
    st.sampled_from(["", "# [a]", "  \t"]),
)


@given(st.lists(LINES, max_size=8))
def test_any_valid_document_is_located_completely(lines):
    text = "\n".join(lines)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        parsed = None

    located = locate(text)

    assert parsed is None or set(located) == set(paths_of(parsed))


@given(st.lists(st.tuples(SPACES, VALUES), min_size=1, max_size=6))
def test_a_key_is_found_on_the_line_it_was_written_on(pairs):
    text = "".join(f"{space}\nkey_{index} = {value}" for index, (space, value) in enumerate(pairs))

    lines = text.split("\n")

    located = locate(text)
    for index in range(len(pairs)):
        assert lines[located[(f"key_{index}",)] - 1].startswith(f"key_{index} = ")


@given(st.text(alphabet="ab.=[]{}\",'#\\\n \t1", max_size=60))
@example('a = "')
@example("a = {b")
@example("[[")
@example('a = """\\')
@example('"\\z" = 1')
def test_broken_text_ends_with_paths_on_lines_that_exist(text):
    located = locate(text)

    assert all(1 <= line <= text.count("\n") + 1 for line in located.values())


@pytest.mark.parametrize(
    "text",
    [
        "\nx = " + "[" * 100_000,
        "\nx = " + "{a=" * 100_000,
        "\n" + "a." * 100_000 + "b = 1",
        "\n[" + "a." * 100_000 + "b]",
        "\nx = {" + "a." * 100_000 + "b = 1}",
    ],
    ids=["arrays", "inline tables", "dotted key", "header", "dotted key inside"],
)
def test_nesting_no_configuration_has_is_refused_with_its_line(text):
    with pytest.raises(TooComplex) as caught:
        locate(text)

    assert caught.value.line == 2
    assert str(caught.value) == f"nested more than {MAX_DEPTH} levels deep"


def test_a_document_of_more_keys_than_can_be_checked_quickly_is_refused():
    with pytest.raises(TooComplex, match="more than 100,000 keys and elements"):
        locate("[a]\nb = [" + "1," * MAX_KEYS + "]")


@pytest.mark.parametrize(
    "text", ['a = """' + '\\"x' * 300_000, "a = [" + '"",' * 90_000 + "]", "'" * 900_000]
)
def test_a_megabyte_of_quotes_is_read_in_one_pass(text):
    assert len(locate(text)) <= 90_001
