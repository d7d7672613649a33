"""The pages say what is so: code blocks load, parse and run, commands exist, links lead somewhere."""

import ast
import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from guardian_cluster.cli.main import guardian
from guardian_cluster.config import load_config

ROOT = Path(__file__).parents[1]
DESIGN = ROOT / "docs/design"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])

RUN_ELSEWHERE = {"README.md"}
LOADED_ELSEWHERE = {"README.md", "docs/configuration.md"}
"""Pages whose programs and configurations have tests of their own."""

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block of code on a page."""

    page: str
    language: str
    content: str


BLOCKS = [
    Block(str(page.relative_to(ROOT)), *found) for page in PAGES for found in FENCE.findall(page.read_text())
]
PROGRAMS = [block for block in BLOCKS if block.language == "python" and block.page not in RUN_ELSEWHERE]


def complaint(block: Block, folder: Path) -> str | None:
    """Return what is wrong with a block, if anything."""
    try:
        match block.language:
            case "toml" if block.page not in LOADED_ELSEWHERE:
                (folder / "guardian.toml").write_text(block.content)
                load_config(folder / "guardian.toml", environment={})
            case "json":
                json.loads(block.content)
            case "python":
                ast.parse(block.content)
            case "console":
                lines = [line[2:] for line in block.content.splitlines() if line.startswith("$ ")]
                return ", ".join(line for line in lines if not command_exists(line)) or None
            case "bash" | "text" | "toml":
                pass
            case unknown:
                return f"the language {unknown!r} is not one of ours"
    except Exception as error:
        return str(error)
    return None


def command_exists(line: str) -> bool:
    program, *words = line.partition("#")[0].split()
    match Path(program).name, words:
        case "make", [*targets]:
            return bool(targets) and TARGETS.issuperset(targets)
        case "guardian", [command, *_]:
            return command in guardian.commands
        case "python", ["-m", module, *_]:
            path = f"{module.replace('.', '/')}.py"
            return (ROOT / path).exists() or (ROOT / "src" / path).exists()
        case _:
            return False


def anchors(page: Path) -> set[str]:
    """Return what a link into a page may name: its headings, as GitHub writes them, and ids set by hand."""
    text = FENCE.sub("", page.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def relative_links(page: Path) -> Iterator[str]:
    prose = CODE.sub("code", FENCE.sub("", page.read_text()))
    return (link for link in LINK.findall(prose) if not re.match(r"[a-z]+:", link))


def leads_somewhere(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not anchor or (target.suffix == ".md" and anchor in anchors(target))


@each_page
def test_every_block_of_code_has_a_language_and_an_end(page: Path):
    fences = re.findall(r"^```(.*)$", page.read_text(), re.MULTILINE)

    assert len(fences) % 2 == 0
    assert "" not in fences[::2]


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{block.page}-{block.language}" for block in BLOCKS])
def test_every_block_of_code_is_what_it_says(block: Block, tmp_path: Path):
    assert complaint(block, tmp_path) is None


@pytest.mark.parametrize(
    ("language", "content"),
    [
        ("toml", "[gatway]"),
        ("json", "{'a': 1}"),
        ("python", "print 1"),
        ("console", "$ make nothing"),
        ("console", "$ make"),
        ("console", "$ guardian nothing"),
        ("console", "$ .venv/bin/python -m benchmarks.nothing"),
        ("console", "$ rm -rf /"),
        ("tmol", ""),
    ],
)
def test_a_block_that_is_not_what_it_says_is_found(language: str, content: str, tmp_path: Path):
    assert complaint(Block("docs/page.md", language, content), tmp_path)


@pytest.mark.parametrize("block", PROGRAMS, ids=[block.page for block in PROGRAMS])
async def test_every_program_shown_runs(block: Block, tmp_path: Path):
    (tmp_path / "shown.py").write_text(block.content)
    process = await asyncio.create_subprocess_exec(sys.executable, "shown.py", cwd=tmp_path)
    async with asyncio.timeout(60):
        assert await process.wait() == 0


@each_page
def test_every_relative_link_leads_somewhere(page: Path):
    assert [link for link in relative_links(page) if not leads_somewhere(page, link)] == []


@pytest.mark.parametrize(
    "link", ["nowhere.md", "#nowhere", "docs/configuration.md#no", "/etc/passwd", "../x"]
)
def test_a_link_that_leads_nowhere_is_found(link: str):
    assert not leads_somewhere(ROOT / "README.md", link)


@each_page
def test_every_path_that_is_named_exists(page: Path):
    named = re.findall(r"`((?:tests|benchmarks|docs|scripts|src)/[\w./-]+)`", FENCE.sub("", page.read_text()))

    assert [path for path in named if "NAME" not in path and not (ROOT / path).exists()] == []


def test_the_first_design_page_links_every_other():
    linked = {link.partition("#")[0] for link in relative_links(DESIGN / "README.md")}

    assert {page.name for page in DESIGN.glob("*.md")} - {"README.md"} <= linked


def test_every_folder_of_the_house_is_on_the_first_design_page():
    packages = {package.parent.name for package in (ROOT / "src/guardian_cluster").glob("*/__init__.py")}
    rows = re.findall(r"^\| \[?`([a-z]+)/`", (DESIGN / "README.md").read_text(), re.MULTILINE)

    assert packages == set(rows)
