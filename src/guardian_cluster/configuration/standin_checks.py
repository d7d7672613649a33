"""Decide whether those that stand in for a specialist can: its equals and its fallbacks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from guardian_cluster.configuration.circles import Circle, circles
from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.name_checks import check_reference
from guardian_cluster.configuration.problems import Problems
from guardian_cluster.configuration.sections import Sections, SpecialistSection
from guardian_cluster.errors import printable

_ABILITIES = ("tools", "vision", "json", "embeddings")


@dataclass(frozen=True, slots=True)
class _StandIn:
    """One that a specialist names."""

    name: str
    """Whose it is."""
    key: Literal["equals", "fallback"]
    index: int
    other: str

    @property
    def path(self) -> KeyPath:
        return ("specialist", self.name, self.key, self.index)

    @property
    def subject(self) -> str:
        what = "the fallback" if self.key == "fallback" else "the equal"
        return f"{what} of [specialist.{printable(self.name)}]"


def check_standins(sections: Sections, problems: Problems) -> None:
    """Report those that lead nowhere or in a circle, are named twice, or cannot do what the specialist can."""
    enabled = sections.enabled_specialists()
    for name, section in enabled.items():
        named: set[str] = set()
        for standin in _standins(name, section):
            if _is_another(standin, named, problems):
                named.add(standin.other)
                check_reference(standin.subject, standin.other, standin.path, sections, enabled, problems)
                if standin.other in enabled:
                    _check_fitness(standin, section, enabled[standin.other], problems)
    for circle in circles({name: section.fallback for name, section in enabled.items()}):
        _report_circle(circle, problems)


def _standins(name: str, section: SpecialistSection) -> Iterator[_StandIn]:
    for index, other in enumerate(section.equals):
        yield _StandIn(name, "equals", index, other)
    for index, other in enumerate(section.fallback):
        yield _StandIn(name, "fallback", index, other)


def _is_another(standin: _StandIn, named: set[str], problems: Problems) -> bool:
    """Return whether it names another specialist, which the specialist has not named before."""
    if standin.other == standin.name:
        code = "config-own-fallback" if standin.key == "fallback" else "config-own-equal"
        problems.add(standin.path, code, f"{standin.subject} is the specialist itself; name another")
        return False
    if standin.other in named:
        quoted = problems.quote(standin.path, standin.other)
        message = f"{standin.subject} names {quoted}, which it has already"
        hint = "whoever is among its equals is asked before its fallbacks, and need not be one of them"
        problems.add(standin.path, "config-repeated-standin", message, hint)
        return False
    return True


def _check_fitness(
    standin: _StandIn, mine: SpecialistSection, theirs: SpecialistSection, problems: Problems
) -> None:
    quoted = problems.quote(standin.path, standin.other)
    if standin.key == "equals" and (mine.builtin or theirs.builtin):
        message = f"{standin.subject} names {quoted}, but a built-in specialist is nobody's equal"
        problems.add(standin.path, "config-unequal", message, "a fallback may be of another kind")
        return
    lacking = list(_lacking(mine, theirs))
    if lacking:
        message = f"{standin.subject} names {quoted}, which lacks what it has: {', '.join(lacking)}"
        problems.add(standin.path, "config-lacks-ability", message, _remedy(standin, theirs, lacking))


def _lacking(mine: SpecialistSection, theirs: SpecialistSection) -> Iterator[str]:
    """Yield what a specialist can and its stand-in cannot; context lengths are compared where both are known."""
    for ability in _ABILITIES:
        if _has(mine, ability) and not _has(theirs, ability):
            yield ability
    if mine.context_length and theirs.context_length and mine.context_length > theirs.context_length:
        yield f"context_length {mine.context_length} (it has {theirs.context_length})"


def _has(section: SpecialistSection, ability: str) -> bool:
    return section.builtin is None and getattr(section, ability)


def _remedy(standin: _StandIn, theirs: SpecialistSection, lacking: list[str]) -> str:
    mine, other = f"[specialist.{printable(standin.name)}]", f"[specialist.{printable(standin.other)}]"
    if theirs.builtin is None:
        return f"if it can, say so in {other}; if it cannot, name another, or say less in {mine}"
    less = " and ".join(f"{ability} = false" for ability in lacking)
    return f'leave it out, for "auto" asks it by itself where a question is for it; or say {less} in {mine}'


def _report_circle(circle: Circle, problems: Problems) -> None:
    path: KeyPath = ("specialist", circle.name, "fallback", circle.index)
    message = f"the fallback of [specialist.{printable(circle.name)}] closes a circle: {circle}"
    other = printable(circle.way[0])
    hint = f'leave it out; where each answers as well as the other, write equals = ["{other}"] in its place'
    if circle.length == 2:
        hint += f', and equals = ["{printable(circle.name)}"] in that of [specialist.{other}]'
    problems.add(path, "config-fallback-circle", message, hint)
