"""Decides whether an answer may be read in one go, by what reading it takes: the event loop waits meanwhile.

Decoding cannot be interrupted, and a thread would not help: msgspec keeps the interpreter to itself until it has
decoded all (36 MB of empty lists in a thread: 0.2 s in which nobody else ran). So it is looked at before, in
slices: the dense structure that takes long stands in no model's answer but a hostile one.
"""

import asyncio

from guardian_cluster.domain.errors import AttemptFailed

UNCOUNTED_BYTES = 5_120
"""Too small to matter whatever it holds: 2 ms at most, for nothing but empty objects."""

MAX_DECODED_BYTES = 8_000_000
"""Some images in base64. Of plain text this takes 1.6 ms to decode; requests have the same limit."""

MAX_EFFORT_US = 2_000
"""For decoding, watching or encoding an answer, each of which is one step of the event loop."""

_CONTAINER_US = 0.8
_STRING_US = 0.09
_COMMA_US = 0.01
_ESCAPE_US = 0.0042
"""Measured, for the slowest of the three steps: searching an object in an unknown field, decoding a key, searching
one of many numbers, encoding a line end. A hundred tool calls of 20 fields are worth 0.4 ms."""

_SLICE_BYTES = 262_144
"""Counted at once, in about 0.4 ms."""

_SLICE_QUOTES = 500
"""Passed over at once, in about 0.4 ms."""


def effort_us(text: bytes, start: int, end: int) -> float:
    """Return what a part takes to read at most, in microseconds: as if all in it were structure, and nothing words."""
    containers = text.count(b"{", start, end) + text.count(b"[", start, end)
    strings = text.count(b'"', start, end) / 2
    structure = _CONTAINER_US * containers + _STRING_US * strings + _COMMA_US * text.count(b",", start, end)
    return structure + _ESCAPE_US * text.count(b"\\", start, end)


async def refuse_costly(text: bytes) -> None:
    """Let pass what can be read without holding others up; most is known to be so after one count.

    Raises:
        AttemptFailed: it is too dense.
    """
    at_most_us = 0.0
    for start in range(0, len(text), _SLICE_BYTES):
        if start:
            await asyncio.sleep(0)
        at_most_us += effort_us(text, start, start + _SLICE_BYTES)
        if at_most_us > MAX_EFFORT_US:
            await _refuse_dense(text)
            return


async def _refuse_dense(text: bytes) -> None:
    """Count again, and leave out what stands within strings: programs and JSON that a model writes are but words."""
    spent_us, at, passed, inside = 0.0, 0, 0, False
    while at < len(text):
        found = text.find(b'"', at)
        quote = len(text) if found < 0 else found
        if inside:
            words = text[at:quote]
            spent_us += _ESCAPE_US * words.count(b"\\")
            inside = (
                len(words) - len(words.rstrip(b"\\"))
            ) % 2 == 1  # the quote is escaped, and one of the words
        else:
            spent_us += _STRING_US + _effort_up_to_limit_us(text, at, quote)
            inside = True
        if spent_us > MAX_EFFORT_US:
            raise AttemptFailed(
                "The model's answer holds so many values that reading it would hold up all others.",
                code="upstream_answer_too_large",
            )
        at, passed = quote + 1, passed + 1
        if passed % _SLICE_QUOTES == 0:
            await asyncio.sleep(0)


def _effort_up_to_limit_us(text: bytes, start: int, end: int) -> float:
    """Return the effort of a part, counted no further than to where it is too much."""
    spent_us = 0.0
    while start < end and spent_us <= MAX_EFFORT_US:
        spent_us += effort_us(text, start, min(end, start + _SLICE_BYTES))
        start += _SLICE_BYTES
    return spent_us
