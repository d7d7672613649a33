"""ConversationStore: what was said in a conversation before; and its in-memory twin, which ships.

A conversation is named by its tenant and its id together, always: an id that another tenant guesses names
another conversation. Ids are the callers' own words: data, of a length and of characters that any store can keep.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

import msgspec

from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.measuring import terms_of

MAX_READ = 200
"""Messages of a history: packing so many takes half a millisecond, in which nobody else is served."""

SEARCHED_AT_ONCE = 100
"""Messages that are searched without letting others run: 0.3 ms."""


MAX_PLAIN_NAME = 128
"""Characters of a caller's name for something that is kept as it is; any other is kept as its SHA-256."""

MESSAGE_BYTES = 200
"""Of memory that a message takes besides its own: the objects around it, measured."""


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

    async def forget(self, tenant: str, conversation: str) -> int:
        """Delete a conversation; return how many messages it had."""
        ...


class RecentConversations:
    """The conversations used last, in memory; those used longest ago leave first.

    Bounded in conversations, in messages of one, and in bytes of all together.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        max_conversations: int = 1_000,
        max_messages: int = 400,
        max_bytes: int = 50_000_000,
    ) -> None:
        self._clock = clock
        self._max_conversations = max_conversations
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        self._conversations: OrderedDict[tuple[str, str], list[StoredMessage]] = OrderedDict()

    async def read(self, tenant: str, conversation: str, budget_tokens: int) -> Sequence[StoredMessage]:
        """Return the newest messages within the budget; see `ConversationStore.read`."""
        messages = self._find(tenant, conversation)
        start, left = len(messages), budget_tokens
        while start > max(0, len(messages) - MAX_READ) and messages[start - 1].tokens <= left:
            start -= 1
            left -= messages[start].tokens
        return messages[start:]

    async def search(self, tenant: str, conversation: str, text: str, limit: int) -> Sequence[StoredMessage]:
        """Return the turns that share most words with the text; see `ConversationStore.search`."""
        terms = terms_of([msgspec.Raw(text.encode("utf-8", "replace"))])
        turns = _turns(self._find(tenant, conversation))
        shares: list[int] = []
        looked_at = 0
        for turn in turns:
            shares.append(len(terms.shared_with(*(msgspec.Raw(each.message) for each in turn))))
            if (looked_at := looked_at + len(turn)) >= SEARCHED_AT_ONCE:
                looked_at = 0
                await asyncio.sleep(0)
        best = sorted(range(len(turns)), key=lambda n: (-shares[n], -n))[: max(0, limit)]
        return [message for n in sorted(best) if shares[n] for message in turns[n]]

    async def append(
        self, tenant: str, conversation: str, messages: Sequence[Said], *, user: str | None = None
    ) -> None:
        """Keep messages, and let go of the oldest ones; see `ConversationStore.append`."""
        if not messages:
            return
        self._find(tenant, conversation)
        kept = self._conversations.setdefault((tenant, conversation), [])
        number, now = (kept[-1].number if kept else 0), self._clock.now()
        for offset, said in enumerate(messages, 1):
            kept.append(StoredMessage(said.role, said.message, said.tokens, number=number + offset, at=now))
        self._bytes += sum(map(_size, kept[-len(messages) :]))
        self._shed(kept, max(0, len(kept) - self._max_messages))
        self._make_room(kept)

    async def forget(self, tenant: str, conversation: str) -> int:
        """Delete a conversation; see `ConversationStore.forget`."""
        return self._drop((tenant, conversation))

    def _find(self, tenant: str, conversation: str) -> list[StoredMessage]:
        """Return a conversation's messages; it is then the one used last."""
        key = (tenant, conversation)
        if key not in self._conversations:
            return []
        self._conversations.move_to_end(key)
        return self._conversations[key]

    def _make_room(self, newest: list[StoredMessage]) -> None:
        while len(self._conversations) > self._max_conversations:
            self._drop(next(iter(self._conversations)))
        while self._bytes > self._max_bytes and len(self._conversations) > 1:
            self._drop(next(iter(self._conversations)))
        over, count = self._bytes - self._max_bytes, 0
        while over > 0:
            over -= _size(newest[count])
            count += 1
        self._shed(newest, count)

    def _shed(self, messages: list[StoredMessage], count: int) -> None:
        """Let go of the oldest messages of a conversation."""
        self._bytes -= sum(map(_size, messages[:count]))
        del messages[:count]

    def _drop(self, key: tuple[str, str]) -> int:
        messages = self._conversations.pop(key, [])
        self._bytes -= sum(map(_size, messages))
        return len(messages)


def _size(message: StoredMessage) -> int:
    return len(message.message) + MESSAGE_BYTES


def _turns(messages: list[StoredMessage]) -> list[list[StoredMessage]]:
    """Divide messages before each of a user's; what comes before the first of them is no turn."""
    turns: list[list[StoredMessage]] = []
    for message in messages:
        if message.role == "user":
            turns.append([])
        if turns:
            turns[-1].append(message)
    return turns


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
