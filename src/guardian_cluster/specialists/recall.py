"""RecallSpecialist: the built-in memory (the specification's Memory Manager), answering in the shape of a model."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import msgspec

from guardian_cluster.contract.snapshot import Endpoint
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import Message, UserRequest
from guardian_cluster.specialists.builtin.recall.evidence import (
    Evidence,
    Memory,
    Passage,
    RetrievalQuality,
    SaidBefore,
)
from guardian_cluster.specialists.builtin.recall.query import Query, query_of
from guardian_cluster.specialists.builtin.recall.quoting import Answer, quote
from guardian_cluster.specialists.builtin.recall.ranking import Ranking, ranking_of, weigh
from guardian_cluster.specialists.builtin.recall.rendering import render
from guardian_cluster.specialists.builtin.saying import said
from guardian_cluster.specialists.specialist import Context, Feed, Task

CANDIDATES = 40
"""Passages that memory ranks first and that are read; the right one is among them in all but 1 % of cases."""

TURNS = 10

_TURN_CHARACTERS = 4_000
"""Of a turn that are read; a longer one is a document."""

ConversationOf = Callable[[UserRequest], str | None]
"""Returns which conversation a request belongs to, if any."""

QualityListener = Callable[[UserRequest, RetrievalQuality], None]
"""Is told how well memory answered, before the answer is sent."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What memory has for a question."""

    ranking: Ranking
    found: tuple[Evidence, ...]
    unknown: tuple[str, ...]
    """Words of the question that nothing in memory has."""
    is_empty: bool
    """Whether there is nothing in memory at all."""


class RecallSpecialist:
    """Answers the last message of the user from the tenant's documents and this conversation, in quotations."""

    def __init__(
        self,
        name: str,
        memory: Memory,
        clock: Clock,
        *,
        conversation_of: ConversationOf = lambda _: None,
        on_quality: QualityListener = lambda _, __: None,
    ) -> None:
        self.name = name
        self._memory = memory
        self._clock = clock
        self._conversation_of = conversation_of
        self._on_quality = on_quality

    async def execute(self, task: Task, context: Context, endpoint: Endpoint, feed: Feed) -> None:
        """Answer the task; see `Specialist.execute`."""
        request = task.request
        answer = await self.answer(
            request.chat.last_question(), tenant=request.tenant, conversation=self._conversation_of(request)
        )
        self._on_quality(request, answer.quality)
        await feed(said(render(answer), request, endpoint, self._clock.now()))

    async def answer(self, question: str, *, tenant: str, conversation: str | None = None) -> Answer:
        """Return what memory says to a question.

        Raises:
            AttemptFailed: memory could not be had in time.
        """
        seen = await self.weighed(question, tenant=tenant, conversation=conversation)
        answer = quote(seen.ranking, seen.found, now=self._clock.now())
        return replace(answer, unknown=seen.unknown, is_empty=seen.is_empty)

    async def weighed(self, question: str, *, tenant: str, conversation: str | None = None) -> Seen:
        """Return what in memory may answer a question, and how well; raises AttemptFailed as `answer` does."""
        query = query_of(question)
        try:
            hits = await self._memory.find_passages(tenant, query.wanted, limit=CANDIDATES)
            turns = await self._turns(query, question, tenant, conversation)
        except OSError as error:
            message = f"Memory could not be read: {error}"
            raise AttemptFailed(message, code="memory_unavailable", status=503, retry_after_s=1.0) from error
        ranking = ranking_of(query, hits.counts, hits.total)
        found = await _weighed(ranking, [*turns, *hits.passages])
        unknown = tuple(
            term.word
            for place, term in enumerate(query.terms)
            if not hits.counts[place] and not any(each.has(place) for each in found)
        )
        return Seen(ranking, tuple(found), unknown, is_empty=not hits.total and not turns)

    async def _turns(
        self, query: Query, question: str, tenant: str, conversation: str | None
    ) -> list[SaidBefore]:
        """Return what was said before in this conversation; the answers too where the question is about them."""
        if conversation is None or not query.terms:
            return []
        found = await self._memory.find_messages(tenant, conversation, query.wanted, limit=TURNS)
        roles = ("user", "assistant") if query.about_answers else ("user",)
        turns = (SaidBefore(turn.number, turn.role, _text(turn.message), turn.at) for turn in found.messages)
        return [turn for turn in turns if turn.role in roles and turn.text.strip() != question.strip()]


async def _weighed(ranking: Ranking, passages: Iterable[Passage]) -> list[Evidence]:
    """Weigh the passages one at a time (0.1 to 0.6 ms each), so that nobody else's request waits for this one."""
    found: list[Evidence] = []
    for passage in passages:
        await asyncio.sleep(0)
        found.append(weigh(ranking, passage))
    return found


def _text(message: bytes) -> str:
    try:
        return msgspec.json.decode(message, type=Message).text()[:_TURN_CHARACTERS]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
