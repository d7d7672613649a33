"""Decides what of an error a log tells: where it came from and of which kind, but not its message.

The message of an error is the one part of a log line that is not chosen here: it may quote what a user or a
model wrote, as that of a `KeyError` does.
"""

import os
import textwrap
import traceback
from typing import cast


def without_words(error: BaseException) -> str:
    """Return the places and kinds of an error, of those that led to it, and of those that it groups."""
    led: list[BaseException] = []
    told: BaseException | None = error
    while told is not None and told not in led:
        led.append(told)
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
    return "\nwhich led to\n".join(map(_one, reversed(led)))


def _one(error: BaseException) -> str:
    lines = [*traceback.format_tb(error.__traceback__), _kind(error)]
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        lines += [textwrap.indent(f"\n{without_words(member)}", "  | ") for member in members]
    return "".join(lines)


def _kind(error: BaseException) -> str:
    """Return the name of the class, and of a system's error what it means, in the system's words."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    number = error.errno if isinstance(error, OSError) else None
    return name if number is None else f"{name}: {os.strerror(number)}"
