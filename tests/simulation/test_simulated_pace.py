import random
import statistics

import pytest

from guardian_cluster.simulation import Pace
from guardian_cluster.simulation.reply import Piece, Reply, Step, Wait

EVENTS = (
    Piece(b"a", "opening"),
    Piece(b"b", "content"),
    Piece(b"c", "content"),
    Piece(b"d", "content"),
    Piece(b"e", "finish"),
)


def paced(pace: Pace, reply: Reply, chunks: int = 3) -> Reply:
    return pace.paced(reply, lambda: chunks, random.Random(5))


def waits(steps: tuple[Step, ...]) -> list[float]:
    return [step.seconds for step in steps if isinstance(step, Wait)]


def test_a_stream_waits_for_its_first_token_and_between_its_chunks():
    reply = paced(Pace(first_token_s=2, between_chunks_s=1), Reply(200, {}, EVENTS))

    body = tuple(reply.body)
    assert body == (Wait(2), EVENTS[0], EVENTS[1], Wait(1), EVENTS[2], Wait(1), EVENTS[3], EVENTS[4])


def test_a_whole_answer_waits_as_long_as_its_stream():
    reply = paced(Pace(first_token_s=2, between_chunks_s=1), Reply(200, {}, (Piece(b"x"),), content_length=1))

    assert waits(reply.before_headers) == [4]
    assert tuple(reply.body) == (Piece(b"x"),)


def test_a_pace_of_zero_changes_nothing():
    reply = Reply(200, {}, EVENTS)

    assert paced(Pace(), reply) is reply


def test_spread_varies_the_times_around_their_median():
    pace, rng = Pace(first_token_s=1.0, spread=0.5), random.Random(8)
    drawn = [waits(tuple(pace.paced(Reply(200, {}, EVENTS), lambda: 3, rng).body))[0] for _ in range(501)]

    assert 0.9 < statistics.median(drawn) < 1.1
    assert min(drawn) < 0.5 < 2.0 < max(drawn)


def test_a_chunk_holds_a_character():
    with pytest.raises(ValueError, match="at least 1"):
        Pace(characters_per_chunk=0)
