from pathlib import Path

import pytest
from document_text import found

from guardian_cluster.documents.finding import find_files


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("words")


def test_a_folder_gives_its_files_of_known_formats_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.md", "a.txt", "sub/c.PY", "README", "sub/deep/d.html")

    assert list(found(tmp_path)) == ["README", "a.txt", "b.md", "c.PY", "d.html"]
    assert set(found(tmp_path).values()) == {""}


def test_hidden_files_are_left_alone_unless_they_are_named(tmp_path: Path) -> None:
    make(tmp_path, ".env", ".git/config.txt", "a.md")

    assert list(found(tmp_path)) == ["a.md"]
    assert found(tmp_path / ".env") == {".env": ""}


def test_other_formats_are_named_with_what_to_do(tmp_path: Path) -> None:
    make(tmp_path, "a.pdf", "b.docx", "c.png")

    reasons = found(tmp_path)

    assert "pdftotext" in reasons["a.pdf"]
    assert "pandoc" in reasons["b.docx"]
    assert reasons["c.png"] == "is of no format that is read"
    assert found(tmp_path / "c.png") == {
        "c.png": ""
    }  # named outright: whether it is text is seen by reading it


def test_a_link_is_followed_inside_the_folder_and_never_out_of_it(tmp_path: Path) -> None:
    make(tmp_path, "secret.txt", "docs/a.txt", "docs2/x.txt")
    (tmp_path / "docs/inside.txt").symlink_to(tmp_path / "docs/a.txt")
    (tmp_path / "docs/out.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "docs/sibling.txt").symlink_to(tmp_path / "docs2/x.txt")
    (tmp_path / "docs/folder").symlink_to(tmp_path)
    (tmp_path / "docs/loop").symlink_to(tmp_path / "docs")

    read = {each.path.name: each.reason for each in find_files([tmp_path / "docs"])}

    out = "is a link that leads out of the folder"
    assert read == {"a.txt": "", "out.txt": out, "sibling.txt": out}


def test_a_file_is_found_once_however_often_it_is_named(tmp_path: Path) -> None:
    make(tmp_path, "a.txt")

    assert len(list(find_files([tmp_path, tmp_path / "a.txt", tmp_path]))) == 1


@pytest.mark.parametrize("name", ["a.txt", "unknown.xyz"])
def test_a_named_link_means_what_it_leads_to(tmp_path: Path, name: str) -> None:
    make(tmp_path, name)
    (tmp_path / "link").symlink_to(tmp_path / name)

    (only,) = find_files([tmp_path / "link"])

    assert (only.path.name, only.named) == (name, True)
