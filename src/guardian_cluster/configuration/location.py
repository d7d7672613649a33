"""Where each key of a TOML document stands: a key path -> the line it was written on.

`tomllib` gives values without positions. This reader looks at the same text only for structure: headers,
keys, strings, brackets. It never fails on broken TOML, whose errors are for tomllib to report, but it refuses
nesting deeper than a configuration needs, because tomllib takes recursion and quadratic time for it.
"""

import re
import tomllib
from bisect import bisect_right

KeyPath = tuple[str | int, ...]
"""Keys of tables and indexes of arrays, from the top of the document."""

MAX_DEPTH = 32
"""Brackets inside brackets, or parts of one dotted key. The deepest key of a configuration has six."""

MAX_KEYS = 100_000
"""Keys and elements of arrays. A thousand specialists have a tenth of it; more takes seconds to check."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*'""")
_STRING = re.compile(
    r"""
      ""\"[^"\\]*(?: (?: \\. | "{1,2}(?!") ) [^"\\]* )*"{3,5}
    | \'\'\'[^']*(?: '{1,2}(?!') [^']* )*'{3,5}
    | "[^"\\\n]*(?: \\. [^"\\\n]* )*"
    | '[^'\n]*'
    """,
    re.DOTALL | re.VERBOSE,
)
"""Every repetition begins with what the one inside it cannot be, so that an unclosed string costs one pass and not
exponentially many. (Possessive quantifiers would say so, but those of Python 3.11.2, which is Debian's, are broken.)"""
_BARE = re.compile(r"[^,\]}#\r\n]*")
_REST = re.compile(r"[^\n]*")


class TooComplex(ValueError):
    """The document nests deeper or has more keys than any configuration; `line` says where."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def locate(text: str) -> dict[KeyPath, int]:
    """Return the line, from 1, on which each key, table and array element of `text` begins.

    A table opened by several headers has the line of the first; broken parts are skipped. Raises TooComplex.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[KeyPath, int] = {}
        self._array_lengths: dict[KeyPath, int] = {}

    def read(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table, 0)
            self._skip(_REST)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._line()
        brackets = 2 if self._peek("[[") else 1
        self._at += brackets
        self._skip(_SPACE)
        path = self._inside_arrays(self._key())
        if brackets == 2 and path:
            length = self._array_lengths.get(path, 0)
            self._array_lengths[path] = length + 1
            self._note(path, line)
            path = (*path, length)
        self._note(path, line)
        return path

    def _inside_arrays(self, key: tuple[str, ...]) -> KeyPath:
        """Return the path a header's key means: an array of tables on the way stands for its last table."""
        path: KeyPath = ()
        for depth, part in enumerate(key, 1):
            path = (*path, part)
            if depth < len(key) and path in self._array_lengths:
                path = (*path, self._array_lengths[path] - 1)
        return path

    def _pair(self, table: KeyPath, depth: int) -> None:
        line = self._line()
        key = self._key()
        self._skip(_SPACE)
        if not key or not self._peek("="):
            return
        self._at += 1
        self._skip(_SPACE)
        path = (*table, *key)
        self._note(path, line)
        self._value(path, depth)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while (match := _KEY_PART.match(self._text, self._at)) is not None:
            parts.append(_unquoted(match.group()))
            if len(parts) > MAX_DEPTH:
                raise self._too_deep()
            self._at = match.end()
            self._skip(_SPACE)
            if not self._peek("."):
                break
            self._at += 1
            self._skip(_SPACE)
        return tuple(parts)

    def _value(self, path: KeyPath, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._too_deep()
        if self._peek("["):
            self._array(path, depth + 1)
        elif self._peek("{"):
            self._inline_table(path, depth + 1)
        elif (match := _STRING.match(self._text, self._at)) is not None:
            self._at = match.end()
        else:
            self._skip(_BARE)

    def _array(self, path: KeyPath, depth: int) -> None:
        self._at += 1
        index = 0
        while self._skip(_BLANK) < len(self._text) and not self._peek("]"):
            before = self._at
            self._note((*path, index), self._line())
            self._value((*path, index), depth)
            index += 1
            if not self._next_item(before):
                return
        self._at += 1

    def _inline_table(self, path: KeyPath, depth: int) -> None:
        self._at += 1
        while self._skip(_BLANK) < len(self._text) and not self._peek("}"):
            before = self._at
            self._pair(path, depth)
            if not self._next_item(before):
                return
        self._at += 1

    def _next_item(self, before: int) -> bool:
        """Step over a comma; return whether anything was read since `before`, so that every loop ends."""
        self._skip(_BLANK)
        if self._peek(","):
            self._at += 1
        return self._at > before

    def _too_deep(self) -> TooComplex:
        return TooComplex(f"nested more than {MAX_DEPTH} levels deep", self._line())

    def _note(self, path: KeyPath, line: int) -> None:
        if len(self._lines) > MAX_KEYS:
            raise TooComplex(f"more than {MAX_KEYS:,} keys and elements", line)
        for length in range(len(path), 0, -1):
            if self._lines.setdefault(path[:length], line) != line:
                return

    def _line(self) -> int:
        return bisect_right(self._newlines, self._at - 1) + 1

    def _peek(self, text: str) -> bool:
        return self._text.startswith(text, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._at


def _unquoted(part: str) -> str:
    if part[0] == '"' and "\\" in part:
        return _unescaped(part)
    return part[1:-1] if part[0] in ("'", '"') else part


def _unescaped(part: str) -> str:
    try:
        return next(iter(tomllib.loads(f"{part} = 0")))
    except tomllib.TOMLDecodeError:
        return part
