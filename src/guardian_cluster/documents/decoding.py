"""Decides in which encoding a file is written, and whether it is text at all."""

import codecs

from guardian_cluster.documents.block import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_LOOKED_AT = 65_536
"""Bytes in which signs of a binary file are looked for; a picture shows them in its first hundred."""

_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r\f\x1b")) + b"\x7f"

_MOST_CONTROLS = 0.02
"""Share of control characters above which Latin-1 is not believed: text has none, compressed data 11 %."""


def decode(content: bytes) -> str:
    """Return the text of a file's bytes: by its mark, else UTF-8, else UTF-16 or Latin-1.

    Raises:
        Unreadable: it is binary, or does not keep to the encoding it names.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _strictly(content, encoding).removeprefix("\ufeff")
    unmarked = _unmarked_utf16(content)
    if unmarked:
        return _strictly(content, unmarked)
    if b"\0" in content[:_LOOKED_AT]:
        raise Unreadable("is binary")
    try:
        return content.decode()
    except UnicodeDecodeError:
        return _latin(content)


def _strictly(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"begins with the mark of {encoding} and breaks it at byte {error.start:,}"
        raise Unreadable(message) from None


def _unmarked_utf16(content: bytes) -> str:
    """Return which UTF-16 it is when every second byte of nearly all characters is zero, else nothing."""
    head = content[: _LOOKED_AT & ~1]
    if len(head) < 8 or len(content) % 2:
        return ""
    half = len(head) // 2
    high, low = head[0::2].count(0), head[1::2].count(0)
    if low > 0.9 * half and not high:
        return "utf-16-le"
    return "utf-16-be" if high > 0.9 * half and not low else ""


def _latin(content: bytes) -> str:
    head = content[:_LOOKED_AT]
    if len(head) - len(head.translate(None, _CONTROLS)) > _MOST_CONTROLS * len(head):
        raise Unreadable("is binary")
    # Windows-1252 is what is called Latin-1 in practice; it has gaps, and Latin-1 has none.
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError:
        return content.decode("latin-1")
