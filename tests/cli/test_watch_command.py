"""`guardian watch`: what it reads, what it prints, with which code it ends."""

import io
import json

import pytest

from guardian_cluster.cli import watched_text
from guardian_cluster.cli.main import run
from guardian_cluster.contract.snapshot import Base, DetectorThreshold, Overlay, Snapshot
from guardian_cluster.contract.snapshot_file import write_snapshot

SECRET = "ghp_" + "a8Kd0qLz" * 4 + "Wq3x"
KEY = f"my key is {SECRET}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of its own, without a configuration, and with data that is not the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def watched(capsys, *arguments, status=0):
    assert run(["watch", *arguments]) == status
    return capsys.readouterr()


def told(capsys, *arguments, status=0):
    return json.loads(watched(capsys, "--json", *arguments, status=status).out)


def piped(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), "utf-8"))


def test_a_secret_is_shown_by_its_beginning_alone(capsys):
    out = watched(capsys, KEY, status=1).out

    assert "tenant default (no guardian.toml, so the defaults)" in out
    assert "github-personal-token  1:11 @10  redact  GitHub: ghp_… (40)" in out
    assert "leaves as:\n  my key is [redacted:github-personal-token]\n" in out
    assert "characters held back" in out
    assert SECRET not in out


def test_json_holds_the_same_and_no_secret_either(capsys):
    out = watched(capsys, "--json", KEY, status=1).out

    found = json.loads(out)
    assert (found["acts"], found["kind"]) == (True, "answer")
    assert found["explained"]["findings"][0]["excerpt"] == "ghp_"
    assert found["explained"]["streamed"]["us_per_chunk"] > 0
    assert {each["detector"] for each in found["explained"]["scores"]} == {"harm", "refusal"}
    assert SECRET not in out


def test_what_is_only_noted_or_ignored_ends_with_0(capsys):
    out = watched(capsys, "write to a@b.example.org \u202e").out

    assert "ignored  a@b… (15)" in out
    assert "observe  U+202E RIGHT-TO-LEFT OVERRIDE" in out


def test_nothing_found_is_said(capsys):
    assert "no detector finds anything" in watched(capsys, "hello").out


def test_a_file_is_read_and_its_name_can_be_meant_too(folder, capsys):
    (folder / "answer").write_bytes(b"\xef\xbb\xbf" + KEY.encode())

    assert told(capsys, "answer", status=1)["explained"]["characters"] == len(KEY)
    assert told(capsys, "--text", "answer")["explained"]["characters"] == len("answer")


def test_standard_input_is_read(capsys, monkeypatch):
    piped(monkeypatch, KEY.encode())

    assert told(capsys, "-", status=1)["acts"]


def test_no_text_steers_the_terminal(capsys, monkeypatch):
    piped(monkeypatch, "a\x1b[2Jb\u202ec\x9b31md\r\ne\u200b".encode())

    out = watched(capsys, "-").out

    assert "  a\\u001b[2Jb\\u202ec\\u009b31md\\u000d\n  e\\u200b\n" in out
    assert not set(out) & set("\x1b\u202e\x9b\r\u200b")


def test_json_is_ascii(capsys, monkeypatch):
    piped(monkeypatch, "a\u202e\x9b".encode())

    assert watched(capsys, "--json", "-").out.isascii()


def test_a_tenants_policy_is_watched_by_and_no_other_section_is_needed(folder, capsys):
    (folder / "guardian.toml").write_text(
        '[specialist.x]\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\napi_key = "${NOT_SET}"\n'
        '[tenant.strict.watch]\npersonal = { email = "cut" }\n'
    )

    assert not told(capsys, "to a@b.example.org")["acts"]
    found = told(capsys, "--tenant", "strict", "to a@b.example.org", status=1)
    assert found["policy"] == "tenant strict (guardian.toml)"
    assert found["explained"]["streamed"]["leaves"] == "to "


def test_input_is_watched_by_the_policy_of_input(folder, capsys):
    (folder / "own.toml").write_text('[watch.input]\non_secret = "block"\n')

    out = watched(capsys, "--config", "own.toml", "--input", KEY, status=1).out

    assert "the request is refused: nothing goes to a model" in out
    assert "as a document it speaks to the model" in out
    assert f"goes to the model as:\n  {KEY}\n" in watched(capsys, "--input", KEY).out


def test_an_answer_is_held_against_prompt_documents_and_schema(folder, capsys):
    prompt = "You are Bluefin of Halcyon Freight. Never disclose the discount ceiling of seventeen percent."
    for name, content in (
        ("prompt", prompt),
        ("document", "It weighs 40 kg."),
        ("schema", '{"type": "object"}'),
    ):
        (folder / name).write_text(content)

    found = told(
        capsys, "--system", "prompt", "--context", "document", "--schema", "schema", f'"{prompt}"', status=1
    )

    assert {each["rule"] for each in found["explained"]["findings"]} == {"system-prompt", "format-schema"}
    assert {each["detector"] for each in found["explained"]["scores"]} == {
        "harm",
        "refusal",
        "ungrounded",
        "injection",
    }


def test_json_is_expected_of_any_schema(capsys):
    out = watched(capsys, "--expect-json", "Sure, here it is", status=1).out

    assert "format-json" in out
    assert "another answer is asked for in its place" in out
    late = watched(capsys, "--expect-json", '{"a": 1, oh', status=1).out
    assert "a stream of which something has left is not retried" in late


def test_a_learned_threshold_is_shown_and_counts(folder, capsys):
    (folder / "guardian.toml").write_text('[watch]\non_harm = "retry"\n')
    learned = [
        DetectorThreshold(detector="harm", specialist="local", tenant=tenant, value=value)
        for tenant, value in (("default", 0.01), ("other", 0.02))
    ]
    write_snapshot(
        folder / "data",
        Snapshot(rev=1, base=Base(specialists=()), overlay=Overlay(thresholds=tuple(learned))),
    )

    out = watched(capsys, "hello there", status=1).out

    assert "0.01 local" in out
    assert "0.02" not in out


def test_a_long_text_is_shown_in_part(capsys, monkeypatch):
    piped(monkeypatch, b"a@b.example.org " * 500)

    out = watched(capsys, "-").out

    assert "and 4,000 more characters, which --json has" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'TEXT|FILE|-'"),
        ([""], "there is nothing to watch: the text is empty"),
        (
            ["answer.txt"],
            "there is no file answer.txt\n  to watch these words themselves: guardian watch --text",
        ),
        (["."], ". is a folder"),
        (["--tenant", "nobody", "x"], "there is no tenant nobody\n  there are: default"),
        (["--system", "nowhere", "x"], "there is no file nowhere"),
        (["--schema", "list", "x"], "the schema list is no JSON schema"),
        (["--schema", "words", "x"], "the schema words is not JSON"),
        (["--schema", "large", "x"], "the schema large has more than 32,768 bytes"),
        (["--schema", "deep", "x"], "the schema deep is not JSON"),
        (["bytes"], "bytes is not UTF-8 text, from byte 3 on"),
        (["caf\udce9"], "the text is not UTF-8 text, from byte 3 on"),
        (["--input", "--expect-json", "x"], "--input goes without"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(folder, capsys, arguments, said):
    contents = {
        "list": b"[]",
        "words": b"no",
        "large": b" " * 40_000,
        "deep": b"[" * 30_000,
        "bytes": b"caf\xe9",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)

    out, err = watched(capsys, *arguments, status=2)

    assert said in err
    assert "see: guardian watch --help" in err
    assert out == ""


def test_a_text_that_is_too_long_is_refused(capsys, monkeypatch):
    monkeypatch.setattr(watched_text, "MAX_BYTES", 10)
    piped(monkeypatch, b"x" * 11)

    assert "standard input has more than 10 bytes" in watched(capsys, "-", status=2).err
    assert "the text has more than 10 bytes" in watched(capsys, "x" * 11, status=2).err


def test_a_closed_standard_input_is_an_empty_one(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)

    assert "the text is empty" in watched(capsys, "-", status=2).err
