import codecs
import os
from pathlib import Path

import pytest
from document_text import read

from guardian_cluster.documents.block import Unreadable, Wordless
from guardian_cluster.documents.formats import format_named
from guardian_cluster.documents.reading import read_document

WORDS = "Grüße aus Köln, 20 €"


@pytest.mark.parametrize(
    "content",
    [
        WORDS.encode(),
        codecs.BOM_UTF8 + WORDS.encode(),
        WORDS.encode("utf-16"),
        codecs.BOM_UTF16_BE + WORDS.encode("utf-16-be"),
        WORDS.encode("utf-32"),
        WORDS.encode("cp1252"),
    ],
)
def test_text_in_any_usual_encoding_is_read(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path / "a.txt", content).passages[0].text == WORDS


def test_utf_16_without_a_mark_is_known_by_its_zeros(tmp_path: Path) -> None:
    assert read(tmp_path / "a.txt", "plain words".encode("utf-16-le")).passages[0].text == "plain words"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x7fELF\x02\x01\0\0\0", "is binary"),
        (b"text\0text", "is binary"),
        (bytes(range(256)) * 4, "is binary"),
        (b"\x1f\x8b\x08\x01\x02\x03\xff\xfe" * 10, "is binary"),
        (codecs.BOM_UTF8 + b"\xff\xff", "mark of utf-8 and breaks it at byte 3"),
        (codecs.BOM_UTF16_LE + b"abc", "mark of utf-16 and breaks it"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(tmp_path / "a.txt", content)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"---\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_no_failure(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Wordless):
        read(tmp_path / "a.md", content)


def test_what_is_not_seen_is_left_out(tmp_path: Path) -> None:
    text = "a\x1b[31mb\u202ec\u2066d\ufeffe\u200bf\U000e0041g\r\nh\x07"

    assert read(tmp_path / "a.txt", text).passages[0].text == "a[31mbcdefg\nh"


def test_a_file_of_the_same_bytes_and_format_has_the_same_digest(tmp_path: Path) -> None:
    one, same, other = (read(tmp_path / name, "words") for name in ("a.txt", "b.txt", "c.md"))

    assert one.digest == same.digest != other.digest
    assert read_document(tmp_path / "a.txt", format_named(Path("a.txt")), known=one.digest) is None


def test_a_document_may_be_called_by_ever_longer_names(tmp_path: Path) -> None:
    document = read(tmp_path / "a.md", "words")

    assert document.names[:2] == ("a.md", f"{tmp_path.name}/a.md")
    assert document.origin == os.path.realpath(tmp_path / "a.md")


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 101)

    with pytest.raises(Unreadable, match="is larger than 100 bytes"):
        read_document(tmp_path / "a.txt", format_named(Path("a.txt")), most_bytes=100)


def test_pipes_folders_links_and_absent_files_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    reasons = {
        "pipe": "is no file",
        "link": "is a link",
        "folder": "is no file|Is a directory",
        "gone": "No such file",
    }

    for name, reason in reasons.items():
        with pytest.raises(Unreadable, match=reason):
            read_document(tmp_path / name, format_named(Path("a.txt")))


def test_a_name_that_is_no_text_becomes_one(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.txt"))

    document = read(path, "words")

    assert document.names[0] == "\\xff.txt"
    assert document.origin.isprintable()
