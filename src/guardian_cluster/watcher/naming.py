"""How a rule is called where others read it: in the answer, in its place, and in verdicts.

Neither may give the text away, and what stands in its place may not make a new one with the text around it.
"""

import re
from collections.abc import Sequence

_MAX_NAME_CHARACTERS = 64
_UNFIT = re.compile(r"[^\w.:-]+")
"""What JSON, Markdown or a shell might read as its own."""


def shown(name: str, instead: str, texts: Sequence[str]) -> str:
    """Return the name under which a rule is reported: its own, or `instead` where that gives a text away."""
    return instead if any(text in name for text in texts) else name


def placeholder(name: str, texts: Sequence[str]) -> str:
    """Return what stands in the place of a rule's text.

    Raises:
        ValueError: whatever may stand there makes a rule's text, because rules are single characters.
    """
    plain = _UNFIT.sub("-", name)[:_MAX_NAME_CHARACTERS]
    for candidate in (f"[redacted:{plain}]", "[redacted]", "[***]", "(###)", "\u2588\u2588\u2588"):
        if not any(_touch(candidate, text) for text in texts):
            return candidate
    raise ValueError(f"no mark can stand in the place of rule {name!r}: give the rules longer texts")


def _touch(mark: str, text: str) -> bool:
    """Return whether the mark holds the text, is part of it, or may begin or end it."""
    if mark[0] not in text and mark[-1] not in text:
        return text in mark
    return (
        text in mark
        or mark in text
        or any(text.endswith(mark[:n]) or text.startswith(mark[-n:]) for n in range(1, len(mark)))
    )


_MAX_LABEL_CHARACTERS = 24
_NO_LABEL = re.compile(r"[^a-z0-9_]+")


def label(name: str) -> str:
    """Return what a model is told of a text that was taken out: the name of its rule, in small letters and figures."""
    return _NO_LABEL.sub("-", name.lower())[:_MAX_LABEL_CHARACTERS].strip("-") or "text"
