"""Whether a text goes on with the marker of an item that broke off ("2" - "3. "), or has it again, by its number."""

import re

_BEGUN = re.compile(r"\n[ \t]*(?:(\d{1,3})([.)]?)|([-*+•]))\Z")
_ORDINAL = re.compile(r"(\d{0,3})([.)]) ")
_BEFORE = re.compile(r"(?m)^[ \t]*(\d{1,3})[.)] ")


def marker_again(said: str, text: str) -> int | None:
    """Return how many characters at the beginning of a text repeat a marker that broke off, where it goes on with one.

    The number of an item is the one before and one more, which tells both apart; `None` where nothing is told.
    """
    begun = _BEGUN.search(said)
    if begun is None:
        return None
    if begun[3]:
        return 1 if text.startswith(begun[3] + " ") else None
    found = _ORDINAL.match(text)
    if found is None or (begun[2] and found[2] != begun[2]):
        return None
    numbers = _BEFORE.findall(said[-20_000 : begun.start() + 1])
    following = str(int(numbers[-1]) + 1 if numbers else 1)
    if found[1] == following and following.startswith(begun[1]):
        return len(begun[1] + begun[2])
    return 0 if begun[1] + found[1] == following and not begun[2] else None
