"""A watch that lets others run while it looks at a long answer, of which the whole would take tenths of a second."""

from collections.abc import Mapping

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.request import ChatRequest
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.guard import Guard
from guardian_cluster.watcher.policy import CompiledPolicy
from guardian_cluster.watcher.sliced_channels import SlicedChannels
from guardian_cluster.watcher.sliced_unknown import SlicedUnknownFields
from guardian_cluster.watcher.thresholds import NO_THRESHOLDS
from guardian_cluster.watcher.turns import Turns
from guardian_cluster.watcher.watch import CHOICE_FIELDS, CHUNK_FIELDS, Watch

_MOST = 512
"""Characters of a slice. Each costs some 10 µs by itself, so larger ones save little; but text that costs twenty times
more may follow on text that costs nothing."""

_MOST_PERSONAL = 256
"""The same where personal data is looked for: digits like those of telephones cost 10 µs each."""


class SlicedWatch(Watch):
    """A watch that takes chunks in at once, by `feed`, or in turns with others, by `feed_in_turns`.

    What leaves and what is found is the same, but for the order of what is found at once.
    """

    _reader = SlicedUnknownFields

    def __init__(
        self,
        compiled: CompiledPolicy,
        request: ChatRequest,
        thresholds: Mapping[str, float] = NO_THRESHOLDS,
        guard: Guard | None = None,
    ) -> None:
        """Begin a watch; see `Watch`."""
        super().__init__(compiled, request, thresholds, guard)
        self._at_once = self._channels
        self._in_turns: SlicedChannels | None = None
        self._decided: dict[int, bool] = {}  # by a choice's id, whether anything of it is left to send
        self._most = _MOST_PERSONAL if compiled.rules.personal is not None else _MOST

    async def feed_in_turns(self, batch: list[Chunk], clock: Clock) -> list[Chunk]:
        """Do what `feed` does, and let others run every 0.2 ms meanwhile; `clock` tells when that is."""
        turns = Turns(clock, most=self._most)
        in_turns = self._in_turns or self._sliced_channels()
        self._in_turns = in_turns
        released: list[Chunk] = []
        for chunk in batch:
            await in_turns.read_on(chunk, CHUNK_FIELDS, self._top, turns)
            decided: dict[int, bool] = {}
            choices: list[Chunk] = chunk.get("choices") or []
            for number, choice in enumerate(choices):
                await self._look_ahead(choice, number, in_turns, turns)
                decided[id(choice)] = self._decide(choice, number, in_turns)
            self._decided = decided
            released += self.feed([chunk])
            in_turns.forget()
            await turns.rest()
        return released

    def _sliced_channels(self) -> SlicedChannels:
        assert isinstance(self._unknown, SlicedUnknownFields)
        return SlicedChannels(self._unknown, self._ledger, searched=self._strips)

    def _choice(self, choice: Chunk, number: int) -> bool:
        if self._decided:
            return self._decided.pop(id(choice))
        return Watch._choice(self, choice, number)

    def _decide(self, choice: Chunk, number: int, in_turns: SlicedChannels) -> bool:
        """Pass on a choice in which all that is long was looked at; return whether anything of it is left to send."""
        self._channels = in_turns
        try:
            return Watch._choice(self, choice, number)
        finally:
            self._channels = self._at_once

    async def _look_ahead(self, choice: Chunk, number: int, in_turns: SlicedChannels, turns: Turns) -> None:
        watched = self._watched(choice.get("index", number))
        if watched is None or watched.ended:
            return
        watched.closing = bool(choice.get("finish_reason"))
        for part in (choice.get("message"), choice.get("delta")):
            if part:
                await in_turns.pass_part(part, watched, turns)
        if choice.get("logprobs"):
            await in_turns.pass_logprobs(choice["logprobs"], watched, turns)
        await in_turns.read_on(choice, CHOICE_FIELDS, watched.place("choices"), turns)
