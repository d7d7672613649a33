from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists.sse import EventReader

characters = st.characters(codec="utf-8", exclude_characters="\r\n")
payloads = st.lists(st.text(characters, max_size=20).map(str.strip))
line_ends = st.sampled_from(["\n", "\r\n"])
noise = st.sampled_from(["", ": keep-alive\n\n", "event: message\n", "id: 7\n", "retry: 10\n", "\n", ":\n"])


def read(*blocks: bytes, max_bytes: int = 10_000) -> list[bytes]:
    reader = EventReader(max_bytes, max_bytes)
    return [payload for block in blocks for payload in reader.feed(block)] + reader.finish()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:end] for start, end in pairwise(edges)]


@given(payloads, line_ends, st.lists(noise), st.lists(st.integers(0, 10_000)))
def test_any_cutting_of_a_stream_gives_the_same_payloads(
    said: list[str], end: str, between: list[str], places: list[int]
):
    said = [text for text in said if text]
    events = "".join(
        f"{between[n % len(between)] if between else ''}data: {text}{end}{end}" for n, text in enumerate(said)
    )

    assert read(*cut(events.encode(), places)) == [text.encode() for text in said]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300)))
def test_hostile_bytes_are_read_alike_however_they_are_cut(stream: bytes, places: list[int]):
    assert read(*cut(stream, places)) == read(stream)


def refused_at(block: bytes) -> int:
    """Return after how many bytes a reader that takes 1,000 refuses the same block over and over."""
    reader = EventReader(10**6, 1_000)
    for count in range(5_000):
        try:
            reader.feed(block)
        except AttemptFailed:
            return (count + 1) * len(block)
    raise AssertionError("it takes everything")


def test_the_space_after_the_colon_is_optional():
    assert read(b"data:1\n\ndata: 2\n\n") == [b"1", b"2"]


def test_several_data_lines_make_one_payload():
    assert read(b'data: {"a":\ndata: 1}\n\n') == [b'{"a":\n1}']


def test_comments_and_other_fields_are_skipped():
    assert read(b": hello\n\nevent: x\nid: 1\nretry: 5\ndata: 1\n\n: bye\n\n") == [b"1"]


def test_lines_may_end_in_carriage_return_and_line_feed():
    assert read(b"data: 1\r", b"\n\r\n", b"data: 2\r\n\r\n") == [b"1", b"2"]


def test_an_event_that_the_end_completes_is_read():
    assert read(b"data: 1\n\ndata: [DONE]") == [b"1", b"[DONE]"]


def test_an_event_is_complete_only_at_its_empty_line():
    reader = EventReader(100, 100)

    assert reader.feed(b"data: 1\n") == []
    assert reader.feed(b"\n") == [b"1"]


def test_a_stream_of_nothing_has_no_payload():
    assert read() == []
    assert read(b"\n\n\n", b"data\n\n") == []


@pytest.mark.parametrize("block_bytes", [1, 100, 5_000])
def test_a_giant_line_is_refused_before_it_is_whole(block_bytes: int):
    assert refused_at(b"x" * block_bytes) <= 1_000 + block_bytes


def test_an_event_of_endless_lines_is_refused():
    assert refused_at(b"data: x\n") <= 1_200


def test_a_long_line_in_many_blocks_is_read_in_linear_time():
    blocks = [b"x" * 64] * 50_000  # 3.2 MB: joined anew for each block it would take minutes

    assert read(b"data: ", *blocks, b"\n\n", max_bytes=10_000_000) == [b"x" * 3_200_000]


def test_a_stream_of_small_events_has_a_size_too():
    reader = EventReader(1_000, 100)
    payloads = [payload for _ in range(111) for payload in reader.feed(b"data: 1\n\n")]

    assert len(payloads) == 111
    with pytest.raises(AttemptFailed, match="answer is over 1000 bytes"):
        reader.feed(b"data: 1\n\n")
