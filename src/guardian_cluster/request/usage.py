"""What an answer used, and what its request spent on all attempts.

It is the model's own count where it gives one, else an estimate that says so.
"""

import math

import msgspec

from guardian_cluster.contract.snapshot import Price
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.needs import CHARACTERS_PER_TOKEN, needs_of
from guardian_cluster.specialists.specialist import Chunk

MOST_TOKENS = 2**26
"""Of one question or answer: several times what the longest contexts hold. A server that counts more, or less than
none, is not believed, or its lie would use up a budget."""


class Usage(msgspec.Struct):
    """Tokens of one answer, taken from its chunks as they pass."""

    input_tokens: int = 0
    output_tokens: int = 0
    counted: bool = False
    """Whether the model counted, and all of it."""
    closing: Chunk | None = None
    """The chunk that carries the counts at the end of a stream; it leaves last, with the final facts."""

    @property
    def is_estimated(self) -> bool:
        """Whether there are tokens that the model did not count."""
        return not self.counted and (self.input_tokens > 0 or self.output_tokens > 0)

    def take(self, batch: list[Chunk], request: UserRequest) -> list[Chunk]:
        """Note the counts in a batch and return the batch as the caller asked for it: with them, or without."""
        if not request.streamed:
            for answer in batch:
                self._note(answer)
            return batch
        wanted = wants_usage(request)
        return [chunk for chunk in batch if "usage" not in chunk or self._keep(chunk, wanted=wanted)]

    def conclude(self, request: UserRequest, characters: int, *, read_too: int = 0) -> None:
        """Estimate what the model did not count, or counted as none beside the other. None at all is free of charge.

        `characters` is what it wrote, `read_too` what it was given to read besides the request.
        """
        if self.counted and (bool(self.input_tokens) == bool(self.output_tokens) or not characters):
            return
        self.counted, self.closing = False, None
        read = needs_of(request).input_tokens + read_too // CHARACTERS_PER_TOKEN
        self.input_tokens = self.input_tokens or read
        self.output_tokens = self.output_tokens or -(-characters // CHARACTERS_PER_TOKEN)

    def cost_usd(self, price: Price) -> float:
        """Return what the answer cost, in US dollars."""
        return price.cost_usd(self.input_tokens, self.output_tokens)

    def _keep(self, chunk: Chunk, *, wanted: bool) -> bool:
        self._note(chunk)
        counts, choices = chunk.get("usage"), chunk.get("choices")
        if counts and not choices:
            self.closing = chunk if self.counted else None  # what is not believed is not passed on
            return False
        if not wanted:
            chunk.pop("usage", None)
        elif counts and any(choice.get("finish_reason") for choice in choices or ()):
            # Some servers count in the chunk that finishes. Said there and at the end, clients that add up
            # would count twice.
            self.closing = {**chunk, "choices": []} if self.counted else None
            chunk["usage"] = None
        return True

    def _note(self, chunk: Chunk) -> None:
        usage = chunk.get("usage")
        if usage:
            asked, answered = _believed(usage.get("prompt_tokens")), _believed(usage.get("completion_tokens"))
            self.counted = asked is not None and answered is not None
            # Who lies about the one is not believed about the other.
            self.input_tokens, self.output_tokens = (asked or 0, answered or 0) if self.counted else (0, 0)


def _believed(count: object) -> int | None:
    """Return a count that can be so, in whole tokens; 0 where there is none, `None` where it cannot be."""
    if count is None:
        return 0
    if not isinstance(count, int | float) or isinstance(count, bool):
        return None
    return math.ceil(count) if 0 <= count <= MOST_TOKENS else None


class Spent(msgspec.Struct):
    """What a request used so far: that of every attempt, failed and withheld ones too, for all are paid for."""

    input_tokens: int = 0
    output_tokens: int = 0
    is_estimated: bool = False
    """Whether a part of it is."""
    cost_usd: float = 0.0

    def add(self, usage: Usage, price: Price) -> None:
        """Add what one attempt used, at its specialist's price."""
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.is_estimated |= usage.is_estimated
        self.cost_usd += usage.cost_usd(price)

    def join(self, other: "Spent") -> None:
        """Add what another part of the request spent."""
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.is_estimated |= other.is_estimated
        self.cost_usd += other.cost_usd


def affordable_tokens(request: UserRequest, price: Price, left_usd: float) -> int | None:
    """Return how many tokens each choice of an answer may have for what is left; `None` where they cost nothing.

    What the messages cost is estimated from their length; at least one token is always allowed.
    """
    if price.output_usd <= 0.0 or request.operation != "chat":
        return None
    needs = needs_of(request)
    left_usd -= price.cost_usd(needs.input_tokens, 0)
    return max(1, int(1e6 * left_usd / price.output_usd / needs.choices))


def wants_usage(request: UserRequest) -> bool:
    """Return whether the caller asked for token counts in a stream."""
    view = request.view
    return (
        isinstance(view, ChatRequest)
        and view.stream_options is not None
        and bool(view.stream_options.include_usage)
    )
