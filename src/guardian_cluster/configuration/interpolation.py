"""Put variables and files into a string: `${VAR}`, `${VAR:-default}`, `${file:/path}`, and `$$` for `$`.

It runs once, on strings that are parsed already: a value can add no key, and a `${` inside a value stays.
"""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from guardian_cluster.errors import printable

MAX_FILE_BYTES = 65_536
"""A key or an instruction is far smaller; this keeps a wrong path from filling the memory."""

_REFERENCE = re.compile(r"\$\$|\$\{([^}]*)\}|\$\{")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class MissingVariable(ValueError):
    """A variable without default is not set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"environment variable {name} is not set")
        self.name = name


class BadReference(ValueError):
    """A reference is written wrongly, or its file cannot be read."""


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A string with everything put in, and the names of where the parts came from."""

    text: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interpolation:
    """What references are resolved against."""

    environment: Mapping[str, str]
    folder: Path
    """Where relative paths start."""

    def apply(self, text: str) -> Interpolated:
        """Return `text` with every reference replaced; raises MissingVariable or BadReference."""
        if "$" not in text:
            return Interpolated(text)
        parts: list[str] = []
        sources: list[str] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            parts.append(text[end : match.start()])
            parts.append("$" if match.group() == "$$" else self._resolve(match, sources))
            end = match.end()
        return Interpolated("".join([*parts, text[end:]]), tuple(sources))

    def _resolve(self, match: re.Match[str], sources: list[str]) -> str:
        reference = match.group(1)
        if reference is None:
            raise BadReference('has "${" without "}"; write "$${" for the characters themselves')
        if reference.startswith("file:"):
            path = reference.removeprefix("file:")
            sources.append(path)
            return self._read(path)
        return self._variable(reference, sources)

    def _variable(self, reference: str, sources: list[str]) -> str:
        match = _VARIABLE.fullmatch(reference)
        if match is None:
            raise BadReference(
                f'has the reference "${{{printable(reference)}}}", which is neither ${{VARIABLE}},'
                " ${VARIABLE:-default} nor ${file:/path}"
            )
        name, default = match.groups()
        sources.append(name)
        value = self.environment.get(name)
        if value is None and default is None:
            raise MissingVariable(name)
        return (value or default or "") if default is not None else str(value)

    def _read(self, name: str) -> str:
        if "\0" in name:  # what Python says of it differs between its versions
            raise BadReference(f'names "{printable(name)}", which holds the character NUL; no path does')
        try:
            path = self.folder / Path(name).expanduser()
            if not stat.S_ISREG(path.stat().st_mode):
                raise BadReference(f'names "{printable(name)}", which is not a file')
            with path.open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError, RuntimeError) as error:
            raise _unreadable(name, error) from error
        if len(content) > MAX_FILE_BYTES:
            raise BadReference(f'names "{printable(name)}", which is larger than {MAX_FILE_BYTES} bytes')
        return _decoded(name, content)


def _decoded(name: str, content: bytes) -> str:
    try:
        return content.decode().rstrip(
            "\r\n"
        )  # editors and `echo` end a file with a newline that is no part of a key
    except UnicodeDecodeError as error:
        raise BadReference(f'names "{printable(name)}", which is not UTF-8 text') from error


def _unreadable(name: str, error: Exception) -> BadReference:
    if isinstance(error, BadReference):
        return error
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return BadReference(f'names "{printable(name)}", which cannot be read: {reason}')
