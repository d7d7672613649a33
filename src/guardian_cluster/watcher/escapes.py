"""JSON text as its reader will see it: escapes undone piece by piece, with how each character was written."""

import re

_UNIT = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_OPEN = re.compile(r"(?:\\|\\u[0-9a-fA-F]{0,3}|\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\|\\u[0-9a-fA-F]{0,3})?)\Z")
"""An escape that the end of a piece leaves open; a high surrogate waits for its low half."""

_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class EscapeDecoder:
    """Undoes JSON string escapes (RFC 8259, section 7) in a text cut anywhere.

    A backslash outside a string is no JSON, so whether one stands inside a string need not be known.
    """

    def __init__(self) -> None:
        self._open = ""

    def feed(self, text: str) -> tuple[str, list[str] | None]:
        """Return the characters read and how each was written; `None` where each was written as itself."""
        text = self._open + text
        if "\\" not in text:
            self._open = ""
            return text, None
        self._open = _open_escape(text)
        return _decode(text[: len(text) - len(self._open)])

    def finish(self) -> tuple[str, list[str] | None]:
        """Return what an escape left open at the end stands for: itself."""
        rest, self._open = self._open, ""
        return rest, None


def _open_escape(text: str) -> str:
    # At most eleven characters can be open. An escaped backslash just before must not be taken for the start of one, so the
    # run of backslashes is counted from its beginning.
    found = _OPEN.search(text, max(0, len(text) - 11))
    while found is not None:
        before = len(text[: found.start()]) - len(text[: found.start()].rstrip("\\"))
        if before % 2 == 0:
            return found.group()
        found = _OPEN.search(text, found.start() + 1)
    return ""


def _decode(text: str) -> tuple[str, list[str]]:
    units = _UNIT.findall(text)
    return "".join(map(_character, units)), units


def _character(unit: str) -> str:
    if len(unit) == 1:
        return unit
    if len(unit) == 2:
        return _SHORT.get(unit[1], unit[1])
    if len(unit) == 6:
        return chr(int(unit[2:], 16))
    high, low = int(unit[2:6], 16), int(unit[8:], 16)
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
