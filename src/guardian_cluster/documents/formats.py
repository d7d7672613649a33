"""Decides from its name how a file is read, and why one is not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from guardian_cluster.documents.block import Block
from guardian_cluster.documents.data_file import read_json, read_json_lines, read_table
from guardian_cluster.documents.markdown import read_markdown
from guardian_cluster.documents.plain_text import read_plain, read_restructured
from guardian_cluster.documents.web_page import read_web_page

Reader = Callable[[str], Iterator[Block]]


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of file is read."""

    name: str
    read: Reader


_PLAIN = Format("text", read_plain)
_CODE = (
    "bash bat c cc cfg clj cmake conf cpp cs css cue dart dockerfile el ex exs fish go gradle graphql h hcl hpp hs ini"
    " java jl js jsx kt lisp lua m mjs mk ml nix patch php pl proto ps1 properties py pyi r rb rs scala sh sql swift"
    " tcl tex tf toml ts tsx vb vim vue yaml yml zig zsh"
)
_FORMATS = {
    **dict.fromkeys(["md", "markdown", "mdown", "mkd"], Format("markdown", read_markdown)),
    **dict.fromkeys(["html", "htm", "xhtml"], Format("html", read_web_page)),
    **dict.fromkeys(["json", "geojson"], Format("json", read_json)),
    **dict.fromkeys(["jsonl", "ndjson"], Format("jsonl", read_json_lines)),
    **dict.fromkeys(["csv", "tsv"], Format("table", read_table)),
    "rst": Format("rst", read_restructured),
    **dict.fromkeys(["txt", "text", "log", "adoc", "org", *_CODE.split()], _PLAIN),
}
_BARE_NAMES = "authors changelog changes contributing copying dockerfile license makefile news notice readme"
_BARE = frozenset(_BARE_NAMES.split())
"""Names without an ending that are text by custom."""

_ELSEWHERE = {
    "pdf": "is PDF; convert it first, as with: pdftotext -layout FILE.pdf FILE.txt",
    **dict.fromkeys(
        ["doc", "docx", "odt", "rtf", "epub"],
        "is no plain text; convert it first, as with: pandoc -o FILE.md",
    ),
}


def format_of(path: PurePath) -> Format | None:
    """Return how to read a file of this name, or `None` where the name says nothing or names something else."""
    ending = path.suffix.lower().removeprefix(".")
    if ending:
        return _FORMATS.get(ending)
    return _PLAIN if path.name.lower() in _BARE else None


def format_named(path: PurePath) -> Format:
    """Return how to read a file that was named outright: as text where its name says nothing."""
    return format_of(path) or _PLAIN


def why_not(path: PurePath) -> str:
    """Return what is said of a file whose format is not read; empty where there is nothing special to say."""
    return _ELSEWHERE.get(path.suffix.lower().removeprefix("."), "")
