"""Lets new words out; where a model put all of them into a code fence, without that fence."""

import re

from guardian_cluster.request.continuation.failing import unclear

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)$")
_MAY_BE_FENCE = re.compile(r" {0,3}(?:`*|~*)$| {0,3}(?:```|~~~)")
_LONGEST = 400
"""Characters of a line that may be a fence, before it is taken for none."""


class Outlet:
    """Passes text on. A `wrapper` is the fence that was left out at the beginning, and is to be at the end."""

    def __init__(self, wrapper: str = "") -> None:
        self._wrapper = wrapper
        self._line = ""  # of the line that has not ended, what is held, for it may be a fence
        self._is_at_start = False
        self._inner = ""
        self._is_over = False

    def take(self, text: str) -> str:
        """Return what may leave.

        Raises:
            AttemptFailed: words follow the end of the fence, so that it was no wrapper.
        """
        if not self._wrapper:
            return text
        return "".join(map(self._pass, text.splitlines(keepends=True)))

    def finish(self) -> str:
        """Return what was held back; the wrapper's end is not."""
        return "" if self._is_over or self._ends(self._line) else self._line

    def _pass(self, part: str) -> str:
        """Take a line, or a part of one, and return what may leave."""
        if self._is_over:
            return self._nothing(part)
        has_ended = part.endswith("\n")
        if self._is_at_start or self._line:
            self._line += part
            if not has_ended and len(self._line) < _LONGEST and _MAY_BE_FENCE.match(self._line):
                self._is_at_start = False
                return ""
            if has_ended and self._ends(self._line.rstrip("\n")):
                self._is_over = True
                return self._nothing("")
            part, self._line = self._line, ""
        self._is_at_start = has_ended
        return part

    def _ends(self, line: str) -> bool:
        """Note a fence that stands inside; return whether a line is the wrapper's end."""
        fence = _FENCE.match(line) if len(line) < _LONGEST else None
        if fence is None:
            return False
        closes = not fence[2].strip()
        if self._inner:
            if closes and fence[1].startswith(self._inner):
                self._inner = ""
            return False
        if closes and fence[1].startswith(self._wrapper):
            return True
        self._inner = fence[1]
        return False

    def _nothing(self, text: str) -> str:
        if text.strip():
            raise unclear("words follow the code block that its answer stands in")
        return ""
