"""Decides which characters of a document are kept: none that steers a terminal, a page or a reader's eye."""

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff"  # halves of character pairs, which no encoding can write
    "\U000e0000-\U000e007f"  # tags: text that is there and cannot be seen
    "]"
)
"""Joiners (U+200C, U+200D) stay: Persian and emoji need them."""


def clean(text: str) -> str:
    """Return `text` with every line end as a newline and without characters that are not seen."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n"))


def one_line(text: str, limit: int) -> str:
    """Return `text` on one line of at most `limit` characters."""
    joined = " ".join(clean(text[: 4 * limit]).split())
    return joined if len(joined) <= limit else joined[: limit - 1].rstrip() + "…"
