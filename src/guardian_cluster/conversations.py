"""Fits the memory store to what the context maintainer asks of conversations."""

import asyncio
from collections.abc import Sequence
from typing import cast

from guardian_cluster.domain.clock import Clock
from guardian_cluster.request.conversation import MAX_READ, Said, StoredMessage
from guardian_cluster.specialists.builtin.recall.query import query_of
from guardian_cluster.storage.memory_store import MemoryStore
from guardian_cluster.storage.memory_values import NewMessage, Role


class StoredConversations:
    """The conversations of a memory store; see `ConversationStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def read(self, tenant: str, conversation: str, budget_tokens: int) -> Sequence[StoredMessage]:
        """Return the newest messages within the budget, oldest first."""
        found = await self._store.latest_messages(tenant, conversation, tokens=budget_tokens, limit=MAX_READ)
        return [
            StoredMessage(each.role, each.message, each.tokens, number=each.number, at=each.at)
            for each in found
        ]

    async def search(self, tenant: str, conversation: str, text: str, limit: int) -> Sequence[StoredMessage]:
        """Return the turns that share words with the text, whole, by number."""
        terms = query_of(text).wanted
        if not terms:
            return []
        return [
            StoredMessage(each.role, each.message, each.tokens, number=each.number, at=each.at)
            for each in await self._store.find_turns(tenant, conversation, terms, limit=limit)
        ]

    async def append(
        self, tenant: str, conversation: str, messages: Sequence[Said], *, user: str | None = None
    ) -> None:
        """Keep messages at the end of a conversation, all or none."""
        kept = [NewMessage(cast("Role", each.role), each.message, each.tokens) for each in messages]
        await self._store.append_messages(tenant, conversation, kept, user=user)


FRESH_S = 5.0
"""How long an answer to whether there are documents is relied on, a failure too: they are ingested by hand."""

LOOK_S = 0.25
"""For the look itself: a memory that hangs must not hold up who only may be about to ask it."""


class DocumentPresence:
    """Which tenants have documents, as far as memory says so in time; asked only for what may be about one."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[str, tuple[float, bool]] = {}

    async def are_there_for(self, tenant: str) -> bool:
        """Return whether a tenant has documents; not where memory cannot say, or there never was one."""
        asked_at, has_some = self._known.get(tenant, (-FRESH_S, False))
        if self._clock.monotonic() - asked_at >= FRESH_S:
            has_some = await self._ask(tenant)
            self._known[tenant] = self._clock.monotonic(), has_some
        return has_some

    async def _ask(self, tenant: str) -> bool:
        try:
            async with asyncio.timeout(LOOK_S):
                return self._store.exists and await self._store.has_documents(tenant)
        except OSError:  # MemoryUnavailable, and TimeoutError
            return False
