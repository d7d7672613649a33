"""Every value in force as a line of text, with where it came from and without its secrets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import msgspec

from guardian_cluster.config import Config, Reading
from guardian_cluster.configuration.location import KeyPath
from guardian_cluster.configuration.problems import Written, dotted
from guardian_cluster.contract.secret import Secret

Plain = str | int | float | bool | list["Plain"] | None

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class ShownValue:
    """One value in force."""

    key: str
    plain: Plain
    """The value as JSON has it; a secret is its mask."""
    source: str
    """The file and line, variable or option that set it, or `default`."""
    is_masked: bool = False

    def __str__(self) -> str:
        shown = str(self.plain) if self.is_masked else json.dumps(self.plain, ensure_ascii=False)
        return f"{self.key} = {'(none)' if self.plain is None else shown}"


def shown_values(reading: Reading) -> list[ShownValue]:
    """Return every value of a configuration in the order of its sections."""
    config = _complete(reading.config)
    return [_shown(path, value, reading) for path, value in _leaves(config, ())]


def _complete(config: Config) -> Config:
    """Return `config` with what is worked out from it: the data folder and the built-in specialist."""
    data = msgspec.structs.replace(config.data, folder=str(config.data_folder))
    specialists = {**config.specialist, **config.enabled_specialists()}
    return msgspec.structs.replace(config, data=data, specialist=specialists)


def _leaves(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    match value:
        case Secret():
            yield path, value
        case msgspec.Struct():
            for name in value.__struct_fields__:
                yield from _leaves(getattr(value, name), (*path, name))
        case dict():
            for name, item in cast("dict[str, object]", value).items():
                yield from _leaves(item, (*path, name))
        case tuple() if any(isinstance(item, msgspec.Struct) for item in cast("tuple[object, ...]", value)):
            for index, item in enumerate(cast("tuple[object, ...]", value)):
                yield from _leaves(item, (*path, index))
        case _:
            yield path, value


def _shown(path: KeyPath, value: object, reading: Reading) -> ShownValue:
    source = _source(path, value, reading)
    if isinstance(value, Secret):
        return ShownValue(dotted(path), str(value), source, is_masked=True)
    if isinstance(value, tuple):
        items = enumerate(cast("tuple[object, ...]", value))
        return ShownValue(
            dotted(path), [_plain((*path, index), item, reading) for index, item in items], source
        )
    plain = _plain(path, value, reading)
    return ShownValue(dotted(path), plain, source, is_masked=plain != value)


def _plain(path: KeyPath, value: object, reading: Reading) -> Plain:
    """Return the value; the texts a watcher looks for are masked where they came from outside the file."""
    sources = reading.problems.written.get(path, Written(None)).sources
    if sources and "watch" in path:
        return str(Secret("hidden", ", ".join(sources)))
    return cast("Plain", value)


def _source(path: KeyPath, value: object, reading: Reading) -> str:
    written = reading.problems.written.get(path)
    if written is None:
        return DEFAULT
    place = reading.problems.place(path)
    hidden = isinstance(value, Secret) or not written.sources
    return place if hidden else f"{place}, {', '.join(written.sources)}"
