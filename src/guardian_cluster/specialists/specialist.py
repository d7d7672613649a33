"""Specialist: anything that answers a task, at one of its endpoints, in chunks of OpenAI's shape."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.snapshot import Endpoint, Variant
from guardian_cluster.domain.request import UserRequest

Chunk = dict[str, Any]
"""One JSON object of an answer: a `chat.completion.chunk` of a stream, or the one object of a whole answer."""


class Feed(Protocol):
    """Takes the next batch of an answer."""

    def __call__(self, batch: list[Chunk], *, is_short: bool = False) -> Awaitable[bool]:
        """Return whether more is wanted; a batch that `is_short` is watched in one go, others in turns with others."""
        ...


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the specialist is given to answer from: the messages as sent, and of earlier requests what fits."""

    messages: Any
    """Encoded as they were sent, together or each alone; or, of a library's user, the objects themselves."""
    history: int = 0
    """How many of them are of earlier requests of the conversation."""
    left_out: int = 0
    """Messages of the conversation that are not among them: those that were read, and do not fit or make no sense."""
    left_out_tokens: int = 0
    problem: str | None = None
    """Why there is no history, or less of it, where a request should have had one."""
    conversation: str | None = None
    """Where the request and its answer are to be kept; `None` is nowhere."""
    new: tuple[msgspec.Raw, ...] = ()
    """The request's own messages that its conversation does not hold yet, as sent."""
    fitted: "Callable[[contract.Specialist], Context] | None" = None
    """Packs the messages for another window."""

    def for_specialist(self, specialist: contract.Specialist) -> "Context":
        """Return the context that fits a specialist's window best.

        Raises:
            InvalidRequest: what must be shown does not fit it.
        """
        return self if self.fitted is None else self.fitted(specialist)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one specialist is asked to do for a request."""

    request: UserRequest
    specialist: contract.Specialist
    variant: Variant
    most_output_tokens: int | None = None
    """What the request may cost pays for no more; `None` is no limit."""
    fields: dict[str, Any] = {}
    """Fields of the request's body that differ for this task alone."""


class Specialist(Protocol):
    """Something that answers."""

    name: str

    async def execute(self, task: Task, context: Context, endpoint: Endpoint, feed: Feed) -> None:
        """Answer the task at the endpoint; return where the endpoint ended its answer, complete or not.

        The answer goes to `feed` in batches: what arrived together is watched and sent on together, as far as
        that takes no time from others. A whole answer is one batch of one object, and its values are decoded
        but for the `data` of embeddings, which stays as it came (`msgspec.Raw`) where the request's `input`
        did. Being cancelled, or told by `feed`
        that no more is wanted, ends the work at the endpoint too. (Batches are pushed, for a chain of
        asynchronous generators costs 4 µs for each link of each request.)

        Raises:
            AttemptFailed: the endpoint could not be reached, refused, broke off, or sent what is no answer.
        """
        ...
