"""Learns which topics a deployment's requests have, from the numbers of their words: the words it never sees."""

import msgspec

from guardian_cluster.statistics.topic_mixture import GROUPS, MOST_WORDS, WORDS, MixtureState, TopicMixture
from guardian_cluster.statistics.word_numbers import BYTES_EACH, unpacked

LEAST_TAKEN = 200
"""Requests before any topic is named: of fewer the groups are still drawn at random."""

LEAST_REQUESTS = 10
"""Of a topic that gets a name; it keeps it until it has fewer than `FEWEST`."""

FEWEST = 1.0
"""A group that has none left, those that fade in part included, may become another topic, and then has another name."""

VERSION = 1


class _State(msgspec.Struct, frozen=True):
    version: int
    names: list[str]
    named: int
    mixture: MixtureState


class Topics:
    """At most 24 topics, named `t01` and on. A name never comes to mean another topic at once, and none comes twice."""

    def __init__(self) -> None:
        self._mixture = TopicMixture()
        self._names: list[str] = [""] * GROUPS
        self._named = 0

    def take(self, words: bytes) -> str:
        """Take in a request's words as they were recorded; return its topic, empty where none is known. 50 µs."""
        numbers = _numbers(words)
        if not numbers:
            return ""
        group = self._mixture.take(numbers)
        self._name(group)
        return self._names[group]

    def topic_of(self, words: bytes) -> str:
        """Return the topic of a request, and learn nothing from it; from any thread."""
        numbers = _numbers(words)
        return self._names[self._mixture.group_of(numbers)] if numbers else ""

    def state(self) -> bytes:
        """Return all that is known: at most 150 KB."""
        return msgspec.msgpack.encode(_State(VERSION, self._names, self._named, self._mixture.state()))

    def restore(self, state: bytes) -> None:
        """Go on where another one was. Raises ValueError for bytes that are no such state; then nothing changes."""
        try:
            found = msgspec.msgpack.decode(state, type=_State)
        except msgspec.MsgspecError as error:
            raise ValueError(f"these bytes are no topics: {error}") from error
        if found.version != VERSION or len(found.names) != len(self._names) or found.named < 0:
            raise ValueError("these topics are of another version")
        mixture = TopicMixture()
        mixture.restore(found.mixture)
        self._mixture, self._names, self._named = mixture, [name[:8] for name in found.names], found.named

    def _name(self, group: int) -> None:
        """Name a group that has become a topic, and take the names of those that are none any more."""
        sizes = self._mixture.sizes
        for number, name in enumerate(self._names):
            if name and sizes[number] < FEWEST:
                self._names[number] = ""
        if not self._names[group] and sizes[group] >= LEAST_REQUESTS and self._mixture.taken >= LEAST_TAKEN:
            self._named += 1
            self._names[group] = f"t{self._named:02}"


def _numbers(words: bytes) -> list[int]:
    """Return the different numbers of a request; foreign bytes, of which there may be any, are no words."""
    found = dict.fromkeys(unpacked(words[: BYTES_EACH * MOST_WORDS]))
    return [number for number in found if number < WORDS]
