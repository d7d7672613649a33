import json
import os
from pathlib import Path

import click
import pytest

from guardian_cluster.cli.ingest import ingest
from guardian_cluster.errors import BadArgument, CannotCreate


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of its own with some documents, and a data folder beside them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\nfirst words\n")
    (tmp_path / "docs" / "b.txt").write_text("second words\n")
    return tmp_path


def run(*arguments: object) -> int:
    return ingest.main([str(each) for each in arguments], standalone_mode=False)


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capsys.readouterr()
    assert run("--list", "--json", *options) == 0
    return [each["name"] for each in json.loads(capsys.readouterr().out)]


def test_a_folder_is_ingested_and_only_what_changed_is_read_again(folder, capsys):
    assert run("docs") == 0
    assert capsys.readouterr().out == "2 ingested (2 passages), 0 unchanged\n"

    (folder / "docs" / "b.txt").write_text("other words\n")
    assert run("docs", "--json") == 0

    assert json.loads(capsys.readouterr().out) == {
        "added": ["b.txt"], "unchanged": 1, "pruned": [], "skipped": {}, "failed": {}, "passages": 1
    }  # fmt: skip
    assert (folder / "data" / "memory.db").stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(folder, capsys):
    (folder / "docs" / "aa.txt").write_bytes(b"\0\1\2")
    (folder / "docs" / "broken.json").write_text("{")
    (folder / "docs" / "picture.png").write_bytes(b"\x89PNG\0")
    (folder / "docs" / "empty.md").write_text("")

    assert run("docs") == 3

    out, err = capsys.readouterr()
    assert out == "2 ingested (2 passages), 0 unchanged, 2 passed over, 2 failed\n"
    assert sorted(line.split(" ")[0] for line in err.splitlines()) == ["error:", "error:", "note:", "note:"]
    assert f"error: {folder}/docs/aa.txt is binary" in err
    assert listed(capsys) == ["a.md", "b.txt"]


def test_what_is_only_of_another_format_is_no_failure(folder):
    (folder / "docs" / "picture.png").write_bytes(b"\x89PNG\0")

    assert run("docs") == 0
    assert run("docs/picture.png") == 3


def test_deleted_files_are_forgotten_with_prune_and_only_then(folder, capsys):
    run("docs")
    (folder / "docs" / "a.md").unlink()

    run("docs")
    assert listed(capsys) == ["a.md", "b.txt"]
    run("docs", "--prune")
    assert listed(capsys) == ["b.txt"]


def test_a_file_that_cannot_be_read_any_more_is_not_pruned(folder, capsys):
    run("docs")
    (folder / "docs" / "a.md").write_bytes(b"\0")

    assert run("docs", "--prune") == 3
    assert listed(capsys) == ["a.md", "b.txt"]


def test_a_document_is_forgotten_by_its_name(folder, capsys):
    run("docs")

    assert run("--forget", "a.md") == 0

    assert listed(capsys) == ["b.txt"]
    with pytest.raises(BadArgument, match=r"default has no document a\.md"):
        run("--forget", "a.md")


def test_tenants_have_their_own_documents(folder, capsys):
    run("docs/a.md", "--tenant", "one")

    assert listed(capsys, "--tenant", "one") == ["a.md"]
    assert listed(capsys) == []
    with pytest.raises(BadArgument):
        run("--forget", "a.md")


def test_the_data_folder_can_be_named(folder, capsys):
    assert run("docs", "--data", folder / "elsewhere") == 0

    assert (folder / "elsewhere" / "memory.db").exists()
    assert not (folder / "data").exists()


def test_the_list_says_when_and_from_where(folder, capsys):
    run("docs/a.md")
    capsys.readouterr()

    assert run("--list") == 0

    assert capsys.readouterr().out.endswith(f"1 passages  a.md  ({folder}/docs/a.md)\n")


@pytest.mark.parametrize(
    "arguments",
    [[], ["--list", "docs"], ["--list", "--forget", "a"], ["--list", "--prune"], ["docs", "--tenant", "A'"]],
)
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(click.UsageError):
        run(*arguments)


def test_a_path_that_is_not_there_is_refused_before_anything_is_pruned(folder, capsys):
    run("docs")

    with pytest.raises(BadArgument, match="there is no gone"):
        run("docs", "gone", "--prune")
    assert listed(capsys) == ["a.md", "b.txt"]


def test_a_damaged_memory_is_named(folder):
    (folder / "data").mkdir()
    (folder / "data" / "memory.db").write_bytes(b"no database" * 100)

    with pytest.raises(CannotCreate, match=r"memory\.db cannot be used"):
        run("docs")


def test_a_name_that_steers_the_terminal_is_shown_escaped(folder, capsys):
    (folder / "docs" / "x\x1b[2J\u202e.json").write_text("{")

    assert run("docs") == 3

    assert "x\\u001b[2J\\u202e.json is no JSON" in capsys.readouterr().err


def test_a_link_out_of_the_folder_is_not_followed(folder, capsys):
    (folder / "secret.txt").write_text("secret words")
    os.symlink(folder / "secret.txt", folder / "docs" / "c.txt")

    assert run("docs") == 0

    assert "is a link that leads out of the folder" in capsys.readouterr().err
    assert listed(capsys) == ["a.md", "b.txt"]
    assert Path("secret.txt").exists()


def test_the_memory_of_the_configuration_is_used_and_its_password_not_shown(monkeypatch):
    monkeypatch.setenv("GUARDIAN_MEMORY__URL", "postgresql://guardian:geheim@/name?host=/nowhere")

    with pytest.raises(CannotCreate, match=r"memory at postgresql://guardian:\*\*\*@") as refused:
        run("docs")

    assert "geheim" not in str(refused.value)
