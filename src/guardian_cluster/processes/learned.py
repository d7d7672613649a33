"""What is learned of requests as they come: what they may take, what they are about, and what is usual.

Requests are learned from in one thread while cycles ask in others: whoever serves the records waits for neither.
"""

import threading
import zlib
from collections.abc import Sequence

import msgspec

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.contract.snapshot import Base, Specialist, Timeouts
from guardian_cluster.domain.alarm import Alarm
from guardian_cluster.domain.monitoring import SignalReading
from guardian_cluster.domain.observation import Slice
from guardian_cluster.monitoring.alarms import Alarms
from guardian_cluster.monitoring.budgets import LearnedBudgets
from guardian_cluster.monitoring.signals import Budgets, observation_of, observations_of
from guardian_cluster.monitoring.topics import Topics

VERSION = 1
MAX_STATE_BYTES = 500_000_000
"""Unpacked: many times what 500 specialists need."""

NO_CAPS = Budgets()


class _State(msgspec.Struct, frozen=True):
    version: int
    alarms: bytes
    budgets: bytes
    topics: bytes


class Learned:
    """Takes in each request once, and each mark of it; a request is judged by what was known before it."""

    def __init__(self) -> None:
        self.alarms = Alarms()
        self.seen: set[str] = set()
        """Specialists that answered or failed a request since somebody looked."""
        self._budgets = LearnedBudgets()
        self._topics = Topics()
        self._caps: dict[str, Budgets] = {}
        self._lock = threading.RLock()

    def budgets(self, specialist: str) -> Budgets:
        """Return what a request of the specialist may take."""
        with self._lock:
            return self._budgets.of(specialist, self._caps.get(specialist, NO_CAPS))

    def topic(self, record: RequestRecord) -> str:
        """Return the topic of a request; empty where none is known."""
        with self._lock:
            return self._topics.topic_of(record.words)

    def readings(self, specialist: str) -> Sequence[SignalReading]:
        """Return how a specialist's signals stand, with what is expected of them."""
        with self._lock:
            return self.alarms.readings(specialist)

    def configure(self, base: Base, at: float) -> None:
        """Do as a snapshot says; what is known of specialists that are gone is forgotten, their alarms are closed."""
        with self._lock:
            self.alarms.configure(base.guardians.false_alarms_per_day)
            self._caps = {each.name: _caps(each.timeouts) for each in base.specialists}
            for gone in set(self.alarms.specialists) - self._caps.keys():
                self.alarms.forget(gone, at)
                self._budgets.forget(gone)
            served = {each.name: each for each in base.specialists}
            for alarm in self.alarms.open():
                if _is_gone(alarm.where, served[alarm.specialist]):
                    self.alarms.end(alarm.id, at)

    def take(self, record: RequestRecord, feedback: Sequence[Feedback] = ()) -> list[Alarm]:
        """Take in a request; return the alarms that it raises, of whoever answered or failed it."""
        with self._lock:
            topic = self._topics.take(record.words)
            observed = observations_of(record, feedback, budgets=self.budgets, topic=topic)
            if record.specialist is not None:
                self._budgets.take(record, {alarm.signal for alarm in self.alarms.open(record.specialist)})
            # What tries whether a fault is over may fail: that is for recovery to judge, and no news.
            known = [each for each in observed if each.specialist in self._caps and not each.is_trial]
            self.seen.update(each.specialist for each in known)
            return [alarm for observation in known for alarm in self.alarms.take(observation)]

    def hear(self, record: RequestRecord, feedback: Sequence[Feedback]) -> list[Alarm]:
        """Take in what a caller said of a request later."""
        observation = observation_of(record, feedback, topic=self.topic(record))
        if observation is None or observation.feedback is None or observation.is_trial:
            return []
        if observation.specialist not in self._caps:
            return []
        quality = {"quality": observation.losses.get("quality", 1.0 - observation.feedback)}
        with self._lock:
            return self.alarms.hear(msgspec.structs.replace(observation, losses=quality))

    def accept(self, accepted: Sequence[Alarm]) -> None:
        """Learn as usual what alarms are about that a person has accepted; those not open any more are passed over."""
        with self._lock:
            for alarm in accepted:
                if alarm.acceptance is not None:
                    self.alarms.accept(alarm.id, alarm.acceptance)

    def wait(self, watched_s: float, at: float) -> None:
        """Take in that requests would have been seen for so long; alarms to which none came for days are closed."""
        with self._lock:
            self.alarms.wait(watched_s, at)

    def state(self) -> bytes:
        """Return all that is known, packed."""
        with self._lock:
            parts = (self.alarms.state(), self._budgets.state(), self._topics.state())
        return zlib.compress(msgspec.msgpack.encode(_State(VERSION, *parts)), 1)

    def restore(self, state: bytes) -> None:
        """Go on where another one was. Raises ValueError for bytes that are no such state."""
        try:
            packed = zlib.decompressobj()
            found = msgspec.msgpack.decode(packed.decompress(state, MAX_STATE_BYTES), type=_State)
        except (zlib.error, msgspec.MsgspecError) as error:
            raise ValueError(f"these bytes are no state: {error}") from error
        if found.version != VERSION:
            raise ValueError(f"what is known is of version {found.version}; this is {VERSION}")
        with self._lock:
            self.alarms.restore(found.alarms)
            self._budgets.restore(found.budgets)
            self._topics.restore(found.topics)


def _is_gone(where: Slice, specialist: Specialist) -> bool:
    """Return whether no request can come into a slice any more, so that nothing would ever close its alarm."""
    values = dict(where)
    endpoints = {each.id for each in specialist.endpoints}
    variants = {each.id for each in specialist.variants}
    models = {each.model for each in specialist.endpoints}
    there = (("endpoint", endpoints), ("variant", variants), ("model", models))
    return any(name in values and values[name] not in known for name, known in there)


def _caps(timeouts: Timeouts) -> Budgets:
    """Return what an operator declares to be too long: no budget that is learned lets more pass."""
    return Budgets(whole_ms=1e3 * timeouts.total_s, first_token_ms=1e3 * timeouts.first_token_s)
