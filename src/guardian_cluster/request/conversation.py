"""ConversationStore: what was said in a conversation before.

A conversation is named by its tenant and its id together, always: an id that another tenant guesses names
another conversation. Ids are the callers' own words: data, of a length and of characters that any store can keep.
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from guardian_cluster.domain.request import ChatRequest, UserRequest

MAX_READ = 200
"""Messages of a history: packing so many takes half a millisecond, in which nobody else is served."""

MAX_PLAIN_NAME = 128
"""Characters of a caller's name for something that is kept as it is; any other is kept as its SHA-256."""


class Said(msgspec.Struct, frozen=True):
    """A message that is to be kept."""

    role: str
    message: bytes
    """JSON, as sent or, of an answer, as it left."""
    tokens: int
    """Estimated (request/measuring.py)."""


class StoredMessage(Said, frozen=True, kw_only=True):
    """A message that was kept."""

    number: int
    """In its conversation, from 1; each is one more than that of the message before it."""
    at: float
    """Unix time in seconds."""


class ConversationStore(Protocol):
    """Keeps conversations.

    A method may fail with any exception: a request then goes on without its history. None of them blocks the
    event loop, and each ends when it is cancelled; whoever calls sets the deadline.
    """

    async def read(self, tenant: str, conversation: str, budget_tokens: int) -> Sequence[StoredMessage]:
        """Return the newest messages that hold no more than the budget together, oldest first, without gaps.

        They are at most `MAX_READ`; a conversation that is not there has none.
        """
        ...

    async def search(self, tenant: str, conversation: str, text: str, limit: int) -> Sequence[StoredMessage]:
        """Return the turns in which a message shares words with the text, by number.

        A turn is a user's message and what follows it, up to the next one: half of one makes no sense to a
        model. At most `limit` turns are returned, those that share most.
        """
        ...

    async def append(
        self, tenant: str, conversation: str, messages: Sequence[Said], *, user: str | None = None
    ) -> None:
        """Keep messages at the end of a conversation: all or none, and no others between them.

        `user` is whose conversation it is, where the request says so: what is kept of a user can be found by it.
        """
        ...


def conversation_of(request: UserRequest, *, by_user: bool) -> str | None:
    """Return the conversation that a request belongs to, as stores name it; a session's and a user's never meet."""
    if request.session:
        return f"session:{plain_name(request.session)}"
    view = request.view
    if by_user and isinstance(view, ChatRequest) and view.user:
        return f"user:{plain_name(view.user)}"
    return None


def plain_name(name: str) -> str:
    """Return a caller's name for something as it is kept: short and printable, and no two names the same.

    It is never part of a path or a query, whatever it holds.
    """
    if len(name) <= MAX_PLAIN_NAME and name.isascii() and name.isprintable() and name[0] != "#":
        return name
    return f"#{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
