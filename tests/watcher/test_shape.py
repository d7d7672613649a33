"""What a shape stands for: what it finds, and from where a text that ends may still become it."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from guardian_cluster.watcher.body import Bodies, Body
from guardian_cluster.watcher.letters import is_name, oddness
from guardian_cluster.watcher.shape import CAP, Run, Tail, parse, variants

PERSONAL = "ghp_0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX"
"""A head and thirty-six characters."""


def tail(shape: str) -> Tail:
    (pieces,) = variants(parse(shape))
    return Tail(pieces)


def test_a_shape_is_literal_text_and_runs_in_turn():
    assert parse("ab-{digit:10-13}{hex:2-}") == ["ab-", Run("0-9", 10, 13), Run("0-9a-f", 2, None)]


def test_alternatives_are_told_apart():
    assert variants(parse("sk_(live|test)_{alnum:4}(|-eu)"))[1:3] == [
        ["sk_live_", Run("A-Za-z0-9", 4, 4), "-eu"],
        ["sk_test_", Run("A-Za-z0-9", 4, 4)],
    ]


def test_signs_of_the_language_stand_for_themselves_when_doubled():
    assert parse("a{{b((c||d))e") == ["a{b(c|d)e"]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("", "the shape is empty"),
        ("{digits:3}", "`digits` is no class; there are digit, hex"),
        ("ab{digit}", "`{digit}` at 2 is no `{class:length}`"),
        ("a(b|c", "`(` at 1 has no `)`"),
        ("a)", "`)` at 1 is no"),
        ("{[z-a]:3}", "`[z-a]` is no set of characters"),
        ("{[^a]:3}", "is no set of characters"),
        ("{digit:5-3}", "must be 1 to 512, the lesser first"),
        ("{digit:0}", "must be 1 to 512"),
        ("{digit:1-600}", "must be 1 to 512"),
    ],
)
def test_what_is_no_shape_is_refused_and_named(shape: str, said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        parse(shape)


def test_too_many_alternatives_are_refused():
    with pytest.raises(ValueError, match="stands for 512 texts; at most 256"):
        variants(parse("abc" + "(a|b)" * 9))


def test_a_secret_is_found_at_its_least_length_and_runs_on():
    body = tail("{alnum:36}")

    assert body.end(PERSONAL, 4) == 40
    assert body.end(PERSONAL[:-1], 4) is None
    assert body.is_open(PERSONAL[:-1], 4)
    assert not body.is_open(PERSONAL[:20] + " ", 4)
    assert body.run_on(PERSONAL + "yZ a", 40) == (42, False)
    assert body.run_on(PERSONAL, 40) == (40, True)


def test_what_has_too_few_characters_is_a_placeholder():
    assert tail("{alnum:36}").end("x" * 40, 0) is None
    assert tail("{digit:10}").end("1122334455", 0) == 10


def test_what_finds_no_end_is_taken_for_a_secret_at_the_cap():
    body = tail("{alnum:10-}.{alnum:3}")
    text = PERSONAL.removeprefix("ghp_") * 15

    assert body.is_open(text[: CAP - 1], 0)
    assert body.end(text[: CAP - 1], 0) is None
    assert body.end(text, 0) == CAP
    assert body.run_on(text, CAP) == (len(text), True)


pieces = st.lists(
    st.sampled_from(["{[ab]:1}", "{[ab]:2}", "{[ab]:1-3}", "{[bc]:2}", "c", "ab", "(a|bc)"]),
    min_size=1,
    max_size=4,
)
written = st.text("abc", max_size=12)


@given(pieces.map("".join), written, written)
def test_a_text_that_may_become_a_secret_is_open_and_no_other(shape: str, before: str, after: str):
    assume(shape.count("-3}") <= 1)
    for variant in variants(parse(shape)):
        body = Tail(variant)
        cut_off = before[: len(before)]
        if body.end(cut_off, 0) is None and body.end(cut_off + after, 0) is not None:
            assert body.is_open(cut_off, 0)
        if body.end(cut_off, 0) is not None:
            assert body.end(cut_off + after, 0) == body.end(cut_off, 0)


def test_a_body_must_fit_as_a_whole():
    body = Body(parse("{lower:10}"))

    assert list(body.find("k=0a1b2c3d4e;", 0, 99, last=False)) == [(2, 12)]
    assert list(body.find("k=0a1b2c3d4e5;", 0, 99, last=False)) == []
    assert list(body.find("k=0a1b2c3d4e", 0, 99, last=False)) == []
    assert list(body.find("k=0a1b2c3d4e", 0, 99, last=True)) == [(2, 12)]
    assert Bodies([body]).open_from("k=0a1b2c3d4e", 0) == 2
    assert Bodies([body]).open_from("k=0a1b2c3d4e5", 0) == 13


def test_a_body_of_letters_alone_is_a_word_where_digits_could_be():
    assert list(Body(parse("{lower:10}")).find("k=collection;", 0, 99, last=False)) == []
    assert list(Body(parse("{alpha:10}")).find("k=abcdefghij;", 0, 99, last=False)) == [(2, 12)]


@pytest.mark.parametrize(
    ("text", "is_word"),
    [
        ("collection", True),
        ("changeme", True),
        ("ZWeXSVAk", False),
        ("wRAjruivUWS", False),
        ("a_b_c_d_e", False),
    ],
)
def test_letters_of_no_word_are_random(text: str, is_word: bool):
    assert (oddness(text) < 0.25) is is_word
    assert (list(Body(parse("{token:8-11}")).find(text, 0, 99, last=True)) == []) is is_word


@pytest.mark.parametrize(
    "text", ["sk_live_XXXXXXXXXXXXXXXXXXXXXXXX", "0abcdefghijklmnopqrstuvwxyz", "xxxxxxxx"]
)
def test_a_placeholder_is_no_secret(text: str):
    assert list(Body(parse("{token:8-40}")).find(text, 0, 99, last=True)) == []


@pytest.mark.parametrize("around", ["{}", "({})", "key={}", "{};"])
def test_a_form_stands_alone(around: str):
    form = Body(parse("EAAA{token:12-20}"), entropy=3.0, is_form=True)
    text = around.format("EAAAa1B2c3D4e5F6")

    assert [text[at:end] for at, end in form.find(text, 0, 99, last=True)] == ["EAAAa1B2c3D4e5F6"]
    assert list(form.find(f"/{text}", 0, 99, last=True)) == [] or around != "{}"
    assert list(form.find(text.replace("F6", "F6+"), 0, 99, last=True)) == []


@pytest.mark.parametrize("mark", ['"', "'"])
def test_the_marks_a_shape_is_written_in_are_no_part_of_what_is_found(mark: str):
    body = Body(parse(f"{mark}{{token:8-20}}{mark}"))
    text = f"p={mark}a1B2c3D4{mark}"

    assert [text[at:end] for at, end in body.find(text, 0, 99, last=False)] == ["a1B2c3D4"]
    assert Bodies([body]).open_from(text[:-1], 0) == 3
    assert Bodies([body]).open_from(text, 0) == len(text) == 12
    assert list(body.find(text.replace(mark, "`"), 0, 99, last=True)) == []
    assert list(body.find(f"x{mark}a1B2c3D4{mark}", 0, 99, last=True)) == []


@pytest.mark.parametrize(
    ("text", "quoted", "expected"),
    [
        ("SEC_OID_X509_SUBJECT_KEY_ID", True, True),
        ("gnutls_x509_crt_fmt_t", False, True),
        ("win32api.RegOpenKeyEx", False, True),
        ("win32api.RegOpenKeyEx", True, False),
        ("X509KeyUsageExtension", False, True),
        ("Winter2024Snow", False, False),
        ("0685bd9184jfhq22", False, False),
        ("aB3_xY9.kQ2", False, False),
        ("TWFTEBXN_UFAE6KKU", True, False),
        ("AB12CD34_EF56GH78", True, False),
        ("", False, False),
        ("_._", False, False),
    ],
)
def test_a_name_is_of_words(text: str, quoted: bool, expected: bool):
    assert is_name(text, quoted=quoted) is expected


@given(pieces.map("".join), written, written)
def test_a_body_that_is_found_later_was_open_before(shape: str, before: str, after: str):
    body = Body(parse(shape))
    found = set(body.find(before + after + " ", 0, 99, last=False))

    for start, end in found:
        if start < len(before) <= end:
            assert Bodies([body]).open_from(before, 0) <= start
