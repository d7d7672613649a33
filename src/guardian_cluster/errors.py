"""The errors a person at the command line can meet, and the exit code of each.

CommandError           1   our bug, where nothing below fits
├── BadArgument        2   an argument names something that is not there
├── ConfigError       78   the configuration says something that cannot be done
├── CheckFailed        3   something is wrong with the system that was checked
├── Unreachable       69   a server that should answer does not
└── CannotCreate      73   a file, folder, lock or port cannot be had

The numbers above 64 are those of sysexits.h, so that systemd prints their names.
"""

from collections.abc import Iterable
from dataclasses import dataclass

EXIT_OK = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 3
EXIT_UNREACHABLE = 69
EXIT_CANNOT_CREATE = 73
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130

_SHOWN_PROBLEMS = 50
"""A file that is no configuration at all can have a problem on each line; nobody reads beyond this many."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what, where, and what to do about it."""

    code: str
    """A stable slug, and the anchor of its entry in the documentation."""
    message: str
    place: str = ""
    """A file and line, a variable or an option; empty where the message names it."""
    hint: str = ""
    see: str = "guardian config schema"
    """The command that tells more."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f"\n  {self.hint}" if self.hint else ""
        return f"error: {where}{self.message}{hint}\n  see: {self.see}      ({self.code})"


class CommandError(Exception):
    """Something went wrong in a way that was foreseen; carries one problem or more.

    `unlisted` is the number of problems that were found and not kept.
    """

    exit_code = EXIT_BUG

    def __init__(self, problems: Problem | Iterable[Problem], unlisted: int = 0) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.unlisted = unlisted
        super().__init__(self.problems)

    def __str__(self) -> str:
        shown = [str(problem) for problem in self.problems[:_SHOWN_PROBLEMS]]
        hidden = len(self.problems) - len(shown) + self.unlisted
        return "\n".join([*shown, f"and {hidden:,} more problems"] if hidden else shown)


class BadArgument(CommandError):
    """An argument of the command names something that is not there."""

    exit_code = EXIT_USAGE


class ConfigError(CommandError):
    """The configuration or the key file says something that cannot be done."""

    exit_code = EXIT_CONFIG


class CheckFailed(CommandError):
    """A check found that something is wrong with the system it looked at."""

    exit_code = EXIT_CHECK_FAILED


class Unreachable(CommandError):
    """A server that should answer does not."""

    exit_code = EXIT_UNREACHABLE


class CannotCreate(CommandError):
    """A file, folder, lock or port cannot be had."""

    exit_code = EXIT_CANNOT_CREATE


def printable(text: str, limit: int = 80) -> str:
    """Return `text` on one line of at most `limit` characters, safe to print on a terminal."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)
