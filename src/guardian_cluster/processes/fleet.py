"""The workers as their supervisor knows them: shares out what they may use, and passes on what they ask each other.

It is told by the system when a worker ends, so that nothing is lent by time: a share comes back at once, and what was
used of it goes on counting. A supervisor that hangs stops no worker; each goes on with what it holds.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from guardian_cluster.contract import fleet as contract
from guardian_cluster.contract import link
from guardian_cluster.contract.fleet import (
    Answers,
    Counts,
    Holdings,
    Join,
    Question,
    Reply,
    Serves,
    Share,
    Shares,
    Spent,
    Up,
)
from guardian_cluster.contract.link import FrameSplitter, LinkError
from guardian_cluster.contract.snapshot import Base
from guardian_cluster.domain.clock import Clock
from guardian_cluster.processes.shares import SharedLimits
from guardian_cluster.telemetry.counts import without_gauges

log = logging.getLogger("guardian.supervisor")

TICK_S = 1.0
ANSWER_S = 0.5
"""How long the others have to answer a question; one that has not is left out."""

SHARES_A_MESSAGE = 200
"""A worker takes in so many in 0.3 ms."""

BACKLOG_BYTES = 4_000_000
"""A worker that leaves so much unread hangs: it is told nothing more, and goes on with what it holds."""

_READ_BYTES = 262_144


class Member:
    """One worker process, as long as it lives."""

    def __init__(self, number: int) -> None:
        self.number = number
        """Which place among the workers it has; a successor has the same."""
        self.id = 0
        self.serving = asyncio.Event()
        self.ended = asyncio.Event()
        self.rev = 0
        self.counts = b""
        self._writer: asyncio.StreamWriter | None = None

    def attach(self, writer: asyncio.StreamWriter) -> None:
        """Send by this from now on."""
        self._writer = writer

    def send(self, message: contract.Down) -> None:
        """Send a message, unless the worker does not read."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() <= BACKLOG_BYTES:
            writer.write(link.encode_message(message))


class Fleet:
    """All workers of one supervisor. Its methods are for one event loop; `run` has to be running."""

    def __init__(self, clock: Clock, on_end: Callable[[Member], None] | None = None) -> None:
        self._limits = SharedLimits(clock)
        self._on_end = on_end
        self._members: dict[int, Member] = {}
        self._questions: dict[int, _Asked] = {}
        self._last_id = 0
        self._departed: tuple[bytes, ...] = ()
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def members(self) -> Sequence[Member]:
        """Every worker that lives."""
        return tuple(self._members.values())

    def configure(self, base: Base) -> None:
        """Share out the limits of another snapshot from now on."""
        self._limits.configure(base)
        self._tell()

    async def run(self) -> None:
        """Divide limits anew every second, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                await asyncio.sleep(TICK_S)
                self._limits.tick()
                self._tell()

    def admit(self, connection: socket.socket, number: int) -> Member:
        """Take in the worker at the other end of a connection, until it ends."""
        if self._tasks is None:
            raise RuntimeError("the fleet does not run")
        member = Member(number)
        self._last_id += 1
        member.id = self._last_id
        self._members[member.id] = member
        self._tasks.create_task(self._guarded(connection, member))
        return member

    async def _guarded(self, connection: socket.socket, member: Member) -> None:
        try:
            await self._converse(connection, member)
        except (OSError, LinkError) as error:
            log.warning("a worker was cut off", extra={"worker": member.number, "reason": str(error)})
        except Exception:  # a fault of ours must not end the supervisor, and with it all workers
            log.exception("a worker was cut off", extra={"worker": member.number})
        finally:
            connection.close()
            self._part_with(member)

    async def _converse(self, connection: socket.socket, member: Member) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        member.attach(writer)
        self._limits.join(member.id)
        self._tell(hello=member)
        splitter = FrameSplitter()
        try:
            while data := await reader.read(_READ_BYTES):
                for body in splitter.feed(data):
                    message = contract.decode_up(body)
                    if message is not None:
                        self._take(message, member)
        finally:
            writer.transport.abort()

    def _part_with(self, member: Member) -> None:
        self._members.pop(member.id, None)
        self._limits.leave(member.id)
        if member.counts:
            self._departed = (without_gauges((*self._departed, member.counts)),)
        for asked in tuple(self._questions.values()):
            asked.note(member.id, b"")
        member.ended.set()
        if self._on_end is not None:
            self._on_end(member)
        self._tell()

    def _take(self, message: Up, member: Member) -> None:
        match message:
            case Holdings():
                self._limits.take(member.id, message)
            case Question():
                self._ask_others(message, member)
            case Reply():
                asked = self._questions.get(message.id)
                if asked is not None:
                    asked.note(member.id, message.body)
            case Counts():
                member.counts = message.counts
            case Spent():
                self._limits.learn(member.id, message)
            case Serves():
                member.rev = message.rev
                member.serving.set()
            case Join():
                if not contract.compatible(message.version):
                    versions = f"{message.version}, this supervisor {contract.VERSION}"
                    raise LinkError(f"a worker speaks version {versions}; start guardian serve again")
        self._tell()

    def _tell(self, hello: Member | None = None) -> None:
        """Tell workers what has changed; one that has just come is told something in any case."""
        for id, shares in self._limits.take_told().items():
            member = self._members.get(id)
            if member is None:
                continue
            for number, some in _messages(shares, self._limits.numbers[id] - 1):
                member.send(Shares(number=number, shares=some, knows_spending=self._limits.knows_spending))
        if hello is not None:
            knows = self._limits.knows_spending
            hello.send(Shares(number=self._limits.numbers[hello.id] - 1, shares=(), knows_spending=knows))

    def _ask_others(self, question: Question, asker: Member) -> None:
        others = [member for member in self._members.values() if member is not asker]
        asked = _Asked(question, asker, {member.id for member in others})
        self._last_id += 1
        id = self._last_id
        self._questions[id] = asked
        for member in others:
            member.send(
                Question(id=id, topic=question.topic, request_id=question.request_id, tenant=question.tenant)
            )
        assert self._tasks is not None
        self._tasks.create_task(self._answer(id, asked))

    async def _answer(self, id: int, asked: "_Asked") -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await asked.complete.wait()
        del self._questions[id]
        if asked.question.topic == "metrics":
            bodies = self._counts(asked)
        else:
            bodies = tuple(body for body in asked.bodies.values() if body)
        asked.asker.send(Answers(id=asked.question.id, bodies=bodies))

    def _counts(self, asked: "_Asked") -> tuple[bytes, ...]:
        """Return what all others have counted, those that have ended too; the last that is known of each."""
        for id, body in asked.bodies.items():
            if body and id in self._members:
                self._members[id].counts = body
        known = (member.counts for member in self._members.values() if member is not asked.asker)
        return (*self._departed, *(counts for counts in known if counts))


class _Asked:
    """A question under way."""

    def __init__(self, question: Question, asker: Member, waited_for: set[int]) -> None:
        self.question = question
        self.asker = asker
        self.bodies: dict[int, bytes] = {}
        self.complete = asyncio.Event()
        self._waited_for = waited_for
        if not waited_for:
            self.complete.set()

    def note(self, member: int, body: bytes) -> None:
        """Take in what one worker answered, or that it has ended. A record that is found is enough."""
        if member not in self._waited_for:
            return
        self._waited_for.discard(member)
        self.bodies[member] = body
        if not self._waited_for or (body and self.question.topic == "request"):
            self.complete.set()


def _messages(shares: Sequence[Share], number: int) -> Iterator[tuple[int, tuple[Share, ...]]]:
    """Yield the messages that tell shares: none before the last one has the number that answers for all of them."""
    last = (len(shares) - 1) // SHARES_A_MESSAGE
    for index in range(last + 1):
        some = shares[index * SHARES_A_MESSAGE : (index + 1) * SHARES_A_MESSAGE]
        yield (number if index == last else number - 1), tuple(some)
