"""Reads JSON, JSON Lines and CSV: each record in words, under the keys or at the line where it stands."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, cast

from guardian_cluster.documents.block import Block, Unreadable
from guardian_cluster.documents.cleaning import clean, one_line

_KEY_CHARACTERS = 60
_DEPTH = 8
"""Keys that lead to a value and are named; what lies deeper is written as it stands."""

_VALUE_CHARACTERS = 20_000

_DELIMITERS = ",;\t|"


def read_json(text: str) -> Iterator[Block]:
    """Yield a block for each member of the outermost object or array; raises Unreadable for what is no JSON."""
    value = _parsed(text, "")
    for heading, member in _members(value):
        lines = list(_leaves(member))
        if lines:
            yield Block("\n".join(lines), heading)


def read_json_lines(text: str) -> Iterator[Block]:
    """Yield a block for each line; raises Unreadable for one that is no JSON."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            leaves = "\n".join(_leaves(_parsed(line, f" in line {number:,}")))
            if leaves:
                yield Block(leaves, (), number, number)


def read_table(text: str) -> Iterator[Block]:
    """Yield a block for each row below the first, every value with its column's name.

    Raises:
        Unreadable: it is no table: a quotation that is not closed, or a field of more than 131,072 characters.
    """
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        names = [one_line(name, _KEY_CHARACTERS) for name in next(rows, list[str]())]
        before = rows.line_num
        for row in rows:
            words = _row(names, row)
            if words:
                yield Block(words, (), before + 1, rows.line_num)
            before = rows.line_num
    except csv.Error as error:
        raise Unreadable(f"is no table at line {rows.line_num:,}: {error}") from None


def _delimiter(text: str) -> str:
    head = text[:10_000].partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _row(names: list[str], row: list[str]) -> str:
    named = zip(names + [""] * (len(row) - len(names)), row, strict=False)
    cells = ((name, " ".join(value.split())) for name, value in named)
    return "; ".join(f"{name}: {value}" if name else value for name, value in cells if value)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable(f"is nested too deeply{where}") from None
    except ValueError as error:
        raise Unreadable(f"is no JSON{where}: {one_line(str(error), 100)}") from None


def _members(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, member in cast("dict[str, Any]", value).items():
            yield (one_line(key, _KEY_CHARACTERS),), member
    elif isinstance(value, list):
        for number, member in enumerate(cast("list[Any]", value), 1):
            yield (str(number),), member
    else:
        yield (), value


def _leaves(value: Any) -> Iterator[str]:
    """Yield a line `key key: value` for everything in `value` that has no parts."""
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        path, depth, node = waiting.pop()
        if isinstance(node, (dict, list)) and depth < _DEPTH:
            waiting.extend(reversed(list(_parts(path, depth, cast("Any", node)))))
        elif node is not None and node != "":
            yield f"{path}: {_written(node)}" if path else _written(node)


def _parts(path: str, depth: int, node: Any) -> Iterator[tuple[str, int, Any]]:
    if isinstance(node, dict):
        for key, member in cast("dict[str, Any]", node).items():
            yield f"{path} {one_line(key, _KEY_CHARACTERS)}".strip(), depth + 1, member
    else:
        yield from ((path, depth + 1, member) for member in node)


def _written(node: Any) -> str:
    if isinstance(node, str):
        return clean(node[:_VALUE_CHARACTERS])
    try:
        return json.dumps(node, ensure_ascii=False)[:_VALUE_CHARACTERS]
    except (RecursionError, ValueError):  # too deep, or a number of more digits than Python writes
        return ""
