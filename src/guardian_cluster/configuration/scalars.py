"""Decide whether a parsed value is of the type its key has, and name types in words for people."""

import math
from datetime import date, datetime, time
from typing import TypeGuard

from msgspec import inspect as shape

_TYPE_NAMES: dict[type[shape.Type], str] = {
    shape.StructType: "a table",
    shape.DictType: "a table",
    shape.VarTupleType: "an array",
    shape.StrType: "a string",
    shape.LiteralType: "a string",
    shape.IntType: "a whole number",
    shape.FloatType: "a number",
    shape.BoolType: "true or false",
    shape.UnionType: "a string, a number, true or false",
}

_VALUE_NAMES: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bool,), "true or false"),  # before int, of which it is a subclass
    ((int,), "a whole number"),
    ((float,), "a number"),
    ((str,), "a string"),
    ((dict,), "a table"),
    ((list,), "an array"),
    ((datetime, date, time), "a date or time"),
)

_INT64 = range(-(2**63), 2**63)
"""TOML's whole numbers; larger ones could not be sent on."""


def read_scalar(kind: shape.Type, value: object) -> str | int | float | bool:
    """Return `value` as the type `kind`; raises TypeError, or ValueError for too large a number."""
    match kind:
        case shape.UnionType():
            kinds = (each for each in kind.types if _fits(each, value))
            return read_scalar(next(kinds, shape.StrType()), value)
        case shape.StrType() | shape.LiteralType() if isinstance(value, str):
            return value
        case shape.BoolType() if isinstance(value, bool):
            return value
        case shape.IntType() if _is_int(value):
            return _finite(value)
        case shape.FloatType() if _is_int(value) or isinstance(value, float):
            return float(_finite(value))
        case _:
            raise TypeError


def words_of(kind: shape.Type) -> tuple[str, ...]:
    """Return the words of which a value of this type is one, in their order; none where it may be anything else."""
    kinds = kind.types if isinstance(kind, shape.UnionType) else (kind,)
    words = [str(word) for each in kinds if isinstance(each, shape.LiteralType) for word in each.values]
    return tuple(sorted(words)) if all(isinstance(each, shape.LiteralType) for each in kinds) else ()


def name_of_type(kind: shape.Type) -> str:
    """Return the type in words, such as `a whole number`."""
    return _TYPE_NAMES.get(type(kind), "a string")


def name_of_value(value: object) -> str:
    """Return the type of a parsed value in words; never the value, which may be a secret."""
    return next((name for types, name in _VALUE_NAMES if isinstance(value, types)), "a string")


def _fits(kind: shape.Type, value: object) -> bool:
    match kind:
        case shape.StrType():
            return isinstance(value, str)
        case shape.BoolType():
            return isinstance(value, bool)
        case shape.IntType():
            return _is_int(value)
        case _:
            return isinstance(value, float)


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _finite(number: float) -> float:
    if isinstance(number, int) and number not in _INT64:
        raise ValueError("is a larger number than fits in 64 bits")
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number
