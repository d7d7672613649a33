"""The requests that are sent: like a short chat with a system prompt, and one of 1 MB."""

import contextlib
import json
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM = (
    "You are a careful assistant of an operations team. Answer briefly, name the source of what you say, and "
    "say so plainly when you do not know. Prefer numbers with units over adjectives. Never invent a command: "
    "if you are not sure that an option exists, tell how to look it up. Keep the reader's setting in mind: "
    "two small virtual machines, Debian, no container platform, and a person on call who is tired and reads "
    "this on a telephone at night."
)
QUESTION = (
    "Explain how a load balancer chooses a backend when several are healthy, and what changes under load. "
    "We have seen that after one of two backends restarts, it takes most of the requests for about a minute "
    "and then fails its health check again. Which settings would you look at first, which measurement would "
    "tell that you are right, and what could go wrong with the change you propose?"
)
LARGE_BYTES = 1_000_000


@dataclass(frozen=True)
class Bodies:
    """Files with request bodies."""

    whole: Path
    stream: Path
    large: Path


@contextlib.contextmanager
def body_files() -> Generator[Bodies]:
    """Write the bodies into a folder that lasts as long as the context."""
    short = [_message("system", SYSTEM), _message("user", QUESTION)]
    turns = [_message(role, QUESTION * 3) for role in ("user", "assistant")]
    long = turns * (LARGE_BYTES // len(json.dumps(turns)))
    with tempfile.TemporaryDirectory(prefix="guardian-benchmark-") as name:
        folder = Path(name)
        yield Bodies(
            _write(folder / "whole.json", chat(short)),
            _write(folder / "stream.json", chat(short, stream=True)),
            _write(folder / "large.json", chat([*long, *short])),
        )


def chat(messages: Sequence[dict[str, str]], **fields: Any) -> bytes:
    """Return the body of a chat completion."""
    request = {
        "model": "fake-model",
        "messages": messages,
        "temperature": 0.2,
        "max_tokens": 256,
        "stream": False,
    }
    return json.dumps(request | fields).encode()


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _write(path: Path, body: bytes) -> Path:
    path.write_bytes(body)
    return path
