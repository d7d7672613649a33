"""Collect everything that is wrong with a configuration, each with its place, to report all of it at once."""

import difflib
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.errors import ConfigError, Problem, printable

T = TypeVar("T")

_KEPT = 1_000
"""Problems beyond these are counted: a hostile file can have hundreds of thousands."""

_SUGGESTIONS = 50
_COMPARED = 500
"""Looking for similar words is slow: beyond these a hostile file would cost seconds of it."""

_LISTED = 12
"""Words that fit in one line."""

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(frozen=True, slots=True)
class Written:
    """How a value was written, before variables were put in, and which variables or files were."""

    text: str | None
    """`None` where it was not a string of the file."""
    sources: tuple[str, ...] = ()


_QUOTED = 200
"""Characters: a path of a file stays readable."""
_DEFAULT = Written(None)


class Problems:
    """The problems found so far. A key is reported once: what follows from a reported problem is no news."""

    def __init__(self, name: str, lines: Mapping[KeyPath, int]) -> None:
        self._name = name
        self._lines = lines
        self._found: list[tuple[int, KeyPath, Problem]] = []
        self._unlisted = 0
        self._reported: set[KeyPath] = set()
        self.origins: dict[KeyPath, str] = {}
        """Keys that were not set by the file -> the variable or option that set them."""
        self.written: dict[KeyPath, Written] = {}
        """Only the values that were set; every other one is a default."""

    def add(self, path: KeyPath, code: str, message: str, hint: str = "") -> None:
        """Report `message` about the key at `path`, unless that key or one above it was reported before."""
        if self.has(path):
            return
        if len(self._found) >= _KEPT:
            self._unlisted += 1
            return
        self.settle(path)
        line = 0 if self.origin(path) else self._line(path)
        self._found.append((line, path, Problem(code, message, place=self.place(path), hint=hint)))

    def has(self, path: KeyPath) -> bool:
        """Return whether something was reported about the key at `path`, or about one above it."""
        return any(path[:length] in self._reported for length in range(1, len(path) + 1))

    def settle(self, path: KeyPath) -> None:
        """Report nothing more about the key at `path`."""
        if path:
            self._reported.add(path)

    def place(self, path: KeyPath) -> str:
        """Return where the key at `path` was set, or else the nearest table above it."""
        line = self._line(path)
        return self.origin(path) or (f"{self._name}:{line}" if line else self._name)

    def origin(self, path: KeyPath) -> str | None:
        """Return the variable or option that set `path`, with all of a value it set; `None` for the file."""
        return _nearest(self.origins, path)

    def quote(self, path: KeyPath, value: str) -> str:
        """Return the value of `path` as the file has it: what a variable holds may be a secret."""
        written = self.written.get(path, _DEFAULT)
        return f'"{printable((written.text if written.sources else None) or value, _QUOTED)}"'

    def suggest(self, word: str, known: Iterable[str]) -> tuple[str, str | None]:
        """Return a hint that names the known word most like `word`, or lists a few; and the word it names."""
        if len(self._found) > _SUGGESTIONS:
            return "", None
        words = list(islice(known, _COMPARED))
        match = next(iter(difflib.get_close_matches(word[:80].lower(), words, n=1)), None)
        if match is not None:
            return f'did you mean "{match}"?', match
        return (f"known: {', '.join(words)}" if 0 < len(words) <= _LISTED else ""), None

    def raise_if_any(self) -> None:
        """Raise ConfigError with all problems in the order of their lines."""
        if self._found:
            raise ConfigError(_in_order(self._found), self._unlisted)

    def raise_outside(self, unneeded: Container[str | int]) -> int:
        """Raise ConfigError with those outside of the sections named, if any; return how many are inside.

        Where some were only counted, nothing tells where they are.
        """
        needed = [found for found in self._found if not found[1] or found[1][0] not in unneeded]
        if needed or self._unlisted:
            raise ConfigError(_in_order(needed or self._found), self._unlisted)
        return len(self._found)

    def _line(self, path: KeyPath) -> int:
        return _nearest(self._lines, path) or 0


def _in_order(found: list[tuple[int, KeyPath, Problem]]) -> Iterator[Problem]:
    return (problem for _, _, problem in sorted(found, key=lambda each: each[0]))


def dotted(path: KeyPath) -> str:
    """Return `path` as a person writes it, such as `specialist.reasoner.endpoint[0].url`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}" for part in path)
    return text.removeprefix(".")


def _nearest(places: Mapping[KeyPath, T], path: KeyPath) -> T | None:
    """Return what `places` has for `path` or for the nearest table above it."""
    above = (places.get(path[:length]) for length in range(len(path), 0, -1))
    return next((place for place in above if place is not None), None)


def _quoted(part: str) -> str:
    return part if part and _BARE.issuperset(part) else json.dumps(printable(part), ensure_ascii=False)
