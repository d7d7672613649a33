import asyncio
import io
import json
import socket
import threading

import pytest

from guardian_cluster.cli.ask import Piece, _address, _data_lines, _pieces, _print_answer
from guardian_cluster.cli.main import run
from guardian_cluster.errors import CheckFailed, Unreachable
from guardian_cluster.simulation import ModelServer

HEADERS = (
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-guardian-specialist: solver\r\n"
    "x-guardian-endpoint: solver/1\r\nx-guardian-attempts: 2\r\nconnection: close\r\n\r\n"
)
DONE = "data: [DONE]\n\n"


def event(text=None, **changes):
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None} | changes
    return f"data: {json.dumps({'choices': [choice]})}\n\n"


class OneAnswer:
    """A server that sends the same bytes to whoever asks, and keeps what it was sent."""

    def __init__(self, answer):
        self._answer = answer.encode()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(10)
        self.request = b""
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(10)
        self._socket.close()

    def _serve(self):
        connection, _ = self._socket.accept()
        with connection:
            while b"}]" not in self.request:
                self.request += connection.recv(65_536)
            connection.sendall(self._answer)


def ask(answer, *options):
    """Ask a server that gives this answer; returns the exit code and the request."""
    with OneAnswer(answer) as server:
        status = run(["ask", "--url", server.url, *options, "What", "is", "it?"])
    return status, server.request.decode()


def test_the_answer_goes_to_stdout_and_who_gave_it_to_stderr(capsys):
    status, _ = ask(
        HEADERS + ": comment\n\n" + event("39") + event("9.5") + event(finish_reason="stop") + DONE
    )

    assert status == 0
    assert capsys.readouterr() == ("399.5\n", "answered by solver (endpoint solver/1, attempts 2)\n")


def test_the_question_is_sent_as_the_api_wants_it():
    _, request = ask(HEADERS + event("x") + DONE, "--model", "m", "--key", "sk-gc-1")

    head, _, body = request.partition("\r\n\r\n")
    assert head.startswith("POST /v1/chat/completions HTTP/1.1\r\n")
    assert "authorization: Bearer sk-gc-1" in head.splitlines()
    assert json.loads(body) == {
        "model": "m",
        "messages": [{"role": "user", "content": "What is it?"}],
        "stream": True,
    }


def test_a_server_that_is_not_there_gets_the_next_command(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert run(["ask", "--url", f"http://127.0.0.1:{port}/v1", "hello"]) == 69
    assert capsys.readouterr() == (
        "",
        f"error: could not reach http://127.0.0.1:{port}, run 'guardian serve' to start it\n"
        "  see: guardian serve --help      (ask-unreachable)\n",
    )


def test_a_server_that_says_nothing_is_left_in_time(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        assert run(["ask", "--url", url, "--timeout", "0.05", "hello"]) == 69

    assert capsys.readouterr().err.splitlines()[1] == "  TimeoutError: timed out"


def test_an_error_of_the_gateway_is_passed_on(capsys):
    body = json.dumps({"error": {"message": "no such model: x\x1b[2J", "code": "model_not_found"}})
    status, _ = ask(f"HTTP/1.1 404 Not Found\r\ncontent-length: {len(body)}\r\n\r\n{body}")

    assert status == 3
    assert capsys.readouterr().err == (
        "error: no such model: x\\u001b[2J\n  see: guardian ask --help      (model_not_found)\n"
    )


def test_a_missing_key_is_asked_for(capsys):
    status, _ = ask("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}")

    assert status == 3
    assert capsys.readouterr().err.splitlines()[:2] == [
        "error: the server answered 401 and did not say why",
        "  give a key with --key or in GUARDIAN_KEY",
    ]


def test_an_error_in_the_stream_ends_the_answer_and_fails(capsys):
    error = {"error": {"message": "the model went away", "code": "upstream_cut"}}
    status, _ = ask(HEADERS + event("half of") + f"data: {json.dumps(error)}\n\n")

    assert status == 3
    assert capsys.readouterr() == (
        "half of\n",
        "error: the model went away\n  see: guardian ask --help      (upstream_cut)\n",
    )


def test_an_answer_that_just_stops_is_not_complete(capsys):
    status, _ = ask(HEADERS + event("half of"))

    assert status == 69
    assert "error: the answer ended before it was complete" in capsys.readouterr().err


def test_a_cut_answer_is_noted(capsys):
    status, _ = ask(HEADERS + event("half", finish_reason="length") + DONE)

    assert status == 0
    assert capsys.readouterr().err.startswith("note: the answer is cut: it reached its maximal length\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("output", "expected"),
    [(io.StringIO(), "a\x1b[2Jb\u202ec\td\n?\n"), (Terminal(), "a\ufffd[2Jb\ufffdc\td\n?\n")],
    ids=["pipe", "terminal"],
)
def test_a_terminal_gets_no_escapes_and_a_pipe_gets_every_character(output, expected):
    _print_answer(iter([Piece("a\x1b[2Jb\u202ec\td\n\ud800")]), output)

    assert output.getvalue() == expected


@pytest.mark.parametrize(
    "payload",
    [
        "{",
        "5",
        "[]",
        '"x"',
        "{}",
        "[" * 100_000,
        '{"choices": 5}',
        '{"choices": []}',
        '{"choices": [5]}',
        '{"choices": [{"delta": 5}]}',
        '{"choices": [{"delta": {"content": 5}, "finish_reason": 5}]}',
    ],
)
def test_an_event_of_another_form_adds_nothing(payload):
    assert "".join(piece.text for piece in _pieces(iter([payload.encode()]))) == ""


def test_an_error_of_another_form_is_still_an_error():
    with pytest.raises(CheckFailed, match="the answer failed and the server did not say why"):
        list(_pieces(iter([b'{"error": 5}'])))


class EndlessLine:
    def readline(self, limit=-1, /):
        return b"x" * limit


def test_an_endless_line_is_given_up():
    with pytest.raises(Unreachable, match="a line of more than 1,000,000 bytes"):
        list(_data_lines(EndlessLine()))


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8600", "ftp://h", "http://", "http://h:0", "http://h/ x", "http://[::1"]
)
def test_an_unusable_url_is_a_wrong_argument(capsys, url):
    assert run(["ask", "--url", url, "hello"]) == 2
    assert "is not an absolute http or https address" in capsys.readouterr().err


def test_a_key_that_cannot_be_sent_is_a_wrong_argument(capsys):
    assert run(["ask", "--key", "a\nb", "--url", "http://127.0.0.1:9/v1", "hello"]) == 2
    assert "has characters that cannot be sent in a header" in capsys.readouterr().err


def test_https_has_its_own_default_port():
    assert _address("https://gateway.example/v1").port is None


async def test_a_chunked_stream_of_a_real_server_is_read(capfd):
    async with ModelServer("All is well.") as server:
        status = await asyncio.to_thread(run, ["ask", "--url", server.url, "--model", "simulated-1", "hello"])

    assert status == 0
    assert capfd.readouterr() == ("All is well.\n", "answered by the model\n")


@pytest.mark.parametrize("path", ["", "/"])
def test_an_address_without_a_path_is_that_of_v1(path):
    assert _address(f"http://127.0.0.1:8600{path}").geturl() == "http://127.0.0.1:8600/v1"


def test_another_path_stays_as_it_is():
    assert _address("https://a.example/openai/v1").path == "/openai/v1"


def test_the_help_names_the_variable_of_the_address(capsys):
    assert run(["ask", "--help"]) == 0
    assert "GUARDIAN_URL" in capsys.readouterr().out
