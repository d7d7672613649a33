"""Specialist: anything that answers a task, at one of its endpoints, in chunks of OpenAI's shape."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from guardian_cluster.contract.snapshot import Endpoint, Timeouts, Variant
from guardian_cluster.domain.request import UserRequest

Chunk = dict[str, Any]
"""One JSON object of an answer: a `chat.completion.chunk` of a stream, or the one object of a whole answer."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What the specialist is given to answer from: the messages, as sent or as packed."""

    messages: Any
    left_out: int = 0
    """Messages that did not fit and were left out."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one specialist is asked to do for a request."""

    request: UserRequest
    variant: Variant
    timeouts: Timeouts


class Specialist(Protocol):
    """Something that answers."""

    name: str

    def execute(self, task: Task, context: Context, endpoint: Endpoint) -> AsyncIterator[list[Chunk]]:
        """Answer the task at the endpoint.

        Yields the chunks of the answer in batches, a batch for each piece of input: what arrived together is watched and sent
        on together. A whole answer is one batch of one object. The iterator ends where the endpoint ended its answer, complete
        or not; closing it early ends the work.

        Raises:
            AttemptFailed: the endpoint could not be reached, refused, broke off, or sent what is no answer.
        """
        ...
