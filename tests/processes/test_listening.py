"""Sockets to listen on, and what is said where they cannot be had."""

import socket

import pytest

from guardian_cluster.errors import CannotCreate
from guardian_cluster.processes.listening import bind


def refusal(host: str, port: int) -> str:
    """Return what is said about an address that cannot be had."""
    with pytest.raises(CannotCreate) as caught:
        bind(host, port)
    return str(caught.value)


def test_any_free_port_is_bound_to_and_listens() -> None:
    (listening,) = bind("127.0.0.1", 0)

    with listening, socket.create_connection(listening.getsockname()[:2], timeout=5) as client:
        assert client.getpeername() == listening.getsockname()


def test_an_address_in_use_has_a_hint_at_the_next_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refusal("127.0.0.1", port)

    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
    assert f"--listen 127.0.0.1:{port + 1 if port < 65_535 else port - 1}" in said


def test_an_address_of_another_machine_is_said_to_be_none_of_this_one() -> None:
    assert "this machine has no such address" in refusal("192.0.2.1", 1)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert "cannot listen on [2001:db8::1]:1" in refusal("2001:db8::1", 1)


def test_a_name_that_leads_nowhere_is_said_to() -> None:
    assert "the name leads to no address" in refusal("x" * 64, 1)
