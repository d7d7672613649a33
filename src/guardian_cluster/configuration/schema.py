"""The JSON schema of guardian.toml, for editors, generated from the types of its sections."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
from msgspec import inspect as shape

from guardian_cluster.config import Config
from guardian_cluster.configuration.bounds import bounds_of
from guardian_cluster.configuration.scalars import words_of
from guardian_cluster.contract.secret import Secret

Schema = dict[str, Any]

_REFERENCE: Schema = {"type": "string", "pattern": r"\$\{.+\}"}
"""Any value may come from a variable: `tier = "${TIER:-2}"`."""

_INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}


def json_schema() -> Schema:
    """Return the schema of the whole file."""
    body = _schema(shape.type_info(Config))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "guardian.toml",
        **body,
    }


def _schema(kind: shape.Type) -> Schema:
    match kind:
        case shape.Metadata():
            return _schema(kind.type)
        case shape.StructType(cls=cls):
            return {"type": "string"} if cls is Secret else _table(kind)
        case shape.DictType():
            return _dict(kind)
        case shape.VarTupleType():
            return {"type": "array", "items": _schema(kind.item_type)}
        case shape.UnionType() if words := words_of(kind):
            return {"enum": list(words)}
        case shape.UnionType():
            return _union([_schema(each) for each in kind.types if not isinstance(each, shape.NoneType)])
        case shape.LiteralType():
            return {"enum": list(kind.values)}
        case _:
            return _scalar(kind)


def _dict(kind: shape.DictType) -> Schema:
    words = words_of(kind.key_type)
    return {
        "type": "object",
        **({"propertyNames": {"enum": list(words)}} if words else {}),
        "additionalProperties": _schema(kind.value_type),
    }


def _scalar(kind: shape.Type) -> Schema:
    match kind:
        case shape.IntType():
            return {"type": "integer", **_INT64}
        case shape.FloatType():
            return {"type": "number"}
        case shape.BoolType():
            return {"type": "boolean"}
        case _:
            return {"type": "string"}


def _union(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _table(kind: shape.StructType) -> Schema:
    described = dict(_field_docstrings(kind.cls))
    properties = {field.name: _property(kind.cls, field, described) for field in kind.fields}
    required = [field.name for field in kind.fields if field.required]
    return {
        "type": "object",
        "description": inspect.cleandoc(kind.cls.__doc__ or ""),
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _property(section: type, field: shape.Field, described: dict[str, str]) -> Schema:
    schema: Schema = _schema(field.type)
    bounds = bounds_of(section, field.name)
    if bounds is not None:
        schema["exclusiveMinimum" if bounds.open_low else "minimum"] = bounds.low
        if bounds.open_low:
            schema.pop("minimum", None)
        if bounds.high is not None:
            schema["maximum"] = bounds.high
    if schema.get("type") not in ("string", "object", "array"):
        schema = dict[str, Any](anyOf=[schema, _REFERENCE])
    if field.name in described:
        schema["description"] = described[field.name]
    if isinstance(field.default, str | int | float | bool):
        schema["default"] = field.default
    return schema


def _field_docstrings(section: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Yield each field and the docstring below it, which only the source has."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    statements = body.body if isinstance(body, ast.ClassDef) else []
    for field, text in pairwise(statements):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                yield name, inspect.cleandoc(docstring)
            case _:
                pass
