"""Floats as bytes that are the same on every machine, and checked when they are read."""

import sys
from array import array
from math import isfinite


def floats_as_bytes(numbers: "array[float]") -> bytes:
    """Return single-precision numbers, four bytes each, low byte first."""
    return _swapped(array("f", numbers)).tobytes()


def finite_floats(data: bytes) -> "array[float]":
    """Return the numbers in these bytes. Raises ValueError where one is infinite or none."""
    numbers = _swapped(array("f", data))
    if not isfinite(sum(map(abs, numbers))):
        raise ValueError("a learned model holds numbers that are none")
    return numbers


def part_of(data: bytes, at: int, length: int) -> bytes:
    """Return `length` bytes from a place on. Raises ValueError where there are fewer."""
    part = data[at : at + length]
    if len(part) != length:
        raise ValueError("a learned model ends early")
    return part


def _swapped(numbers: "array[float]") -> "array[float]":
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
