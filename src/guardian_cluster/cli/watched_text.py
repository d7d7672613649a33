"""Decides what the argument of `guardian watch` names, and reads texts for it: bounded, and UTF-8 or refused."""

import os
import re
import sys
from pathlib import Path

from guardian_cluster.errors import BadArgument, Problem, printable

MAX_BYTES = 8_000_000
"""Of a text: what a gateway takes as a request. It is explained in some 10 s."""

_STDIN = "-"

_LOOKS_LIKE_A_FILE = re.compile(
    r"[^\s]{1,200}\.(?:txt|md|json|jsonl|log|csv|html?|xml|ya?ml|toml|ini|env|pem|key|py|js|ts|sh)"
)
"""A word that ends as files do; nobody means such a word itself."""


def text_of(argument: str, *, is_text: bool) -> str:
    """Return the text that the argument names: a file's, what stands on stdin, or the argument itself.

    Raises:
        BadArgument: it is empty, too long, no UTF-8, or a file that is not there or cannot be read.
    """
    if is_text:
        text = _checked(argument, "the text")
    elif argument == _STDIN:
        # Where a shell has closed it, there is none.
        content = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin is not None else b""
        text = _decoded(content, "standard input")
    elif os.path.exists(argument):  # of what is no path it says no, whatever it is
        text = read_text(Path(argument))
    else:
        _refuse_missing(argument)
        text = _checked(argument, "the text")
    if not text:
        message = "there is nothing to watch: the text is empty"
        raise _bad("watch-empty", message, "give a text, a file, or - for standard input")
    return text


def read_text(path: Path) -> str:
    """Return what stands in a file. Raises BadArgument where that is no text, too long, or cannot be read."""
    named = printable(str(path), 200)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise _bad("watch-folder", f"{named} is a folder", "name one of the files in it") from None
    except FileNotFoundError:
        raise _bad("watch-no-file", f"there is no file {named}", "") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise _bad("watch-unreadable", f"{named} cannot be read: {reason}", "") from None
    return _decoded(content, named)


def _refuse_missing(argument: str) -> None:
    if _LOOKS_LIKE_A_FILE.fullmatch(argument):
        hint = "to watch these words themselves: guardian watch --text WORDS"
        raise _bad("watch-no-file", f"there is no file {printable(argument, 200)}", hint)


def _checked(text: str, named: str) -> str:
    """Return an argument; the bytes of one that is no UTF-8 arrive as halves of surrogate pairs."""
    return _decoded(text.encode("utf-8", "surrogatepass"), named)


def _decoded(content: bytes, named: str) -> str:
    if len(content) > MAX_BYTES:
        hint = "watch it in parts; what is looked for is no longer than some thousand characters"
        raise _bad("watch-too-large", f"{named} has more than {MAX_BYTES:,} bytes", hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        hint = "if it is text, convert it: iconv -f latin1 -t utf-8"
        raise _bad(
            "watch-not-text", f"{named} is not UTF-8 text, from byte {error.start:,} on", hint
        ) from None


def _bad(code: str, message: str, hint: str) -> BadArgument:
    return BadArgument(Problem(code, message, hint=hint, see="guardian watch --help"))
