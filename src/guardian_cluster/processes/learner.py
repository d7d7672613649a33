"""Learning in the control process: feeds the teacher with what was recorded, and puts its models on disk.

It stands behind recording in everything: reports are taken when they are on disk and acknowledged, a few
milliseconds at a time, and whatever goes wrong here is logged and forgotten.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.router_model import (
    PREFIX,
    Pointer,
    delete_others,
    offer,
    read_model,
    write_model,
)
from guardian_cluster.contract.snapshot import Snapshot
from guardian_cluster.contract.snapshot_file import FILE_NAME, SERVED_NAME, read_snapshot
from guardian_cluster.domain.clock import Clock
from guardian_cluster.learning.labels import is_instructive
from guardian_cluster.learning.question_model import QuestionModel
from guardian_cluster.learning.router_teacher import Draft, Models, RouterTeacher
from guardian_cluster.processes.offer import is_there, read_offer
from guardian_cluster.request.checks.answer_model import answer_model
from guardian_cluster.storage import queries
from guardian_cluster.storage.writer import RecordWriter, Unwritten

_Queued = TypeVar("_Queued")
_Model = TypeVar("_Model")
log = logging.getLogger("guardian.learning")

WITHDRAWN_NAME = "router.withdrawn"
"""An empty file, written when a model was withdrawn: decisions from before are no evidence against the next one."""

MAX_QUEUED = 2_000
"""Requests and as many marks that wait to be learned from: some 10 MB. Of more the newest are learned from."""

SLICE = 10
PAUSE_S = 0.1
"""So many at a time and then a pause: at most 100 a second, however many are recorded. One takes 0.1 ms, and 2 ms for
each answer of which there is a verdict."""

LOOK_BACK_S = 86_400.0
MAX_LOOKED_BACK = 2_000
"""Decisions from before the start that the comparison begins with."""


class Learner:
    """Learns from what is recorded in a data folder until it is told to stop."""

    def __init__(self, folder: Path, writer: RecordWriter, clock: Clock, stop: asyncio.Event) -> None:
        self._folder = folder
        self._writer = writer
        self._clock = clock
        self._stop = stop
        self._requests: deque[RequestRecord] = deque(maxlen=MAX_QUEUED)
        self._feedback: deque[Feedback] = deque(maxlen=MAX_QUEUED)
        self._teacher: RouterTeacher | None = None
        self._offered = ""

    def take(self, requests: Iterable[RequestRecord], feedback: Iterable[Feedback]) -> None:
        """Queue what is on disk now; never waits."""
        self._requests.extend(filter(is_instructive, requests))
        self._feedback.extend(each for each in feedback if each.score is not None)

    async def run(self) -> None:
        """Learn until told to stop, on from the model on disk."""
        await self._guarded(self._restore)
        if (teacher := self._teacher) is None:
            return
        await self._guarded(partial(self._look_back, teacher))
        while not self._stop.is_set():
            await self._guarded(partial(self._learn_some, teacher))
            if teacher.is_due(self._clock.now()):
                await self._guarded(partial(self._offer, teacher))
            with suppress(TimeoutError):
                async with asyncio.timeout(PAUSE_S):
                    await self._stop.wait()

    async def finish(self) -> None:
        """Learn from what is left, and offer what is new."""
        if (teacher := self._teacher) is None:
            return
        while self._requests or self._feedback:
            await self._guarded(partial(self._learn_some, teacher))
        if teacher.news:
            await self._guarded(partial(self._offer, teacher))

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work; what goes wrong in it costs what would have been learned, and nothing else.

        Not even a damaged database ends the process here: whoever records finds that out.
        """
        try:
            await work()
        except Unwritten:
            pass  # stopped while the database could not be read
        except Exception:
            log.exception("something could not be learned")

    async def _restore(self) -> None:
        kept, specialists = await asyncio.to_thread(_read_kept, self._folder)
        self._offered, models, verdicts = kept or ("", None, 0)
        teacher = RouterTeacher(_new_models, restored=models, verdicts=verdicts)
        if specialists is not None:
            teacher.keep_only(specialists)
        self._teacher = teacher

    async def _look_back(self, teacher: RouterTeacher) -> None:
        """Begin the comparison with the decisions of the last day, as far as the model of now is their reason."""
        now = self._clock.now()
        since, after = max(now - LOOK_BACK_S, _written_at(self._folder / WITHDRAWN_NAME)), ""
        for _ in range(0, MAX_LOOKED_BACK, SLICE):
            read = partial(queries.decisions_since, since=since, after=after, limit=SLICE)
            found = await self._writer.run(read)
            earlier = [(record, score) for record, score in found if record.started < now]
            for record, score in earlier:
                teacher.compare(record, score)
            if len(earlier) < SLICE or self._stop.is_set():
                return
            since, after = found[-1][0].started, found[-1][0].id
            await asyncio.sleep(PAUSE_S / 2)

    async def _learn_some(self, teacher: RouterTeacher) -> None:
        now = self._clock.now()
        for record in _some(self._requests):
            teacher.take(record, now=now)
            teacher.settle(now)  # a second one, so that what is old does not wait for as many that are new
            await asyncio.sleep(0)
        for feedback in _some(self._feedback):
            if teacher.remembers(feedback.request_id) or await self._is_news(teacher, feedback, now):
                teacher.hear(feedback)

    async def _is_news(self, teacher: RouterTeacher, feedback: Feedback, now: float) -> bool:
        """Show the teacher once more a request that it has forgotten; of those, the first mark alone counts."""
        read = partial(queries.routing_of, request_id=feedback.request_id, before=feedback.received)
        found = await self._writer.run(read)
        if found is None:
            return True  # it may be on its way
        if found.marks or found.record.tenant != feedback.tenant:
            return False
        teacher.hear(feedback)  # first, for it may be forgotten again at once
        teacher.take(found.record, now=now, was_learned=True)
        return False

    async def _offer(self, teacher: RouterTeacher) -> None:
        """Put what was learned on disk; the last offer stays where that fails."""
        specialists = await asyncio.to_thread(_deployed_specialists, self._folder)
        if specialists is not None:
            teacher.keep_only(specialists)
        draft = teacher.draft(self._clock.now())
        if draft is None:
            await asyncio.to_thread(_withdraw, self._folder)
            return
        for _ in draft.steps():
            await asyncio.sleep(0)
        last, self._offered = (
            self._offered,
            await asyncio.to_thread(_publish, self._folder, draft, self._offered),
        )
        facts = {"model": self._offered, "before": last, "verdicts": draft.verdicts, **draft.lift._asdict()}
        log.info("the router learned", extra=facts)


def _new_models() -> Models:
    return Models(QuestionModel(), answer_model())


def _some(queue: "deque[_Queued]") -> Iterator[_Queued]:
    for _ in range(min(SLICE, len(queue))):
        yield queue.popleft()


def _read_kept(folder: Path) -> "tuple[tuple[str, Models, int] | None, frozenset[str] | None]":
    """Return the model on disk with its address and verdicts, and the specialists that are deployed."""
    for torn in folder.glob(f"{PREFIX}*.new"):  # of a write that was killed
        torn.unlink(missing_ok=True)
    snapshot = _snapshot(folder, FILE_NAME)
    deployed = snapshot.base.router_model if snapshot else ""
    pointer = read_offer(folder) or Pointer(model=deployed)
    specialists = None if snapshot is None else frozenset(each.name for each in snapshot.base.specialists)
    if not is_there(folder, pointer.model):
        return None, specialists
    try:
        model = read_model(folder, pointer.model)
    except (OSError, ValueError) as error:
        log.warning(
            "what the router had learned cannot be read; it begins anew", extra={"reason": str(error)}
        )
        return None, specialists
    models = Models(
        _part(QuestionModel.decode, QuestionModel, model.before),
        _part(answer_model, answer_model, model.after),
    )
    return (pointer.model, models, pointer.verdicts), specialists


def _part(restore: Callable[[bytes], _Model], new: Callable[[], _Model], data: bytes) -> _Model:
    """Return a part of a model: anew where it is of another version of this program."""
    try:
        return restore(data) if data else new()
    except ValueError as error:
        log.warning("a part of what the router had learned is begun anew", extra={"reason": str(error)})
        return new()


def _publish(folder: Path, draft: Draft, last: str) -> str:
    """Write a model, offer it, and delete those that nobody names any more. Raises OSError."""
    model = write_model(folder, draft.models.encode())
    offer(folder, Pointer(model=model, verdicts=draft.verdicts))
    # The one offered last may be on its way into a snapshot just now.
    _delete_unnamed(folder, {model, last})
    return model


def _withdraw(folder: Path) -> None:
    (folder / WITHDRAWN_NAME).touch(mode=0o600)
    offer(folder, Pointer())


def _delete_unnamed(folder: Path, kept: set[str]) -> None:
    for name in (FILE_NAME, SERVED_NAME):
        snapshot = _snapshot(folder, name)
        if snapshot is None and (folder / name).exists():
            return  # it may name any of them
        if snapshot is not None:
            kept.add(snapshot.base.router_model)
    delete_others(folder, kept)


def _deployed_specialists(folder: Path) -> frozenset[str] | None:
    snapshot = _snapshot(folder, FILE_NAME)
    return None if snapshot is None else frozenset(each.name for each in snapshot.base.specialists)


def _snapshot(folder: Path, name: str) -> Snapshot | None:
    try:
        return read_snapshot(folder, name)
    except (OSError, ValueError):
        return None


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
