"""`guardian ask`: put one question to the running gateway and print the answer while it arrives."""

import http.client
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TextIO, cast
from urllib.parse import SplitResult, urlsplit

import click

from guardian_cluster.errors import CheckFailed, Problem, Unreachable, printable

_MAX_LINE_BYTES = 1_000_000
_MAX_ERROR_BYTES = 65_536

_UNSAFE = dict.fromkeys(
    [*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)],
    "\ufffd",
)
"""Escapes and marks of direction: a model's words must not steer the terminal. Tab and newline stay."""

_NOTED_ENDINGS = {
    "length": "the answer is cut: it reached its maximal length",
    "content_filter": "the answer is cut: a watcher or the model's own filter ended it",
}


@click.command()
@click.argument("question", nargs=-1, required=True)
@click.option("--model", default="auto", show_default=True, metavar="NAME", help="A specialist or alias.")
@click.option(
    "--url",
    default="http://127.0.0.1:8600/v1",
    show_default=True,
    envvar="GUARDIAN_URL",
    show_envvar=True,
    help="Of the gateway; without a path it is that of /v1.",
)
@click.option("--key", envvar="GUARDIAN_KEY", show_envvar=True, help="A key, where the gateway has some.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True, max=86_400),
    default=120.0,
    show_default=True,
    help="Seconds to wait for the next piece.",
)
def ask(question: tuple[str, ...], model: str, url: str, key: str | None, timeout_s: float) -> None:
    """Ask the running gateway something, such as: guardian ask "What is 17% of 2,350?"."""
    address = _address(url)
    body = {"model": model, "messages": [{"role": "user", "content": " ".join(question)}], "stream": True}
    with closing(_connection(address, timeout_s)) as connection:
        response = _send(connection, address, body, key)
        if response.status != http.client.OK:
            raise _refused(response)
        _print_answer(_pieces(_data_lines(response)), sys.stdout)
        click.echo(_who_answered(response), err=True)


class LineSource(Protocol):
    """What lines are read from: a response."""

    def readline(self, limit: int = -1, /) -> bytes:
        """Return the next line, or its first `limit` bytes; empty at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event of the stream adds to the answer."""

    text: str = ""
    ending: str | None = None
    """OpenAI's `finish_reason`, in the last piece with one."""


def _address(url: str) -> SplitResult:
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and bool(address.hostname) and address.port != 0
    except ValueError:
        usable = False
        address = urlsplit("")
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise click.BadParameter("is not an absolute http or https address", param_hint="--url")
    return address._replace(path="/v1") if address.path in ("", "/") else address


def _connection(address: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=timeout_s)


def _send(
    connection: http.client.HTTPConnection, address: SplitResult, body: dict[str, Any], key: str | None
) -> http.client.HTTPResponse:
    headers = {"content-type": "application/json", "accept": "text/event-stream"}
    if key:
        headers["authorization"] = f"Bearer {_sendable(key)}"
    path = f"{address.path.rstrip('/')}/chat/completions"
    try:
        connection.request("POST", path, json.dumps(body).encode(), headers)
        return connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(address, error) from error


def _sendable(key: str) -> str:
    if not (key.isascii() and key.isprintable()):
        raise click.BadParameter("has characters that cannot be sent in a header", param_hint="--key")
    return key


def _unreachable(address: SplitResult, error: Exception) -> Unreachable:
    where = f"{address.scheme}://{address.netloc}"
    message = f"could not reach {where}, run 'guardian serve' to start it"
    reason = (
        "" if isinstance(error, ConnectionRefusedError) else printable(f"{type(error).__name__}: {error}")
    )
    return Unreachable(Problem("ask-unreachable", message, hint=reason, see="guardian serve --help"))


def _refused(response: http.client.HTTPResponse) -> CheckFailed:
    """Return the error that the gateway sent instead of an answer."""
    content = _json_object(response.read(_MAX_ERROR_BYTES))
    hint = "give a key with --key or in GUARDIAN_KEY" if response.status == http.client.UNAUTHORIZED else ""
    default = f"the server answered {response.status} and did not say why"
    return CheckFailed(_problem(content, default, hint))


def _problem(content: dict[str, Any], default: str, hint: str = "") -> Problem:
    error = content.get("error")
    facts = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
    message, code = facts.get("message"), facts.get("code")
    return Problem(
        printable(code, 60) if isinstance(code, str) and code else "ask-failed",
        printable(message, 1_000) if isinstance(message, str) and message else default,
        hint=hint,
        see="guardian ask --help",
    )


def _data_lines(source: LineSource) -> Iterator[bytes]:
    """Yield the payload of each event up to `[DONE]`; raises Unreachable where the stream ends without it."""
    while line := _read_line(source):
        if not line.startswith(b"data:"):
            continue
        payload = line[5:].strip()
        if payload == b"[DONE]":
            return
        yield payload
    message = "the answer ended before it was complete"
    raise Unreachable(Problem("ask-incomplete", message, see="guardian ask --help"))


def _read_line(source: LineSource) -> bytes:
    try:
        line = source.readline(_MAX_LINE_BYTES)
    except (OSError, http.client.HTTPException) as error:
        message = f"the answer stopped: {printable(f'{type(error).__name__}: {error}')}"
        raise Unreachable(Problem("ask-incomplete", message, see="guardian ask --help")) from error
    if len(line) >= _MAX_LINE_BYTES:
        message = f"the answer has a line of more than {_MAX_LINE_BYTES:,} bytes"
        raise Unreachable(Problem("ask-incomplete", message, see="guardian ask --help"))
    return line


def _pieces(payloads: Iterator[bytes]) -> Iterator[Piece]:
    """Yield what each payload adds; raises CheckFailed for an error in the stream."""
    for payload in payloads:
        content = _json_object(payload)
        if "error" in content:
            raise CheckFailed(_problem(content, "the answer failed and the server did not say why"))
        choices = content.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            yield _piece(cast("dict[str, Any]", choices[0]))


def _piece(choice: dict[str, Any]) -> Piece:
    delta, ending = choice.get("delta"), choice.get("finish_reason")
    words = cast("dict[str, Any]", delta) if isinstance(delta, dict) else {}
    texts = [words.get("content"), words.get("refusal")]
    return Piece(
        "".join(text for text in texts if isinstance(text, str)), ending if isinstance(ending, str) else None
    )


def _json_object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _print_answer(pieces: Iterator[Piece], output: TextIO) -> None:
    """Print each piece as it comes; a newline ends the answer even where an error cuts it."""
    unsafe = _UNSAFE if output.isatty() else {}
    ending = None
    started = False
    try:
        for piece in pieces:
            text = piece.text.encode(errors="replace").decode()  # JSON can hold half of a character pair
            output.write(text.translate(unsafe))
            output.flush()
            started = started or bool(text)
            ending = piece.ending or ending
    finally:
        if started:
            output.write("\n")
    if ending in _NOTED_ENDINGS:
        click.echo(f"note: {_NOTED_ENDINGS[ending]}", err=True)


def _who_answered(response: http.client.HTTPResponse) -> str:
    """Return a line such as `answered by solver (endpoint solver/1, attempts 1)` from the headers."""
    facts = {name: response.getheader(f"x-guardian-{name}") for name in ("endpoint", "variant", "attempts")}
    rest = ", ".join(f"{name} {value}" for name, value in facts.items() if value)
    specialist = response.getheader("x-guardian-specialist") or "the model"
    return printable(f"answered by {specialist}{f' ({rest})' if rest else ''}", 200)
