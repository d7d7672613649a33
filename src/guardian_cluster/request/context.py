"""The Context Maintainer prepares what a specialist answers from, and keeps what was said for the next request.

Clients of OpenAI's interface carry their own history, and are left alone. Where a request names a conversation,
its history is fetched, packed to fit the specialist's window (request/packing.py), and replayed as it was stored:
messages of their role, which are data. When the store fails or is late, the request goes on without.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from guardian_cluster.contract.snapshot import MemoryPolicy
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.continuing import carries_history, going_on
from guardian_cluster.request.conversation import (
    ConversationStore,
    Said,
    StoredMessage,
    conversation_of,
    plain_name,
)
from guardian_cluster.request.fitting import Prepared
from guardian_cluster.request.measuring import Piece, piece_of
from guardian_cluster.request.reading import pieces_sent, pieces_stored
from guardian_cluster.request.window import MAX_HISTORY_TOKENS
from guardian_cluster.specialists.specialist import Context
from guardian_cluster.watcher.intake import Intake
from guardian_cluster.watcher.placeholders import without_nonces

MAX_OWN_MESSAGES = 500
"""Of a request that takes part in a conversation: looking at more would keep others waiting. One that brings more
has its history with it, and is passed on as it is."""

RECALLED_TURNS = 4
"""Turns that are searched for in the part of a conversation that is not read."""

SEARCHED_CHARACTERS = 2_000
"""Of the newest question."""

APPEND_S = 2.0
"""For keeping what was said: the end of a stream, and a whole answer, wait for it, so that whoever has the one finds
the other in the next request."""

MAX_KEPT_BYTES = 1_000_000
"""Of one request and its answer; each later request would carry it again."""

TOO_LARGE = f"request and answer are over {MAX_KEPT_BYTES:,} bytes"

_encode = msgspec.json.Encoder().encode


class Kept(msgspec.Struct, frozen=True):
    """Whether a request and its answer are kept for the next, and why not."""

    remembered: bool
    problem: str | None = None


class Answer(msgspec.Struct):
    """Of an answer what any model takes back: not the thoughts and sounds that one model put beside it."""

    content: str | list[Any] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    function_call: dict[str, Any] | None = None


class Fetched(msgspec.Struct):
    """What the store gave in time."""

    history: Sequence[StoredMessage] = ()
    recalled: Sequence[StoredMessage] = ()
    problem: str | None = None


class ContextMaintainer:
    """Gives specialists the messages as the caller sent them, and before them what was said in their conversation.

    Without a `store` there are no conversations. `policy` says which requests have one; see docs/design/context.md.
    """

    def __init__(self, store: ConversationStore | None = None, policy: MemoryPolicy | None = None) -> None:
        self._policy = policy or MemoryPolicy()
        self._store = store if self._policy.conversations != "off" else None
        self._by_user = self._policy.conversations == "user"
        self._append_s = APPEND_S
        """How long keeping may take: less while the store is known to be slow, or each answer would end so late."""

    async def prepare_context(
        self,
        user_request: UserRequest,
        specialist_assignments: list[SpecialistAssignment],
        intake: Intake | None = None,
    ) -> Context:
        """Return the context that all assignments share; `intake` looks through what is added to the request.

        It fits the smallest window of those who may answer, as far as they are able at all; `for_specialist` of
        it fits another.

        Raises:
            InvalidRequest: the request takes part in a conversation, and what must be shown of it does not fit the
                window of a specialist that was chosen.
        """
        if self._store is None or (user_request.session is None and not self._by_user):
            return Context(messages=user_request.body.get("messages"))
        return await self._in_conversation(self._store, user_request, specialist_assignments, intake)

    async def remember(
        self, user_request: UserRequest, answers: Sequence[Mapping[str, Any]], context: Context
    ) -> Kept:
        """Keep what is new of a request, and the messages that answered it, as they left; raise nothing.

        A request without an answer is not kept: a question alone would be in the way of the next.
        """
        if self._store is None or context.conversation is None:
            return Kept(False)
        try:
            if any(len(answer.get("content") or ()) > MAX_KEPT_BYTES for answer in answers):
                return Kept(False, TOO_LARGE)
            messages = [message for answer in answers if (message := _encoded(answer)) is not None]
        except (msgspec.ValidationError, msgspec.EncodeError, TypeError, ValueError, RecursionError):
            return Kept(False, "the answer is no message")
        if not messages:
            return Kept(False, "there was no answer to keep")
        if sum(memoryview(each).nbytes for each in (*context.new, *messages)) > MAX_KEPT_BYTES:
            return Kept(False, TOO_LARGE)
        said = [_said(each) for each in (*context.new, *messages)]
        return await self._append(self._store, user_request, context.conversation, said)

    async def _append(
        self, store: ConversationStore, request: UserRequest, conversation: str, said: list[Said]
    ) -> Kept:
        user, limit_s = request.chat.user, self._append_s
        try:
            async with asyncio.timeout(limit_s):
                await store.append(
                    request.tenant, conversation, said, user=plain_name(user) if user else None
                )
        except TimeoutError:
            self._append_s = min(self._policy.timeout_s, APPEND_S)
            return Kept(False, f"memory did not keep it within {limit_s:g} s")
        except Exception as error:  # a store may fail in any way; an answer that has left must not
            return Kept(False, f"memory failed ({type(error).__name__})")
        self._append_s = APPEND_S
        return Kept(True)

    async def _in_conversation(
        self,
        store: ConversationStore,
        request: UserRequest,
        assignments: list[SpecialistAssignment],
        intake: Intake | None,
    ) -> Context:
        as_sent = Context(messages=request.body.get("messages"))
        named = conversation_of(request, by_user=self._by_user)
        if named is None or not isinstance(request.view, ChatRequest):
            return as_sent
        if len(request.view.messages) > MAX_OWN_MESSAGES:
            text = f"the request has over {MAX_OWN_MESSAGES} messages; it is taken as it is, and not kept"
            return msgspec.structs.replace(as_sent, problem=text)
        sent = await pieces_sent(request.body.get("messages"))
        new = [piece for piece in sent if not piece.is_instruction]
        carries = carries_history(new)
        if carries and request.session is None:
            return as_sent
        fetched = await self._fetch(store, request, named)
        if intake is not None:
            fetched.history = await _looked_through(fetched.history, intake)
            fetched.recalled = await _looked_through(fetched.recalled, intake)
        history, recalled = await pieces_stored(fetched.history), await pieces_stored(fetched.recalled)
        if carries:
            history, recalled, new = _going_on(history, recalled, new, is_known=fetched.problem is None)
        context = msgspec.structs.replace(
            as_sent,
            problem=fetched.problem,
            conversation=named,
            new=tuple([piece.message for piece in new]),
        )
        return Prepared(request, sent, history, recalled, context).for_all(assignments)

    async def _fetch(self, store: ConversationStore, request: UserRequest, conversation: str) -> Fetched:
        """Read the history, and search what is older for what the newest question is about; fail never."""
        fetched = Fetched()
        seconds, tenant = self._policy.timeout_s, request.tenant
        try:
            async with asyncio.timeout(seconds):
                fetched.history = await store.read(tenant, conversation, MAX_HISTORY_TOKENS)
                question = request.chat.last_question()[:SEARCHED_CHARACTERS]
                if question and fetched.history and fetched.history[0].number > 1:
                    fetched.recalled = await store.search(tenant, conversation, question, RECALLED_TURNS)
        except TimeoutError:
            fetched.problem = f"memory did not answer within {seconds:g} s"
        except Exception as error:  # a store may fail in any way; the request goes on without it
            fetched.problem = f"memory failed ({type(error).__name__})"
        return fetched


async def _looked_through(stored: Sequence[StoredMessage], intake: Intake) -> list[StoredMessage]:
    """Return messages as they may be shown now: the policy may have had fewer rules when they were kept."""
    return [
        msgspec.structs.replace(each, message=bytes(await intake.of_history(each.message))) for each in stored
    ]


def _going_on(
    history: list[Piece], recalled: list[Piece], sent: list[Piece], *, is_known: bool
) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Do as `going_on`, where what stands for a text in what is stored is another than in what is sent again."""
    alike, alike_sent = list(map(_without_nonces, history)), list(map(_without_nonces, sent))
    older, turns, fresh = going_on(alike, recalled, alike_sent, is_known=is_known)
    return history[: len(older)], turns, sent[len(sent) - len(fresh) :]


def _without_nonces(piece: Piece) -> Piece:
    message = bytes(piece.message)
    alike = without_nonces(message)
    return piece if alike is message else msgspec.structs.replace(piece, message=msgspec.Raw(alike))


def _said(message: bytes | msgspec.Raw) -> Said:
    piece = piece_of(message)
    return Said(piece.role, bytes(piece.message), piece.tokens)


def _encoded(answer: Mapping[str, Any]) -> bytes | None:
    """Return an answer as a message of a later request; `None` where it says nothing.

    Raises:
        ValidationError: it is no message.
    """
    said = msgspec.convert(answer, Answer)
    calls = [_without_index(call) for call in said.tool_calls or ()]
    if not said.content and not calls and not said.function_call:
        return None
    message: dict[str, Any] = {"role": "assistant", "content": said.content}
    if calls:
        message["tool_calls"] = calls
    if said.function_call:
        message["function_call"] = said.function_call
    return _encode(message)


def _without_index(call: dict[str, Any]) -> dict[str, Any]:
    """Return a tool call without its number in a stream, which is no part of a message."""
    return {name: value for name, value in call.items() if name != "index"}
