import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.config import load_config
from guardian_cluster.configuration.interpolation import (
    MAX_FILE_BYTES,
    BadReference,
    Interpolated,
    Interpolation,
    MissingVariable,
)
from guardian_cluster.contract.secret import Secret

ENVIRONMENT = {"A": "alpha", "EMPTY": "", "NESTED": "${A} $$", "_b1": "beta"}


def apply(text, folder=Path("/")):
    return Interpolation(ENVIRONMENT, folder).apply(text)


@pytest.mark.parametrize(
    ("text", "expected", "sources"),
    [
        ("plain", "plain", ()),
        ("${A}", "alpha", ("A",)),
        ("<${A}|${_b1}>", "<alpha|beta>", ("A", "_b1")),
        ("${EMPTY}", "", ("EMPTY",)),
        ("${EMPTY:-d}", "d", ("EMPTY",)),
        ("${NO:-d}", "d", ("NO",)),
        ("${NO:-}", "", ("NO",)),
        ("${NO:-a:-b c\n}", "a:-b c\n", ("NO",)),
        ("${A:-d}", "alpha", ("A",)),
        ("$$", "$", ()),
        ("$${A}", "${A}", ()),
        ("$$${A}", "$alpha", ("A",)),
        ("costs $5, ends with $", "costs $5, ends with $", ()),
    ],
)
def test_references_are_replaced(text, expected, sources):
    assert apply(text) == Interpolated(expected, sources)


def test_a_value_is_not_interpolated_again():
    assert apply("${NESTED}").text == "${A} $$"
    assert apply("${NO:-$$}").text == "$$"


@pytest.mark.parametrize("text", ["${NO}", "x${NO}y", "${A}${NO}"])
def test_a_variable_that_is_not_set_is_named(text):
    with pytest.raises(MissingVariable, match=r"^environment variable NO is not set$"):
        apply(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${A", 'has "${" without "}"; write "$${" for the characters themselves'),
        ("${}", 'has the reference "${}", which is neither'),
        ("${1A}", 'has the reference "${1A}", which is neither'),
        ("${A-b}", 'has the reference "${A-b}", which is neither'),
        ("${ A }", 'has the reference "${ A }", which is neither'),
        ("${file:}", 'names "", which is not a file'),
        ("${file:/}", 'names "/", which is not a file'),
        ("${file:/dev/zero}", 'names "/dev/zero", which is not a file'),
        ("${file:/no/such}", 'names "/no/such", which cannot be read: No such file or directory'),
        ("${file:~no.such.user/x}", 'names "~no.such.user/x", which cannot be read: Could not determine'),
    ],
)
def test_a_reference_that_leads_nowhere_is_explained(text, message):
    with pytest.raises(BadReference) as caught:
        apply(text)

    assert str(caught.value).startswith(message)


def test_a_path_with_the_character_nul_is_refused_in_words_of_our_own():
    with pytest.raises(BadReference) as caught:
        apply("${file:key\0.txt}")

    assert str(caught.value) == 'names "key\\u0000.txt", which holds the character NUL; no path does'


def test_a_file_is_read_without_its_last_newline(tmp_path):
    (tmp_path / "key").write_text("sk-1\nsk-2\r\n")

    assert apply("${file:key}", tmp_path) == Interpolated("sk-1\nsk-2", ("key",))
    assert apply(f"${{file:{tmp_path}/key}}").text == "sk-1\nsk-2"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\xff", "is not UTF-8 text"), (b"x" * (MAX_FILE_BYTES + 1), "is larger than 65536 bytes")],
)
def test_a_file_that_is_no_small_text_is_refused(tmp_path, content, message):
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(BadReference, match=message):
        apply("${file:key}", tmp_path)


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(BadReference, match="is not a file"):
        apply("${file:pipe}", tmp_path)


@given(st.text(st.characters(codec="utf-8")))
def test_doubling_every_dollar_keeps_any_text(text):
    assert apply(text.replace("$", "$$")).text == text


def outcome(text) -> Interpolated | ValueError:
    try:
        return apply(text)
    except (MissingVariable, BadReference) as error:
        return error


@given(st.text(alphabet="${}:-AB/file ", max_size=30))
def test_any_text_is_replaced_or_refused(text):
    result = outcome(text)

    assert isinstance(result, Interpolated) or str(result).isprintable()


def test_a_value_can_add_no_key(tmp_path):
    file = tmp_path / "guardian.toml"
    file.write_text('[specialist.m]\nurl = "http://h/v1"\nmodel = "${M}"\ntier = "${T}"')
    hostile = 'x"\napi_key = "stolen'

    section = load_config(file, environment={"M": hostile, "T": "2"}).specialist["m"]

    assert (section.model, section.api_key, section.tier) == (hostile, None, 2)


def test_a_secret_remembers_its_variable_or_file(tmp_path):
    (tmp_path / "key").write_text("from-file\n")
    (tmp_path / "guardian.toml").write_text(
        "".join(
            f'[specialist.{name}]\nurl = "http://h/v1"\nmodel = "m"\napi_key = "{key}"\n'
            for name, key in {"a": "${A}", "b": "${file:key}", "c": "written-here"}.items()
        )
    )

    specialists = load_config(
        tmp_path / "guardian.toml", environment={"A": "k", "B": "x"} | ENVIRONMENT
    ).specialist

    assert specialists["a"].api_key == Secret("alpha", "A")
    assert specialists["b"].api_key == Secret("from-file", "key")
    assert specialists["c"].api_key == Secret("written-here", "guardian.toml")
