"""A configuration may come from anywhere: whatever is in the file, the answer is quick and in words."""

import os

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from guardian_cluster.config import Config, load_config
from guardian_cluster.errors import ConfigError


def refused(tmp_path, content: bytes) -> str:
    file = tmp_path / "guardian.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(file, environment={})
    return str(caught.value).replace(f"{tmp_path}/", "")


UNREADABLE = {
    b"x" * 1_000_001: ("guardian.toml: is larger than 1,000,000 bytes", "config-too-large"),
    b"a = 1\n\xff = 2": ("guardian.toml:2: is not UTF-8 text", "config-not-text"),
    "a = 1".encode("utf-16"): ("guardian.toml: is written in UTF-16; save it as UTF-8", "config-not-text"),
    b"[log]\nlevel = \0": ("guardian.toml:2:9: is not valid TOML: invalid value", "config-syntax"),
    b"a = 1\n\nb 2": (
        "guardian.toml:3:3: is not valid TOML: expected '=' after a key in a key/value pair",
        "config-syntax",
    ),
    b"\na = [1,": (
        "guardian.toml:2: is not valid TOML: invalid value at the end of the file",
        "config-syntax",
    ),
    b"a = 1\na = 2\n": ("guardian.toml:2:6: is not valid TOML: cannot overwrite a value", "config-syntax"),
    b"\nx = " + b"[" * 500_000: ("guardian.toml:2: nested more than 32 levels deep", "config-too-complex"),
    b"a = [\n" + b"1," * 200_000: (
        "guardian.toml:2: more than 100,000 keys and elements",
        "config-too-complex",
    ),
    b"\n" + b"a." * 400_000 + b"a = 1": (
        "guardian.toml:2: nested more than 32 levels deep",
        "config-too-complex",
    ),
}


@pytest.mark.parametrize("content", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_file_that_cannot_be_parsed_is_refused_with_its_place(tmp_path, content):
    message, code = UNREADABLE[content]

    assert refused(tmp_path, content) == f"error: {message}\n  see: guardian config schema      ({code})"


def test_a_number_of_a_million_digits_is_refused(tmp_path):
    assert "guardian.toml: is not valid TOML: Exceeds the limit" in refused(
        tmp_path, b"a = " + b"9" * 900_000
    )


def test_a_byte_order_mark_and_windows_newlines_are_read(tmp_path):
    file = tmp_path / "guardian.toml"
    file.write_bytes(b'\xef\xbb\xbf[log]\r\nlevel = "debug"\r\n')

    assert load_config(file, environment={}).log.level == "debug"


def test_what_is_not_a_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    for name, message in (
        ("pipe", "is not a file"),
        ("none", "there is no such file"),
        (".", "is not a file"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / ("x" * 300))


def test_names_cannot_steer_the_terminal(tmp_path):
    said = refused(tmp_path, b'"\\u001b[2J\\u202e" = 1\n[specialist."\\u0007\\n"]')

    assert "\\u001b[2J\\u202e" in said
    assert "\\u0007\\u000a" in said
    assert all(char.isprintable() or char == "\n" for char in said)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("hostile", ["[" * 60_000, "{" + "a." * 30_000 + "a = 1}", "1\ntier = 2"])
def test_a_hostile_value_for_a_number_is_no_number(tmp_path, hostile):
    (tmp_path / "value").write_text(hostile)

    said = refused(tmp_path, b'[specialist.m]\nurl = "http://h"\nmodel = "m"\ntier = "${file:value}"')

    assert said.splitlines()[0] == (
        "error: guardian.toml:4: specialist.m.tier must be a whole number, not a string"
    )


TWICE = "'n0','n0',"


def able(index: int) -> str:
    """Return the beginning of a specialist that could answer."""
    return f"n{index}={{url='http://h',model='m',"


@pytest.mark.timeout(20)
def test_a_circle_of_thousands_is_one_problem_with_a_short_name(tmp_path):
    count = 13_000
    lines = (f"{able(index)}fallback=['n{(index + 1) % count}']}}\n" for index in range(count))

    said = refused(tmp_path, ("[specialist]\n" + "".join(lines)).encode())

    assert said.count("error:") == 1
    assert "closes a circle: n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> ... -> n12999 -> n0\n" in said


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "content",
    [
        "".join(f"key_{index} = 1\n" for index in range(60_000)),
        "".join(f'[specialist.n{index}]\nfallback=["x{index}"]\n' for index in range(25_000)),
        "[specialist]\n" + "".join(f"{able(index)}fallback=['n{index ^ 1}']}}\n" for index in range(13_000)),
        f"[specialist]\n{able(0)}tier=1}}\n{able(1)}fallback=[{TWICE * 40_000}]}}",
        "[specialist]\n" + "".join(f"n{index}={{url='',model=''}}\n" for index in range(30_000)),
        "[alias]\n" + "".join(f'a{index}="b{index}"\n' for index in range(50_000)),
        "[watch]\ndeny = [" + "{}," * 90_000 + "]",
        "gateway.cors_origins = [" + '"x",' * 90_000 + "]",
    ],
    ids=["keys", "fallbacks", "circles", "repeats", "endpoints", "aliases", "rules", "origins"],
)
def test_tens_of_thousands_of_problems_are_counted_in_seconds(tmp_path, content):
    said = refused(tmp_path, content.encode())

    assert said.count("error:") == 50
    assert "more problems" in said.splitlines()[-1]


KEYS = st.sampled_from(
    ["gateway", "specialist", "m", "url", "model", "endpoint", "watch", "deny", "tier", "alias", "x"]
)
LEAVES = st.sampled_from(
    ['"${A}"', '""', "1", "-1", "1e400", "true", "[]", "{}", "07:00:00", '["a"]', '"http://h"']
)
HEADERS = st.lists(KEYS, min_size=1, max_size=4).map(".".join)
LINES = st.one_of(
    st.tuples(KEYS, LEAVES).map(" = ".join),
    HEADERS.map(lambda name: f"[{name}]"),
    HEADERS.map(lambda name: f"[[{name}]]"),
)


def outcome(file) -> Config | ConfigError:
    try:
        return load_config(file, environment={"A": "a"})
    except ConfigError as error:
        return error


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.lists(LINES, max_size=10).map("\n".join) | st.text(max_size=40))
@example("specialist.m = []")
def test_any_file_is_read_or_refused_in_words(tmp_path, text):
    file = tmp_path / "guardian.toml"
    file.write_bytes(text.encode(errors="surrogatepass"))

    result = outcome(file)

    assert result.base().specialists if isinstance(result, Config) else all(map(str, result.problems))
