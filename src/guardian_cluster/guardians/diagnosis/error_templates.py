"""Decides which failures say the same: templates over the codes of tries and what endpoints said of them.

A fixed-depth parse as Drain's (He et al., 2017): texts with the same code, number of words and first word share a
group, and within it those that agree in half of their words share a template. Texts are hostile: they are only ever
compared, bounded in number and length.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from guardian_cluster.domain.observation import Observation, Try
from guardian_cluster.guardians.diagnosis.shown import shown

MAX_TEXT = 400
MAX_WORDS = 40
MAX_CODE = 60
MAX_TEMPLATES = 64
"""Later ones are counted as others: an endpoint that never says the same twice would otherwise fill the memory."""

SIMILAR = 0.5
"""Drain's own bound."""

ANY = "<*>"

_VARIABLE = re.compile(r"\d|^[0-9a-f-]{12,}$", re.IGNORECASE)


class Template(NamedTuple):
    """A code with what was said, as far as it is the same in all failures of the group."""

    code: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, " ".join(self.words)) if part)


class ErrorTemplates:
    """Templates of the failures seen so far."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, int, str], list[int]] = {}
        self._templates: list[Template] = []

    def place(self, attempt: Try) -> int:
        """Return the number of a failure's template; -1 where there are too many."""
        code, words = _words(attempt)
        key = (code, len(words), words[0] if words else "")
        group = self._groups.setdefault(key, [])
        for number in group:
            if _likeness(self._templates[number].words, words) >= SIMILAR:
                self._templates[number] = Template(code, _common(self._templates[number].words, words))
                return number
        if len(self._templates) >= MAX_TEMPLATES:
            return -1
        self._templates.append(Template(code, words))
        group.append(len(self._templates) - 1)
        return group[-1]

    def __getitem__(self, number: int) -> Template:
        return self._templates[number]


def failures(observation: Observation) -> Iterable[Try]:
    """Return the tries of a request that failed."""
    return (each for each in observation.tries if each.outcome == "failed")


def _words(attempt: Try) -> tuple[str, tuple[str, ...]]:
    said = shown(attempt.said[:MAX_TEXT], " ")
    words = (ANY if _VARIABLE.search(word) else word for word in said.split()[:MAX_WORDS])
    return shown(attempt.error[:MAX_CODE], " "), tuple(words)


def _likeness(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    if not one:
        return 1.0
    return sum(first == second for first, second in zip(one, other, strict=True)) / len(one)


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(first if first == second else ANY for first, second in zip(one, other, strict=True))
