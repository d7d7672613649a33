"""How fast a simulated model speaks: where waits go into a reply."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from guardian_cluster.simulation.reply import Piece, Reply, Step, Wait


@dataclass(frozen=True, slots=True)
class Pace:
    """The time to the first token, the time between chunks, and how much a chunk holds.

    `spread` is the sigma of a log-normal factor on each time (median 1); 0 is exact.
    """

    first_token_s: float = 0.0
    between_chunks_s: float = 0.0
    characters_per_chunk: int = 8
    spread: float = 0.0

    def __post_init__(self) -> None:
        if self.characters_per_chunk < 1:
            raise ValueError(f"characters_per_chunk is {self.characters_per_chunk}: a chunk holds at least 1")

    def paced(self, reply: Reply, count_chunks: Callable[[], int], rng: random.Random) -> Reply:
        """Return the reply with its waits; a whole reply waits as long as its chunks would have taken."""
        if self.first_token_s == self.between_chunks_s == 0:
            return reply
        if reply.is_streamed:
            return replace(reply, body=self._paced_stream(reply.body, rng))
        total = self._drawn(self.first_token_s, rng)
        total += sum(self._drawn(self.between_chunks_s, rng) for _ in range(count_chunks() - 1))
        return replace(reply, before_headers=(*reply.before_headers, Wait(total)))

    def _paced_stream(self, body: Iterable[Step], rng: random.Random) -> Iterator[Step]:
        yield Wait(self._drawn(self.first_token_s, rng))
        is_first = True
        for step in body:
            if isinstance(step, Piece) and step.kind == "content":
                if not is_first:
                    yield Wait(self._drawn(self.between_chunks_s, rng))
                is_first = False
            yield step

    def _drawn(self, seconds: float, rng: random.Random) -> float:
        return seconds * rng.lognormvariate(0, self.spread) if self.spread and seconds else seconds
