"""Topics that are learned from the numbers of words: told apart, bounded, and the same again."""

import random
from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardian_cluster.monitoring.topics import LEAST_TAKEN, Topics
from guardian_cluster.statistics.topic_mixture import GROUPS, WORDS
from guardian_cluster.statistics.word_numbers import packed


class Traffic:
    """Requests of several subjects: most words of each are its own, some are everybody's."""

    def __init__(self, subjects: int, seed: int = 1, *, own: int = 80) -> None:
        self.rng = random.Random(seed)
        numbers = self.rng.sample(range(WORDS), own * subjects + 40)
        self.common = numbers[:40]
        self.own = [numbers[40 + own * n : 40 + own * (n + 1)] for n in range(subjects)]

    def request(self, subject: int) -> bytes:
        rng = self.rng
        return packed([*rng.sample(self.own[subject], 7), *rng.sample(self.common, 3)])

    def stream(self, count: int) -> list[tuple[int, bytes]]:
        drawn = [self.rng.randrange(len(self.own)) for _ in range(count)]
        return [(subject, self.request(subject)) for subject in drawn]


def taught(stream: Sequence[tuple[int, bytes]]) -> Topics:
    topics = Topics()
    for _, words in stream:
        topics.take(words)
    return topics


def purity(topics: Topics, asked: Sequence[tuple[int, bytes]]) -> float:
    """Return the share of requests whose topic is mostly of their subject."""
    pairs = Counter((topics.topic_of(words), subject) for subject, words in asked)
    names = {name for name, _ in pairs}
    return sum(max(n for (name, _), n in pairs.items() if name == each) for each in names) / len(asked)


@pytest.mark.parametrize("subjects", [2, 8])
def test_requests_of_different_subjects_have_different_topics(subjects: int):
    traffic = Traffic(subjects)
    topics = taught(traffic.stream(900))
    asked = traffic.stream(300)

    assert purity(topics, asked) > 0.97
    assert all(topics.topic_of(words) for _, words in asked)


def test_more_subjects_than_topics_still_have_at_most_so_many():
    traffic = Traffic(40, own=30)
    topics = taught(traffic.stream(1_200))

    assert len({topics.topic_of(words) for _, words in traffic.stream(400)} - {""}) <= GROUPS


def test_no_topic_is_named_before_enough_is_known():
    traffic = Traffic(3)
    topics = Topics()

    early = [topics.take(words) for _, words in traffic.stream(LEAST_TAKEN - 1)]
    later = [topics.take(words) for _, words in traffic.stream(200)]

    assert set(early) == {""}
    assert Counter(later)[""] < 60


def test_a_topic_keeps_its_name_while_its_requests_come():
    traffic = Traffic(6)
    topics = taught(traffic.stream(1_000))
    probe = traffic.stream(100)
    before = [topics.topic_of(words) for _, words in probe]

    for _, words in traffic.stream(3_000):
        topics.take(words)

    after = [topics.topic_of(words) for _, words in probe]
    assert sum(one == other for one, other in zip(before, after, strict=True)) >= 97


def test_a_new_subject_gets_a_topic_of_its_own():
    traffic = Traffic(7)
    topics = taught([(subject % 6, traffic.request(subject % 6)) for subject in range(2_500)])
    for _ in range(400):
        topics.take(traffic.request(6))

    new = {topics.topic_of(traffic.request(6)) for _ in range(50)}
    old = {topics.topic_of(traffic.request(subject)) for subject in range(6) for _ in range(20)}
    assert not new & old


def test_the_same_requests_give_the_same_topics():
    stream, probe = Traffic(5).stream(700), Traffic(5, seed=2).stream(100)
    one, other = taught(stream), taught(stream)

    assert one.state() == other.state()
    assert [one.topic_of(words) for _, words in probe] == [other.topic_of(words) for _, words in probe]


@pytest.mark.parametrize("known", [0, 150, 2_700])
def test_what_is_restored_goes_on_as_if_nothing_had_happened(known: int):
    traffic = Traffic(5)
    one, other = taught(traffic.stream(known)), Topics()

    other.restore(one.state())

    further = traffic.stream(600)
    assert [one.take(words) for _, words in further] == [other.take(words) for _, words in further]
    assert one.state() == other.state()


def test_to_look_a_topic_up_teaches_nothing():
    topics = taught(Traffic(3).stream(300))
    before = topics.state()

    topics.topic_of(Traffic(3).request(0))

    assert topics.state() == before


def test_what_is_known_stays_small_whatever_comes():
    rng = random.Random(3)
    topics = Topics()
    for _ in range(6_000):
        topics.take(packed(rng.sample(range(WORDS), 12)))

    assert len(topics.state()) < 200_000


def test_what_is_asked_no_more_is_forgotten():
    traffic = Traffic(2, own=40)
    topics = taught([(0, traffic.request(0)) for _ in range(600)])
    name = topics.topic_of(traffic.request(0))
    for _ in range(4_000):
        topics.take(traffic.request(1))

    assert topics.topic_of(traffic.request(1)) not in ("", name)


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=60), max_size=60))
def test_any_bytes_have_a_topic_or_none(stream: list[bytes]):
    topics = Topics()
    for words in stream:
        topics.take(words)

    assert all(topics.topic_of(words) == "" for words in stream)
    other = Topics()
    other.restore(topics.state())
    assert other.state() == topics.state()


@settings(max_examples=60)
@given(st.data())
def test_bytes_that_are_no_state_change_nothing(data: st.DataObject):
    topics = taught(Traffic(2).stream(20))
    before = topics.state()
    place = data.draw(st.integers(0, len(before) - 1))
    damaged = before[:place] + data.draw(st.binary(max_size=3)) + before[place + 2 :]

    try:
        topics.restore(
            data.draw(st.sampled_from([damaged, before[:place], b"", msgspec.msgpack.encode([1])]))
        )
    except ValueError:
        assert topics.state() == before
    else:
        assert topics.take(Traffic(2).request(0)) in ("", *(f"t{n:02}" for n in range(30)))
