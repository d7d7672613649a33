"""One attempt: one endpoint is asked once. Its answer is watched, and held until it may leave.

Until the *content commit*, the first content that leaves, whatever the attempt gave is thrown away when it fails.
From then on it has the floor, and its failure breaks the answer off. (The *header commit* is the caller's: see
gateway/delivery.py.)
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

import msgspec

from guardian_cluster.contract.records import AttemptRecord
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.errors import AttemptFailed, DeadlineExceeded, InvalidRequest
from guardian_cluster.domain.request import ChatRequest, UserRequest
from guardian_cluster.domain.verdict import MonitoringReport, Verdict
from guardian_cluster.request.balancing.load_balancer import Try
from guardian_cluster.request.balancing.plan import Candidate
from guardian_cluster.request.continuation.continuable import Continuability
from guardian_cluster.request.findings import stays_in_what_left, withheld
from guardian_cluster.request.floor import Floor, nowhere
from guardian_cluster.request.held import Held
from guardian_cluster.request.patience import Patience
from guardian_cluster.request.ports import Cluster
from guardian_cluster.request.resumption import Resumption
from guardian_cluster.request.said import said_of
from guardian_cluster.request.showing import messages_shown
from guardian_cluster.request.usage import Usage
from guardian_cluster.request.words import Words
from guardian_cluster.specialists.builtin.recall.evidence import RetrievalQuality
from guardian_cluster.specialists.specialist import Chunk, Context, Task
from guardian_cluster.watcher.guard import SharedGuard
from guardian_cluster.watcher.sliced_watch import SlicedWatch
from guardian_cluster.watcher.watch import Watch

HUNG_SHARE = 0.9
"""Of all the time that a specialist has: an endpoint that took this much without a word hangs. A caller may
allow less; its impatience is no fault of the endpoint."""

TIMED_OUT = "upstream_timeout"
"""The code of an attempt that did not begin, or fell silent."""

IDLE = Floor(nowhere)
"""Of attempts that have ended."""

MAX_HELD_PIECES = 20_000
"""Of a stream that is held to be checked: several times what the longest answers have. Then it leaves unchecked."""


class Order(msgspec.Struct, frozen=True):
    """What all attempts of an execution have in common."""

    request: UserRequest
    context: Context
    cluster: Cluster
    clock: Clock
    guard: SharedGuard
    deadline: float
    room: int
    """Characters of the answer that are kept to be checked."""
    is_held: bool
    """Whether nothing leaves before the answer is complete."""


class Attempt:
    """One try at one endpoint. What is known of it grows until `run` ends."""

    def __init__(
        self,
        order: Order,
        task: Task,
        candidate: Candidate,
        begin: Callable[[], Try],
        floor: Floor,
        *,
        has_successor: Callable[["Attempt"], bool] | None = None,
        stall_s: float | None = None,
        continuability: Continuability | None = None,
        hedges: bool = False,
        resumption: Resumption | None = None,
    ) -> None:
        """Prepare the attempt.

        `begin` counts it at the balancer. `has_successor` tells whether another endpoint could take over now; `None` is
        that there is none. `stall_s` is after how much silence one does; `None` is never. `continuability` notes what
        leaves; `None` is an answer with which nobody may go on.
        """
        self.candidate = candidate
        self.committed = resumption is not None
        """Whether its words leave: of one that goes on with those of another from its beginning."""
        self.failure: AttemptFailed | None = None
        self.shown = order.context
        """What the specialist answers from: what of the context fits its window."""
        self.words = Words(order.room)
        """Of the answer, as it may leave."""
        self.usage = Usage()
        self.report = MonitoringReport()
        self.ended = False
        """Whether the answer is judged: it came to its end, or is withheld."""
        self.finish_reason: str | None = None
        self.has_content = False
        """Whether the model has said anything, be it held."""
        self.chunks = 0
        self.retrieval: RetrievalQuality | None = None
        """How well memory answered, where it was asked."""
        self.first_content_at: float | None = None
        self.verdicts: tuple[Verdict, ...] = ()
        self.waited_s = 0.0
        """The time spent waiting for the model, once that is over."""
        self.record: AttemptRecord | None = None
        """What became of it, once it has ended."""
        self.started_at = order.clock.monotonic()
        self.ended_at: float | None = None
        self.last_words: list[Chunk] = []
        """With which a watcher would have cut the answer, where another one was to go on instead."""
        self._order = order
        self._task = task
        self._begin = begin
        self._underway: Try
        self._floor = floor
        self._has_successor = has_successor
        self._stall_s = stall_s
        self._hedges = hedges
        self._resumption = resumption
        self._continuability = continuability
        self._watch = self._begin_watch()
        self._known_verdicts = 0
        """Found in the words of others that its watcher was shown."""
        self._held = Held()
        self._patience: Patience
        self._is_waiting = False

    @property
    def is_continuable(self) -> bool:
        """Whether somebody else could go on with what it has said so far.

        Not where something was redacted: whoever says it again says it in other words than those that left.
        """
        if self._continuability is None or self._watch is None:
            return False
        is_as_said = not any(verdict.action == "redact" for verdict in self._watch.verdicts)
        return is_as_said and self._continuability.why_not() is None

    @property
    def waited_so_far_s(self) -> float:
        """The time spent waiting for the model, the wait that goes on included."""
        return self._patience.so_far_s() if self._is_waiting else self.waited_s

    async def run(self) -> None:
        """Ask, and let the answer leave past the watcher; record how it went.

        Raises:
            AttemptFailed: there is no answer, or it broke off, or is withheld.
            DeadlineExceeded: the time for the whole request is over.
        """
        outcome: Literal["ok", "failed", "cut", "cancelled"] = "cancelled"
        error: str | None = None
        self._underway = self._begin()
        try:
            await self._watched()
            if self.candidate.specialist.kind == "recall":
                self.retrieval = self._order.cluster.retrieval_quality(self._order.request.id)
            outcome = "cut" if self.report.tripped else "ok"
            self._underway.succeeded(self.usage.input_tokens + self.usage.output_tokens)
        except AttemptFailed as failure:
            outcome, error, self.failure = "failed", failure.code, failure
            self._underway.failed(failure)
            if failure.code == TIMED_OUT:
                self._estimate_question()
            raise
        except DeadlineExceeded as late:
            outcome, error = "failed", late.code
            self._note_late(late)
            self._estimate_question()
            raise
        except BaseException:
            self._underway.cancelled()
            self._estimate_question()
            raise
        finally:
            self.ended_at = self._order.clock.monotonic()
            self.record = self._recorded(outcome, error, self.ended_at - self.started_at)

    def let_go(self) -> None:
        """Hold nothing any more that holds the request: all is known of it now."""
        self._floor, self._has_successor, self._continuability, self.failure = IDLE, None, None, None
        self._is_waiting = False
        vars(self).pop("_patience", None)  # there is none where it ended before it was begun to wait

    def _note_late(self, late: DeadlineExceeded) -> None:
        """Take an endpoint that said nothing in all the time that its specialist has for one that hangs."""
        lasted_s = self._order.clock.monotonic() - self.started_at
        if not self.committed and lasted_s > HUNG_SHARE * self.candidate.specialist.timeouts.total_s:
            self._underway.failed(AttemptFailed(late.message, code=late.code))
        else:
            self._underway.cancelled()

    def _estimate_question(self) -> None:
        """Count the question of an attempt that was left before it came to an end: its server read it, and bills it."""
        if not self.usage.counted and not self.usage.is_estimated:
            self._estimate(0)

    def _estimate(self, characters: int) -> None:
        self.usage.conclude(self._order.request, characters, read_too=self._said_before)

    def _recorded(
        self, outcome: Literal["ok", "failed", "cut", "cancelled"], error: str | None, lasted_s: float
    ) -> AttemptRecord:
        used, price, first = self.usage, self.candidate.specialist.price, self.first_content_at
        return AttemptRecord(
            specialist=self.candidate.specialist.name,
            endpoint=self.candidate.endpoint.id,
            outcome=outcome,
            error=error,
            duration_ms=1e3 * lasted_s,
            first_token_ms=None if first is None else 1e3 * (first - self.started_at),
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            tokens_estimated=used.is_estimated,
            cost_usd=used.cost_usd(price),
            continues_at=None if self._resumption is None else self._said_before,
            hedges=self._hedges,
            said=said_of(self.failure, self._order.request) if self.failure is not None else "",
        )

    async def _watched(self) -> None:
        """Pass the endpoint's answer through the watcher; hold it until its first content, a whole one to its end."""
        specialist = self._order.cluster.get_specialist(self.candidate.specialist.name)
        watch = self._watch
        patience = self._patience = self._begin_waiting()
        self._is_waiting = True
        try:
            async with patience:
                self.shown = self._fitted()
                if watch is not None:
                    await self._prepare(watch)
                await specialist.execute(self._task, self._told(), self.candidate.endpoint, self._feed)
            await _score_all(watch)
            self._conclude(watch, said=bool(self._held.chunks))
        finally:
            self.waited_s = patience.waited_s
            self._is_waiting = False
            if watch is not None:
                self._settle(watch)
        if self._held.chunks:
            self._commit()
            await self._emit(self._held.take())

    async def _feed(self, batch: list[Chunk], *, is_short: bool = False) -> bool:
        """Watch a batch and emit what may leave; the time this takes is not the model's."""
        patience, watch = self._patience, self._watch
        patience.pause()
        self.chunks += len(batch)
        if self._resumption is not None:
            batch = self._resumption.new_of(batch)
        if watch is None:
            seen = batch
        elif is_short:
            seen = watch.feed(batch)
        else:
            seen = await watch.feed_in_turns(batch, self._order.clock)
        released = self._noted(seen, watch)
        if self.first_content_at is None:
            if not self.has_content or self._goes_on_holding():
                self._hold(released)
                return True
            self._commit()
            released = self._held.take() + released
        if released:
            await self._emit(released)
        patience.resume(begun=True)
        return watch is None or not watch.done

    def _noted(self, seen: list[Chunk], watch: SlicedWatch | None) -> list[Chunk]:
        """Note what is in chunks that passed the watcher, and return them as they may leave.

        Raises:
            AttemptFailed: the watcher wants another answer, and there can be one.
        """
        resumption = self._resumption
        if resumption is not None:
            seen = resumption.unsaid_of(seen)
        released = self.usage.take(seen, self._order.request)
        if resumption is not None:  # its watcher knows what others said
            self.has_content |= bool(released)
        elif watch is not None and watch.said_something and not self.has_content:
            self.has_content = True
            if self._order.request.streamed:
                self._floor.win(self)
        self._underway.heard(content=self.has_content)
        if watch is not None and watch.retry_wanted and self._is_replaceable(watch):
            self._withhold(released, watch)
            raise withheld(self.report.verdicts)
        self.words.take(released)
        if watch is not None and watch.scores is not None:
            watch.scores.take(released)
            watch.scores.step()
        return released

    def _hold(self, released: list[Chunk]) -> None:
        is_streamed = self._order.request.streamed
        self._held.add(released, bounded=is_streamed and not self.has_content)
        has_begun = self.has_content or (self._resumption is not None and self._resumption.has_heard)
        self._patience.resume(begun=has_begun and is_streamed)

    def _is_replaceable(self, watch: Watch) -> bool:
        """Return whether an answer that its watcher does not want can still come from elsewhere."""
        if not self.committed:
            return True
        return self._may_give_up() and not stays_in_what_left(watch.verdicts)

    def _withhold(self, released: list[Chunk], watch: Watch) -> None:
        """Note what a watcher found in an answer that shall come from elsewhere, and how it would have ended here."""
        self.words.take(released)  # nobody is shown them, but they tell what kind of answer it was
        self.last_words, self.ended, self.finish_reason = released, True, watch.finish_reason
        self.report = msgspec.structs.replace(watch.break_off(), tripped=self.committed)

    def _begin_waiting(self) -> Patience:
        return Patience(
            self.candidate.specialist.timeouts,
            self._order.request,
            self._order.deadline,
            self._order.clock,
            others=self._has_successor is not None,
            stall_s=self._stall_s,
            may_give_up=self._may_give_up,
        )

    def _may_give_up(self) -> bool:
        """Return whether somebody else can take over now: from the beginning, or where this one stopped."""
        return self._has_successor is not None and self._has_successor(self)

    def _emit(self, released: list[Chunk]) -> Awaitable[None]:
        if self._continuability is not None:
            self._continuability.take(released)
        return self._floor.emit(released)

    async def _prepare(self, watch: SlicedWatch) -> None:
        """Let the watcher know what it cannot see in the words to come: what was asked, and what was said before."""
        watch.score(partial(messages_shown, self.shown, self._order.request))
        if self._resumption is not None:
            opening = await self._resumption.prime(watch, self._order.clock)
            self._known_verdicts = len(watch.verdicts)
            self.words.take(opening)
            if watch.scores is not None:
                watch.scores.take(opening)

    def _told(self) -> Context:
        """Return what the specialist is shown, with what was said before where it shall go on."""
        return self.shown if self._resumption is None else self._resumption.context(self.shown)

    def _goes_on_holding(self) -> bool:
        """Return whether content waits for its answer to be complete; a stream not for ever, whatever was wanted."""
        if not self._order.request.streamed:
            return True
        return (
            self._order.is_held
            and not self.committed
            and self.words.is_whole
            and len(self._held.chunks) < MAX_HELD_PIECES
        )

    def _conclude(self, watch: Watch | None, *, said: bool) -> None:
        """Judge the answer at its end.

        Raises:
            AttemptFailed: it is not complete, or is withheld while that is still possible.
        """
        if watch is None:
            if not said:
                raise AttemptFailed("The model sent no answer.", code="upstream_incomplete")
            self.ended = True
            self._estimate(0)
            return
        if not watch.complete:
            raise AttemptFailed(
                "The model's answer ended before it was complete.", code="upstream_incomplete"
            )
        if self._resumption is not None and not (watch.done or self._says_something):
            self._resumption.check_end()
        self.ended = True
        self.report = watch.finish(may_retry=not self.committed)
        self.finish_reason = watch.finish_reason
        self._estimate(self.report.characters - self._said_before)
        if watch.retry_wanted and not self.committed:
            raise withheld(self.report.verdicts)

    @property
    def _says_something(self) -> bool:
        """Whether it said more than others had said before it."""
        return len(self.words.text.rstrip()) > self._said_before

    def _settle(self, watch: Watch) -> None:
        """Keep what an attempt leaves behind, however it ended: what was found, and what half an answer costs."""
        found = self.report.verdicts if self.ended else watch.break_off().verdicts
        own, endpoint = found[self._known_verdicts :], self.candidate.endpoint.id
        self.verdicts = tuple([msgspec.structs.replace(each, endpoint=endpoint) for each in own])
        said = watch.characters - self._said_before
        if not self.usage.counted and not self.usage.is_estimated and said > 0:
            self._estimate(said)

    @property
    def _said_before(self) -> int:
        """Characters that others said before it went on."""
        return 0 if self._resumption is None else len(self._resumption.said)

    def _begin_watch(self) -> SlicedWatch | None:
        """Begin a watch; numbers, as of embeddings, have nothing to watch."""
        request = self._order.request
        if not isinstance(request.view, ChatRequest):
            return None
        watcher = self._order.cluster.get_watcher_guardian(self.candidate.specialist.name)
        return watcher.monitor_execution(request, self._order.guard)

    def _commit(self) -> None:
        if not self.committed:
            self._floor.take(self)
            self.committed = True
        self.first_content_at = self._order.clock.monotonic()

    def _fitted(self) -> Context:
        """Return what of the context fits the candidate's window.

        Raises:
            AttemptFailed: what must be shown does not fit it; that of another specialist may be larger.
        """
        try:
            return self._order.context.for_specialist(self.candidate.specialist)
        except InvalidRequest as misfit:
            raise AttemptFailed(
                misfit.message, code=misfit.code, again=False, rests=False, status=misfit.http_status
            ) from misfit


async def _score_all(watch: Watch | None) -> None:
    """Have scored what is left of an answer at its end, while others get their turn."""
    scores = watch.scores if watch is not None else None
    if scores is not None:
        for _ in scores.steps():
            await asyncio.sleep(0)
