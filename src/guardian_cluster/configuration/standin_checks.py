"""Decide whether those that stand in for a specialist can: its equals, its fallbacks and its backups."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from guardian_cluster.configuration.circles import Circle, circles
from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.name_checks import check_reference
from guardian_cluster.configuration.problems import Problems
from guardian_cluster.configuration.sections import Sections, SpecialistSection
from guardian_cluster.errors import printable

_ABILITIES = ("tools", "vision", "json", "embeddings")

_Key = Literal["equals", "fallback", "backup"]

_CALLED = {"equals": "equal", "fallback": "fallback", "backup": "backup"}
_OWN = {"equals": "config-own-equal", "fallback": "config-own-fallback", "backup": "config-own-backup"}


@dataclass(frozen=True, slots=True)
class _StandIn:
    """One that a specialist names."""

    name: str
    """Whose it is."""
    key: _Key
    index: int
    other: str

    @property
    def path(self) -> KeyPath:
        return _path(self.name, self.key, self.index)

    @property
    def subject(self) -> str:
        return _subject(self.name, self.key)


def check_standins(sections: Sections, problems: Problems) -> None:
    """Report those that lead nowhere or in a circle, are named twice, or cannot do what the specialist can."""
    enabled = sections.enabled_specialists()
    backups = sections.recovery.backup
    for name, section in enabled.items():
        at_any_time = [*_named(name, "equals", section.equals), *_named(name, "fallback", section.fallback)]
        for standins in (at_any_time, _named(name, "backup", backups.get(name, ()))):
            _check_each(standins, sections, enabled, problems)
    _check_circles(enabled, backups, problems)


def _check_each(
    standins: Iterable[_StandIn],
    sections: Sections,
    enabled: Mapping[str, SpecialistSection],
    problems: Problems,
) -> None:
    """Report what is wrong with those that one specialist names, among whom nobody is named twice."""
    named: set[str] = set()
    for standin in standins:
        if _is_another(standin, named, problems):
            named.add(standin.other)
            check_reference(standin.subject, standin.other, standin.path, sections, enabled, problems)
            if standin.other in enabled:
                _check_fitness(standin, enabled[standin.name], enabled[standin.other], problems)


def _named(name: str, key: _Key, others: Iterable[str]) -> Iterator[_StandIn]:
    return (_StandIn(name, key, index, other) for index, other in enumerate(others))


def _is_another(standin: _StandIn, named: set[str], problems: Problems) -> bool:
    """Return whether it names another specialist, which the specialist has not named before."""
    if standin.other == standin.name:
        problems.add(
            standin.path, _OWN[standin.key], f"{standin.subject} is the specialist itself; name another"
        )
        return False
    if standin.other in named:
        quoted = problems.quote(standin.path, standin.other)
        message = f"{standin.subject} names {quoted}, which it has already"
        hint = "whoever is among its equals is asked before its fallbacks, and need not be one of them"
        problems.add(
            standin.path, "config-repeated-standin", message, "" if standin.key == "backup" else hint
        )
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


def _check_circles(
    enabled: Mapping[str, SpecialistSection], backups: Mapping[str, tuple[str, ...]], problems: Problems
) -> None:
    """Report fallbacks that lead in a circle; where none do, also those that do with the backups."""
    fallbacks = {name: section.fallback for name, section in enabled.items()}
    of_fallbacks = list(circles(fallbacks))
    for circle in of_fallbacks:
        _report_circle(circle, "fallback", "config-fallback-circle", problems)
    if not of_fallbacks:
        for circle in circles({name: backups.get(name) or fallbacks[name] for name in enabled}):
            key: _Key = "backup" if backups.get(circle.name) else "fallback"
            _report_circle(circle, key, "config-backup-circle", problems)


def _report_circle(circle: Circle, key: _Key, code: str, problems: Problems) -> None:
    message = f"{_subject(circle.name, key)} closes a circle: {circle}"
    mine, other = f"[specialist.{printable(circle.name)}]", printable(circle.way[0])
    places = (
        ("its place", f"that of [specialist.{other}]")
        if key == "fallback"
        else (mine, f"[specialist.{other}]")
    )
    hint = f'leave it out; where each answers as well as the other, write equals = ["{other}"] in {places[0]}'
    if circle.length == 2:
        hint += f', and equals = ["{printable(circle.name)}"] in {places[1]}'
    problems.add(_path(circle.name, key, circle.index), code, message, hint)


def _path(name: str, key: _Key, index: int) -> KeyPath:
    return ("recovery", "backup", name, index) if key == "backup" else ("specialist", name, key, index)


def _subject(name: str, key: _Key) -> str:
    return f"the {_CALLED[key]} of [specialist.{printable(name)}]"
