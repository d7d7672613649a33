"""What a call's address and headers become on the wire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.connection import Origin
from guardian_cluster.specialists.httptools_transport import HttptoolsTransport, target_of
from guardian_cluster.specialists.transport import Call


def head_of(url: str, *headers: tuple[str, str]) -> list[str]:
    return target_of(url, headers).head.decode().split("\r\n")


@pytest.mark.parametrize(
    ("url", "origin", "line", "host"),
    [
        ("http://a.example/v1/x", Origin("a.example", 80, False), "/v1/x", "a.example"),
        ("https://a.example", Origin("a.example", 443, True), "/", "a.example"),
        ("https://A.example:8443/x?k=v&l", Origin("a.example", 8443, True), "/x?k=v&l", "a.example:8443"),
        ("http://[::1]:9/x", Origin("::1", 9, False), "/x", "[::1]:9"),
        (
            "http://bücher.example/ü%20x",
            Origin("bücher.example", 80, False),
            "/%C3%BC%20x",
            "xn--bcher-kva.example",
        ),
    ],
)
def test_an_address_becomes_an_origin_a_path_and_a_host(url: str, origin: Origin, line: str, host: str):
    assert target_of(url, ()).origin == origin
    assert head_of(url)[:2] == [f"POST {line} HTTP/1.1", f"host: {host}"]


def test_headers_of_the_call_come_before_our_own():
    head = head_of("http://a.example", ("accept", "text/event-stream"), ("x-a", "b"))

    assert "accept: text/event-stream" in head
    assert "accept: */*" not in head
    assert "x-a: b" in head


def test_a_user_in_the_address_becomes_credentials_unless_the_call_has_some():
    assert "authorization: Basic bWU6c2VjcmV0IQ==" in head_of("http://me:secret%21@a.example")
    assert "authorization: Bearer k" in head_of("http://me:secret@a.example", ("authorization", "Bearer k"))


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "a.example/x", "http://", "http://a.example:99999/", "http://[::1"]
)
def test_what_is_no_address_of_http_is_refused(url: str):
    with pytest.raises(ValueError, match=r".+"):
        target_of(url, ())


@pytest.mark.parametrize(
    "name",
    [
        "content-length",
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "upgrade",
        "expect",
        "x a",
        "x:",
        "",
        "ü",
    ],
)
def test_no_header_of_a_call_says_where_its_request_ends(name: str):
    with pytest.raises(ValueError, match="must not have the header"):
        target_of("http://a.example", ((name, "5"),))


def test_no_header_is_there_twice():
    head = head_of("http://a.example", ("Accept", "a"), ("accept", "b"), ("HOST", "c.example"))

    assert [line for line in head if line.startswith(("accept:", "host:"))] == [
        "host: c.example",
        "accept: b",
    ]


def test_calls_that_trust_another_authority_do_not_share_connections():
    url = "https://a.example"

    assert target_of(url, (), ca_file="a.pem").origin != target_of(url, (), ca_file="b.pem").origin
    assert (
        target_of("http://a.example", (), ca_file="a.pem").origin == target_of("http://a.example", ()).origin
    )


@pytest.mark.parametrize("trace", ["a\r\nx: y", "ü"])
async def test_a_trace_does_not_break_out_of_its_line(trace: str):
    transport = HttptoolsTransport()
    with pytest.raises(AttemptFailed):
        await transport.send(Call("http://127.0.0.1:9", {}, b"", 1.0, traceparent=trace))


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_value_breaks_out_of_its_line(path: str, value: str):
    try:
        head = head_of(f"http://a.example/{path}", ("x-a", value))
    except ValueError:
        return

    assert [line.partition(":")[0] for line in head[1:]] == ["host", "accept", "accept-encoding", "x-a", ""]
    assert all(line.isascii() and line.isprintable() for line in head)
