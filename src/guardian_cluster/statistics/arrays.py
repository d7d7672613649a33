"""Decides how arrays become bytes and are read again: checked, since whatever is read from a file may be anything."""

import math
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_Kind = TypeVar("_Kind", bound=np.generic)


def packed(values: npt.NDArray[Any]) -> bytes:
    """Return the numbers of an array, least byte first."""
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()


def numbers(
    data: bytes, kind: type[_Kind], shape: tuple[int, ...], *, may_be_unknown: bool = False
) -> npt.NDArray[_Kind]:
    """Return the array of this shape. Raises ValueError for another length, or for what is not finite.

    `may_be_unknown` allows NaN.
    """
    wanted = np.dtype(kind).newbyteorder("<")
    if len(data) != math.prod(shape) * wanted.itemsize:
        raise ValueError(f"{len(data)} bytes are not an array of {shape}")
    if wanted.kind == "b" and any(byte > 1 for byte in data):
        raise ValueError("something is neither true nor false")
    found = np.frombuffer(data, wanted).reshape(shape).astype(kind)
    if wanted.kind == "f":
        doubtful = np.isinf(found) if may_be_unknown else ~np.isfinite(found)
        if doubtful.any():
            raise ValueError("there are numbers that are not finite")
    return found
