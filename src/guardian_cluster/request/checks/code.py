"""Looks whether code, JSON and TOML in an answer can be parsed. Nothing is ever run."""

import ast
import tomllib
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "code"

MAX_BLOCK = 2_000
"""Characters of a block that is parsed: Python of that length takes up to 1 ms. Longer ones are not judged."""

MAX_BLOCKS = 4
_MAX_READ = 16_000
_MAX_NESTED = 40
_MAX_CHAIN = 200
"""Operators and dots of one line: parsers recurse for each, so what no person writes is not judged."""

_BRACKETED = frozenset(
    ("javascript", "js", "typescript", "ts", "java", "c", "cpp", "c++", "csharp", "cs", "go", "rust", "css")
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Block(NamedTuple):
    """One fenced block: what it says it is, its text, and in which line of the answer it begins."""

    language: str
    text: str
    line: int


def check(answered: Answered) -> Finding:
    """Return whether every block that names Python, JSON, TOML or a language with brackets is well-formed."""
    judged = [(block, fault_of(block)) for block in _first(blocks_of(answered.text[:_MAX_READ]))]
    told = [(block, fault) for block, fault in judged if fault is not None]
    wrong = [(block, fault) for block, fault in told if fault]
    features = {"blocks": min(len(judged), 4) / 4, "malformed": bool(wrong)}
    detail = ""
    if wrong:
        block, fault = wrong[0]
        detail = f"the {block.language} block at line {block.line} cannot be parsed: {fault}"
    return finding(CHECK, None if not told else not wrong, features, detail)


def _first(blocks: Iterator[Block]) -> list[Block]:
    return [block for block, _ in zip(blocks, range(MAX_BLOCKS), strict=False)]


def blocks_of(text: str) -> Iterator[Block]:
    """Yield the closed fenced blocks of a text in order."""
    language, begins, lines = "", 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        fence = line.strip()
        if not fence.startswith("```"):
            if begins:
                lines.append(line)
        elif begins:
            yield Block(language, "\n".join(lines), begins)
            begins, lines = 0, []
        else:
            language, begins = fence.strip("`").strip().lower().split(" ")[0], number


def fault_of(block: Block) -> str | None:
    """Return what is wrong with a block, nothing where nothing is, and `None` where it is not judged."""
    if len(block.text) > MAX_BLOCK or not block.text.strip():
        return None
    match block.language:
        case "python" | "py" | "python3":
            return _python_fault(block.text)
        case "json":
            return _json_fault(block.text)
        case "toml":
            return _toml_fault(block.text)
        case language if language in _BRACKETED:
            return _bracket_fault(block.text)
        case _:
            return None


def _python_fault(text: str) -> str | None:
    if _is_session(text) or _is_hostile(text):
        return None
    indent = len(text) - len(text.lstrip(" \t\n"))
    source = f"if True:\n{text}" if text.lstrip("\n")[:1] in " \t" and indent else text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the model's strings
            ast.parse(source)
    except SyntaxError as error:
        return error.msg
    except (ValueError, RecursionError, MemoryError):
        return None
    return ""


def _is_session(text: str) -> bool:
    """Return whether it is a transcript or a notebook's cell rather than a program."""
    return any(line.lstrip().startswith((">>>", "%", "!", "$ ", "In [")) for line in text.split("\n"))


def _is_hostile(text: str) -> bool:
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    words = text.split()
    chains = sum(text.count(sign) for sign in "+-*/~.&|^<>=")
    return (
        deepest > _MAX_NESTED
        or chains > 3 * _MAX_CHAIN
        or words.count("not") + words.count("lambda") > _MAX_CHAIN
    )


def _json_fault(text: str) -> str | None:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return str(error)
    return ""


def _toml_fault(text: str) -> str | None:
    if _is_hostile(text):
        return None
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return str(error)
    except RecursionError:
        return None
    return ""


def _bracket_fault(text: str) -> str:
    """Return whether brackets outside of strings close in order; comments are read as code, so a doubt is no fault."""
    if "//" in text or "/*" in text or "'" in text:
        return ""
    opened: list[str] = []
    in_string = False
    for character in text:
        if character in '"`':
            in_string = not in_string
        elif not in_string and character in "([{":
            opened.append(character)
        elif not in_string and character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return f"{character!r} closes nothing"
    return f"{opened[-1]!r} is not closed" if opened and not in_string else ""
