"""Turn the parsed tables of guardian.toml into typed sections, and report everything that does not fit.

The walk goes by the types of `sections`, so a key exists exactly where a type has a field of that name. What
does not fit is reported and replaced by its default: the walk always ends with sections to check further.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from msgspec import inspect as shape

from guardian_cluster.configuration.bounds import bounds_of
from guardian_cluster.configuration.interpolation import BadReference, Interpolation, MissingVariable
from guardian_cluster.configuration.location import KeyPath, locate
from guardian_cluster.configuration.problems import Problems, Written, dotted
from guardian_cluster.configuration.scalars import name_of_type, name_of_value, read_scalar, words_of
from guardian_cluster.contract.secret import Secret
from guardian_cluster.errors import printable

T = TypeVar("T")

FAILED = object()
"""What a value decodes to after it was reported."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value from a variable or an option: text, which becomes a number or list where its key needs one."""

    text: str


class Decoder:
    """Decodes one document, and tells `problems` how each of its values was written."""

    def __init__(self, problems: Problems, interpolation: Interpolation, file_name: str) -> None:
        self._problems = problems
        self._interpolation = interpolation
        self._file_name = file_name
        self._written = problems.written

    def decode(self, section: type[T], tables: Mapping[str, object]) -> T:
        """Return the `section` that `tables` describe; what does not fit is reported and has its default."""
        kind = shape.type_info(section)
        value = self._decode(kind, tables, ())
        return cast("T", _placeholder(kind) if value is FAILED else value)

    def _decode(self, kind: shape.Type, value: object, path: KeyPath) -> object:
        match kind:
            case shape.UnionType() if kind.includes_none:
                return self._decode(_without_none(kind), value, path)
            case shape.UnionType() if words := words_of(kind):
                return self._scalar(shape.LiteralType(words), value, path)
            case shape.Metadata(extra={"path": True}):
                return self._file_path(kind.type, value, path)
            case shape.StructType() if kind.cls is Secret:
                return self._secret(value, path)
            case shape.StructType():
                return self._struct(kind, self._unpacked(value, path), path)
            case shape.DictType():
                return self._dict(kind, self._unpacked(value, path), path)
            case shape.VarTupleType():
                return self._tuple(kind, self._unpacked(value, path), path)
            case _:
                return self._scalar(kind, value, path)

    def _struct(self, kind: shape.StructType, value: object, path: KeyPath) -> object:
        if not isinstance(value, dict):
            return self._wrong(kind, value, path)
        table = cast("dict[str, object]", value)
        fields = {field.name: field for field in kind.fields}
        for key in table:
            if key not in fields:
                self._unknown(key, table, tuple(fields), path)
        for name, field in fields.items():
            if field.required and name not in table:
                self._problems.add((*path, name), "config-missing-key", f'{_table(path)} needs "{name}"')
        known = ((name, value) for name, value in table.items() if name in fields)
        decoded = {name: self._field(kind.cls, fields[name], value, path) for name, value in known}
        required = {name: _placeholder(field.type) for name, field in fields.items() if field.required}
        return kind.cls(**required | {name: value for name, value in decoded.items() if value is not FAILED})

    def _field(self, section: type, field: shape.Field, value: object, path: KeyPath) -> object:
        path = (*path, field.name)
        decoded = self._decode(field.type, value, path)
        bounds = bounds_of(section, field.name)
        if bounds is None or not isinstance(decoded, int | float):
            return decoded
        problem = bounds.problem(decoded)
        return decoded if problem is None else self._fail(path, "config-out-of-range", problem)

    def _dict(self, kind: shape.DictType, value: object, path: KeyPath) -> object:
        if not isinstance(value, dict):
            return self._wrong(kind, value, path)
        table = cast("dict[str, object]", value)
        known = words_of(kind.key_type) or table.keys()
        for key in table:
            if key not in known:
                self._unknown(key, table, tuple(known), path)
        return {
            key: self._or_placeholder(kind.value_type, item, (*path, key))
            for key, item in table.items()
            if key in known
        }

    def _tuple(self, kind: shape.VarTupleType, value: object, path: KeyPath) -> object:
        if not isinstance(value, list):
            return self._wrong(kind, value, path)
        self._written[path] = Written(None)
        items = enumerate(cast("list[object]", value))
        return tuple(self._or_placeholder(kind.item_type, item, (*path, index)) for index, item in items)

    def _or_placeholder(self, kind: shape.Type, value: object, path: KeyPath) -> object:
        decoded = self._decode(kind, value, path)
        return _placeholder(kind) if decoded is FAILED else decoded

    def _file_path(self, kind: shape.Type, value: object, path: KeyPath) -> object:
        text = self._scalar(kind, value, path)
        if not isinstance(text, str):
            return text
        if not text:
            return self._fail(path, "config-bad-value", "must not be empty")
        return os.path.abspath(self._interpolation.folder / Path(text).expanduser())

    def _scalar(self, kind: shape.Type, value: object, path: KeyPath) -> object:
        is_text = isinstance(kind, shape.StrType | shape.LiteralType)
        if isinstance(value, str):
            value = self._interpolated(value, path, to_text=is_text)
        else:
            self._written[path] = Written(None)
        if isinstance(value, Given):
            value = value.text if is_text else _literal(value.text)
        if isinstance(value, str) and (problem := _unusable(value)):
            return self._fail(path, "config-bad-value", problem)
        return value if value is FAILED else self._checked(kind, value, path)

    def _secret(self, value: object, path: KeyPath) -> object:
        text = self._scalar(shape.StrType(), value, path)
        if not isinstance(text, str):
            return text
        sources = self._written[path].sources
        return Secret(text, ", ".join(sources) or self._problems.origin(path) or self._file_name)

    def _checked(self, kind: shape.Type, value: object, path: KeyPath) -> object:
        if isinstance(kind, shape.LiteralType) and isinstance(value, str) and value not in kind.values:
            words = [str(word) for word in kind.values]
            return self._fail(path, "config-bad-value", f"must be one of {', '.join(words)}")
        try:
            return read_scalar(kind, value)
        except TypeError:
            return self._wrong(kind, value, path)
        except ValueError as error:
            return self._fail(path, "config-out-of-range", str(error))

    def _interpolated(self, text: str, path: KeyPath, *, to_text: bool) -> object:
        try:
            result = self._interpolation.apply(text)
        except MissingVariable as error:
            hint = f"set it, or write ${{{error.name}:-DEFAULT}}"
            self._problems.add(path, "config-missing-variable", f"{error} (for {dotted(path)})", hint)
            return FAILED
        except BadReference as error:
            return self._fail(path, "config-bad-reference", str(error))
        self._written[path] = Written(text, result.sources)
        return _literal(result.text) if result.sources and not to_text else result.text

    def _unpacked(self, value: object, path: KeyPath) -> object:
        return _as_given(_literal(value.text)) if isinstance(value, Given) else value

    def _unknown(self, key: str, table: dict[str, object], known: tuple[str, ...], path: KeyPath) -> None:
        thing = f'key "{printable(key)}" in {_table(path)}' if path else f'section "{printable(key)}"'
        hint, meant = self._problems.suggest(key, known)
        is_dotted_name = meant is None and len(path) == 2 and isinstance(table[key], dict)
        if is_dotted_name:
            hint = f'a name with a dot needs quotes: [{path[0]}."{printable(f"{path[1]}.{key}")}"]'
        self._problems.add((*path, key), "config-unknown-key", f"unknown {thing}", hint)
        if is_dotted_name:  # what lacks here was written there
            self._problems.settle(path)
        elif meant is not None and meant not in table:  # a misspelt key is not missing too
            self._problems.settle((*path, meant))

    def _wrong(self, kind: shape.Type, value: object, path: KeyPath) -> object:
        return self._fail(
            path, "config-wrong-type", f"must be {name_of_type(kind)}, not {name_of_value(value)}"
        )

    def _fail(self, path: KeyPath, code: str, message: str) -> object:
        self._problems.add(path, code, f"{dotted(path)} {message}")
        return FAILED


def _without_none(kind: shape.UnionType) -> shape.Type:
    rest = tuple(each for each in kind.types if not isinstance(each, shape.NoneType))
    return rest[0] if len(rest) == 1 else shape.UnionType(rest)


def _literal(text: str) -> object:
    """Read the text of a variable as the TOML value that its key needs; what is no such value stays text."""
    document = f"value = {text}"
    try:
        locate(document)  # which refuses what tomllib would take very long for
        (value,) = tomllib.loads(document).values()
    except ValueError:
        return text
    return cast("object", value)


def _as_given(value: object) -> object:
    match value:
        case str():
            return Given(value)
        case list():
            return [_as_given(item) for item in cast("list[object]", value)]
        case dict():
            return {key: _as_given(item) for key, item in cast("dict[str, object]", value).items()}
        case _:
            return value


def _unusable(text: str) -> str | None:
    if "\0" in text:
        return "contains the character NUL"
    return None if text.isascii() or _encodes(text) else "contains bytes that are not UTF-8"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _table(path: KeyPath) -> str:
    return dotted(path) if isinstance(path[-1], int) else f"[{dotted(path)}]"


_EMPTY: dict[type[shape.Type], Callable[[Any], object]] = {
    shape.StructType: lambda kind: _empty_struct(kind),
    shape.VarTupleType: lambda kind: (),
    shape.DictType: lambda kind: {},
    shape.LiteralType: lambda kind: kind.values[0],
    shape.IntType: lambda kind: 0,
    shape.FloatType: lambda kind: 0.0,
    shape.BoolType: lambda kind: False,
}


def _placeholder(kind: shape.Type) -> object:
    """Return a value of this type that stands for one that was reported."""
    empty = _EMPTY.get(type(kind))
    return empty(kind) if empty else ""


def _empty_struct(kind: shape.StructType) -> object:
    return kind.cls(**{field.name: _placeholder(field.type) for field in kind.fields if field.required})
