"""Read a TOML file that may come from anywhere: its tables, and the line of each key."""

import re
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from guardian_cluster.configuration.location import KeyPath, TooComplex, locate
from guardian_cluster.errors import ConfigError, Problem, printable

MAX_BYTES = 1_000_000
"""A thousand specialists need a tenth of it."""

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file; without a file, empty tables."""

    name: str
    """As the person gave it, for messages."""
    folder: Path
    """Where its relative paths start."""
    tables: dict[str, object] = field(default_factory=dict[str, object])
    lines: dict[KeyPath, int] = field(default_factory=dict[KeyPath, int])


def read_document(path: Path) -> Document:
    """Read the file at `path`; raises ConfigError where it is missing, no text, too large, or no TOML."""
    name = printable(str(path), limit=200)
    text = _text(name, _content(name, path))
    try:
        lines = locate(text)
        return Document(name, path.absolute().parent, tomllib.loads(text), lines)
    except TooComplex as error:
        raise _error(f"{name}:{error.line}", "config-too-complex", str(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(name, text, str(error)) from error
    except ValueError as error:  # Python refuses to read whole numbers of thousands of digits
        raise _error(name, "config-syntax", f"is not valid TOML: {printable(str(error), 200)}") from error


def _content(name: str, path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _error(name, "config-unreadable", "is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        hint = "without --config, and without a guardian.toml here, the defaults apply"
        raise _error(name, "config-missing-file", "there is no such file", hint) from error
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _error(name, "config-unreadable", f"cannot be read: {reason}") from error
    if len(content) > MAX_BYTES:
        raise _error(name, "config-too-large", f"is larger than {MAX_BYTES:,} bytes")
    return content


def _text(name: str, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _error(name, "config-not-text", "is written in UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(f"{name}:{line}", "config-not-text", "is not UTF-8 text") from error


def _syntax_error(name: str, text: str, message: str) -> ConfigError:
    match = _POSITION.search(message)
    line, column = match.groups() if match else (None, None)
    place = f"{name}:{line}:{column}" if line else f"{name}:{text.count(chr(10)) + 1}"
    what = _POSITION.sub(" at the end of the file" if match and not line else "", message)
    return _error(place, "config-syntax", f"is not valid TOML: {printable(what[:1].lower() + what[1:], 200)}")


def _error(place: str, code: str, message: str, hint: str = "") -> ConfigError:
    return ConfigError(Problem(code, message, place=place, hint=hint))
