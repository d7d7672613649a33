"""Decides where a long text is cut so that it can be looked at slice by slice: behind a blank, where little is held."""

_BACK = 64
"""How far before its end a slice may end instead."""


def slice_of(text: str, at: int, characters: int) -> str:
    """Return the next slice of a text, of at most so many characters."""
    end = at + characters
    if end >= len(text):
        return text[at:]
    blank = text.rfind(" ", max(at, end - _BACK), end)
    return text[at : blank + 1 if blank >= 0 else end]
