"""Specialist: anything that answers a task, at one of its endpoints, in chunks of OpenAI's shape."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.snapshot import Endpoint, Variant
from guardian_cluster.domain.request import UserRequest

Chunk = dict[str, Any]
"""One JSON object of an answer: a `chat.completion.chunk` of a stream, or the one object of a whole answer."""


Feed = Callable[[list[Chunk]], Awaitable[bool]]
"""Takes the next batch of an answer; returns whether more is wanted."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the specialist is given to answer from: the messages as sent."""

    messages: Any


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one specialist is asked to do for a request."""

    request: UserRequest
    specialist: contract.Specialist
    variant: Variant


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
