"""Which numbers are addresses of hosts."""

import pytest

from guardian_cluster.watcher.pii.detector import PiiDetector

ADDRESSES = PiiDetector(frozenset({"ip"}))


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in ADDRESSES.find(text, last=True)]


@pytest.mark.parametrize(
    "address",
    [
        "192.168.13.77",
        "8.8.4.41",
        "2001:db8::ff00:42:8329",
        "fe80::1:abcd",
        "1:2:3:4:5:6:7:8",
        "64:ff9b::10.1.2.3",
    ],
)
def test_an_address_is_found_with_port_and_prefix_length_left_out(address: str):
    for text in (f"at {address}.", f"[{address}]", f"{address}/64", f"({address})"):
        assert found(text) == [address]


def test_four_single_digits_need_a_word():
    assert found("see 1.2.3.4") == []
    assert found("the DNS server 1.1.1.1") == ["1.1.1.1"]


@pytest.mark.parametrize(
    "text",
    [
        *("version 10.20.30.40", "v10.20.30.40", "10.20.30.40.50", "256.1.1.10", "10.020.30.40", "127.0.0.1"),
        *(
            "255.255.255.0",
            "0.0.0.0",
            "::1",
            "std::vector",
            "a[::2]",
            "a::b",
            "12:30:45",
            "fe80::1::2",
            "a1:b2:c3",
        ),
    ],
)
def test_versions_times_and_programs_are_none(text: str):
    assert found(text) == []


def test_hexadecimal_words_are_held_only_while_short():
    assert ADDRESSES.open_from("to be") == 3
    assert ADDRESSES.open_from("to bee") == 3
    assert ADDRESSES.open_from("to decade") == 9
    assert ADDRESSES.open_from("to dead:beef:") == 3
