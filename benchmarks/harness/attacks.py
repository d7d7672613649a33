"""Requests that are made to hold a gateway up, and a client that sends one after the other."""

import contextlib
import functools
import http.client
import json
import os
import socket
import threading
from collections import Counter
from collections.abc import Callable

from benchmarks.harness.bodies import chat

Attack = Callable[[threading.Event, int], str]
"""Makes one attack on a port, ends early when the event is set, and says what came of it."""

TIMEOUT_S = 10.0
PAUSE_S = 0.02
"""Between two attacks, so that small requests also meet the beginning of one on an idle gateway."""
HELLO = ({"role": "user", "content": "Hello"},)


def attack_until(ended: threading.Event, port: int, attack: Attack) -> Counter[str]:
    """Attack, one request at a time, until `ended`; returns how often each thing came of it.

    The thread has the lowest priority, so that on its core the load generator is not what is held up.
    """
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    outcomes: Counter[str] = Counter()
    while not ended.is_set():
        outcomes[attack(ended, port)] += 1
        ended.wait(PAUSE_S)
    return outcomes


def _send(request: Callable[[], bytes], _ended: threading.Event, port: int) -> str:
    """Send a request in one piece; return the status of the answer, or how the connection ended."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            # A gateway may refuse before it has read all, and close: its answer can still be there.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request())
            answer = http.client.HTTPResponse(connection, method="POST")
            answer.begin()
            answer.read()
            return str(answer.status)
    except TimeoutError:
        return "timeout"
    except (OSError, http.client.HTTPException):
        return "closed"


def _drip_headers(ended: threading.Event, port: int) -> str:
    """Send one byte of a never-ending header every 10 ms."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
            while not ended.wait(0.01):
                connection.sendall(b"a")
            return "endured"
    except OSError:
        return "closed"


def _pipeline(ended: threading.Event, port: int) -> str:
    """Send 13,000 requests at once on one connection, and read what comes for as long as it lasts."""
    return _pour(b"GET /health HTTP/1.1\r\n\r\n" * 13_000, ended, port)


def _tiny_chunks(ended: threading.Event, port: int) -> str:
    """Send a body of 200,000 chunks of one byte each."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n"
    return _pour(head + b"1\r\na\r\n" * 200_000, ended, port)


def _pour(data: bytes, ended: threading.Event, port: int) -> str:
    """Send without waiting for answers; return what the first one was."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
                connection.settimeout(1.0)  # who answers nobody that does not listen stops reading
                connection.sendall(data)
            first = connection.recv(65_536)
            ended.wait(0.05)
            return first[9:12].decode() or "closed"
    except OSError:
        return "closed"


def _post(body: bytes, headers: str = "") -> bytes:
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"connection: close\r\n{headers}content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@functools.cache
def _many_headers() -> bytes:
    return _post(chat(HELLO), "".join(f"x-{number:05}: a\r\n" for number in range(20_000)))


@functools.cache
def _many_messages() -> bytes:
    return _post(chat(HELLO * 100_000))


@functools.cache
def _deep_nesting() -> bytes:
    depth = 100_000
    return _post(chat(HELLO)[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}")


@functools.cache
def _many_answers() -> bytes:
    return _post(chat(HELLO, n=10**18))


@functools.cache
def _dense_body() -> bytes:
    """Return nearly 10 MB of the smallest values, which cost a parser most for each byte."""
    values = json.dumps([[], {}, 0, [1]], separators=(",", ":")).encode()
    start = chat(HELLO)[:-1] + b', "x": ['
    return _post(start + b",".join([values] * ((9_900_000 - len(start)) // (len(values) + 1))) + b"]}")


@functools.cache
def _many_keys() -> bytes:
    more = ",".join(f'"k{number}":1' for number in range(200_000)).encode()
    return _post(chat(HELLO)[:-1] + b"," + more + b"}")


@functools.cache
def _escapes() -> bytes:
    """Return a content part of nothing but line ends, 7.8 MB."""
    text = b"\\n" * 3_900_000
    part = b'[{"role":"user","content":[{"type":"text","text":"' + text + b'"}]}]'
    return _post(chat(()).replace(b"[]", part, 1))


ATTACKS: dict[str, Attack] = {
    "headers_20000": functools.partial(_send, _many_headers),
    "messages_100000": functools.partial(_send, _many_messages),
    "nesting_100000": functools.partial(_send, _deep_nesting),
    "n_10_to_the_18": functools.partial(_send, _many_answers),
    "body_10_mb": functools.partial(_send, _dense_body),
    "keys_200000": functools.partial(_send, _many_keys),
    "escapes_8_mb": functools.partial(_send, _escapes),
    "pipelined_13000": _pipeline,
    "chunks_200000": _tiny_chunks,
    "slow_headers": _drip_headers,
}
