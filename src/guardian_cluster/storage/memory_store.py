"""MemoryStore: memory for asyncio programs; one thread, a deadline for each call, opened when first used.

Importing this imports no database: a gateway whose requests use no memory never loads SQLAlchemy (0.3 s, which are
spent in the thread: hence the imports inside functions).
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from guardian_cluster.contract.snapshot import MemoryPolicy
from guardian_cluster.domain.clock import Clock
from guardian_cluster.errors import CannotCreate
from guardian_cluster.storage.memory_values import (
    FILE_NAME,
    ConversationLimits,
    Hits,
    MemoryUnavailable,
    MessageHits,
    NewMessage,
    StoredDocument,
    StoredMessage,
    Terms,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from guardian_cluster.documents.block import Document

_Result = TypeVar("_Result")

DEADLINE_S = 2.0
"""For one call, waiting included: memory helps an answer, it must not hold it up."""

OPENING_S = 15.0
"""For the first call, which loads SQLAlchemy and opens the database: 0.4 s, or several on a busy machine."""

MOST_WAITING = 64
"""Calls at once; the next is refused, for it would only wait until its deadline."""

_REOPEN_S = 5.0
"""How long a database that could not be opened is left alone."""


def location_of(policy: MemoryPolicy, folder: Path | None) -> Path | str | None:
    """Return where documents and conversations are: a database's address, a file, or `None`: only in memory."""
    if policy.url is not None:
        return policy.url.value
    return None if folder is None else folder / FILE_NAME


class MemoryStore:
    """Documents and conversations, at a file, at an address `postgresql://...`, or (`None`) only in memory.

    Every method raises MemoryUnavailable when memory cannot be had or not in time (`TimeoutError`), and ValueError
    for what could never be kept. What a call that ran out of time was doing is stopped and undone.
    """

    def __init__(self, location: Path | str | None, *, clock: Clock, deadline_s: float = DEADLINE_S) -> None:
        self._location = location
        self._clock = clock
        self._deadline_s = deadline_s
        self._reading = ThreadPoolExecutor(1, "memory")
        # A write may wait for another process's, and nobody who reads for either; a database that is only in memory
        # has one connection.
        self._writing = self._reading if location is None else ThreadPoolExecutor(1, "memory-writes")
        self._opening = Lock()
        self._engine: Engine | None = None
        self._failed: tuple[float, str] | None = None
        self._waiting = 0
        self._closed = False

    async def find_passages(self, tenant: str, terms: Terms, *, limit: int) -> Hits:
        """Return the passages of a tenant's documents that have some of the words, best first."""

        def work(connection: "Connection") -> Hits:
            from guardian_cluster.storage.document_search import find_passages

            return find_passages(connection, tenant, terms, limit=limit)

        return await self.read(work)

    @property
    def exists(self) -> bool:
        """Whether there may be anything in memory; looking creates and loads nothing."""
        if isinstance(self._location, Path):
            return self._engine is not None or self._location.exists()
        return self._engine is not None or self._location is not None

    async def has_documents(self, tenant: str) -> bool:
        """Return whether a tenant has any document."""

        def work(connection: "Connection") -> bool:
            from guardian_cluster.storage.documents import has_documents

            return has_documents(connection, tenant)

        return await self.read(work)

    async def find_messages(self, tenant: str, conversation: str, terms: Terms, *, limit: int) -> MessageHits:
        """Return turns of this conversation alone that have some of the words, best first."""

        def work(connection: "Connection") -> MessageHits:
            from guardian_cluster.storage.conversations import find_messages

            return find_messages(connection, tenant, conversation, terms, limit=limit)

        return await self.read(work)

    async def find_turns(
        self, tenant: str, conversation: str, terms: Terms, *, limit: int
    ) -> list[StoredMessage]:
        """Return the turns, whole and in order, in which a message has some of the words: the `limit` best."""

        def work(connection: "Connection") -> list[StoredMessage]:
            from guardian_cluster.storage.conversations import find_turns

            return find_turns(connection, tenant, conversation, terms, limit=limit)

        return await self.read(work)

    async def latest_messages(
        self, tenant: str, conversation: str, *, tokens: int, limit: int = 1_000
    ) -> list[StoredMessage]:
        """Return the newest turns within a number of tokens, oldest first, with none left out."""

        def work(connection: "Connection") -> list[StoredMessage]:
            from guardian_cluster.storage.conversations import latest_messages

            return latest_messages(connection, tenant, conversation, tokens=tokens, limit=limit)

        return await self.read(work)

    async def append_messages(
        self,
        tenant: str,
        conversation: str,
        messages: Sequence[NewMessage],
        *,
        user: str | None = None,
        limits: ConversationLimits | None = None,
    ) -> int:
        """Keep turns in this order, with nobody's between them, all or none; return the last one's number."""
        now = self._clock.now()

        def work(connection: "Connection") -> int:
            from guardian_cluster.storage.conversations import append_messages

            return append_messages(
                connection, tenant, conversation, messages, now=now, user=user, limits=limits
            )

        return await self.write(work)

    async def delete_conversation(self, tenant: str, conversation: str) -> int:
        """Forget a conversation; return how many turns it had."""

        def work(connection: "Connection") -> int:
            from guardian_cluster.storage.conversations import delete_conversation

            return delete_conversation(connection, tenant, conversation)

        return await self.write(work)

    async def delete_user(self, tenant: str, user: str) -> int:
        """Forget every conversation of a tenant's user; return how many turns they had."""

        def work(connection: "Connection") -> int:
            from guardian_cluster.storage.conversations import delete_user

            return delete_user(connection, tenant, user)

        return await self.write(work)

    async def expire_conversations(self, *, before: float, limit: int = 100) -> int:
        """Forget at most `limit` conversations that nobody added to since `before`; return how many."""

        def work(connection: "Connection") -> int:
            from guardian_cluster.storage.conversations import expire_conversations

            return expire_conversations(connection, before=before, limit=limit)

        return await self.write(work)

    async def put_document(self, tenant: str, document: "Document") -> str:
        """Keep a document in the place of what was read from the same file; return its name."""
        now = self._clock.now()

        def work(connection: "Connection") -> str:
            from guardian_cluster.storage.documents import put_document

            return put_document(connection, tenant, document, now=now)

        return await self.write(work)

    async def list_documents(self, tenant: str) -> list[StoredDocument]:
        """Return a tenant's documents by name."""

        def work(connection: "Connection") -> list[StoredDocument]:
            from guardian_cluster.storage.documents import list_documents

            return list_documents(connection, tenant)

        return await self.read(work)

    async def forget_document(self, tenant: str, name: str) -> bool:
        """Delete the document of that name; return whether there was one."""

        def work(connection: "Connection") -> bool:
            from guardian_cluster.storage.documents import forget_document

            return forget_document(connection, tenant, name)

        return await self.write(work)

    async def open(self) -> None:
        """Open the database now, so that the first call need not wait for it."""
        await self.read(lambda _: None)

    async def read(self, work: "Callable[[Connection], _Result]") -> _Result:
        """Return what `work` finds in one consistent look at the database."""
        return await self._call(work, writes=False)

    async def write(self, work: "Callable[[Connection], _Result]") -> _Result:
        """Return what `work` returns, done wholly or not at all."""
        return await self._call(work, writes=True)

    async def close(self) -> None:
        """Finish what was asked for, and close the database."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        for thread in {self._writing, self._reading}:
            await loop.run_in_executor(thread, thread.shutdown, False)
        self._dispose()

    async def _call(self, work: "Callable[[Connection], _Result]", *, writes: bool) -> _Result:
        if self._closed:
            raise MemoryUnavailable("memory is closed")
        if self._waiting >= MOST_WAITING:
            raise MemoryUnavailable(f"{MOST_WAITING} calls wait for memory already")
        limit_s = self._deadline_s if self._engine is not None else max(self._deadline_s, OPENING_S)
        until = self._clock.monotonic() + limit_s
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            async with asyncio.timeout(limit_s):
                thread = self._writing if writes else self._reading
                return await loop.run_in_executor(thread, self._transact, work, writes, until)
        except TimeoutError:
            raise TimeoutError(f"memory did not answer within {limit_s:g} s") from None
        finally:
            self._waiting -= 1

    def _transact(self, work: "Callable[[Connection], _Result]", writes: bool, until: float) -> _Result:
        """Run in the thread: one transaction, which is undone when it is not done in time."""
        from guardian_cluster.storage.memory_database import Deadline, transaction

        engine = self._opened()
        left_s = until - self._clock.monotonic()
        if left_s <= 0:
            raise TimeoutError
        deadline = Deadline(left_s, lambda: self._clock.monotonic() > until)
        with transaction(engine, writes=writes, deadline=deadline) as connection:
            return work(connection)

    def _opened(self) -> "Engine":
        with self._opening:
            return self._engine or self._open()

    def _open(self) -> "Engine":
        from guardian_cluster.storage.memory_database import open_memory

        now = self._clock.monotonic()
        if self._failed is not None and now < self._failed[0]:
            raise MemoryUnavailable(self._failed[1])
        try:
            self._engine = open_memory(self._location)
        except CannotCreate as error:
            message = error.problems[0].message
            self._failed = (now + _REOPEN_S, message)
            raise MemoryUnavailable(message) from None
        return self._engine

    def _dispose(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
