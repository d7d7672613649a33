"""The part of pyahocorasick that is used here; the package ships no types."""

from collections.abc import Iterator
from typing import Generic, TypeVar

_Value = TypeVar("_Value")

class Automaton(Generic[_Value]):
    def add_word(self, word: str, value: _Value, /) -> bool: ...
    def make_automaton(self) -> None: ...
    def iter(self, text: str, /) -> Iterator[tuple[int, _Value]]: ...
