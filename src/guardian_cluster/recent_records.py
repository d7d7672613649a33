"""The newest requests of each specialist with what was said of them, in memory, for guardians inside a program."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence, Set

import msgspec

from guardian_cluster.contract.records import Feedback, RequestRecord
from guardian_cluster.storage.detections import Judged

EACH = 5_000
"""Requests of a specialist: as many as a window holds at first."""

TOTAL = 20_000
"""Requests of all together, about 40 MB; of more, who has most gives."""

MARKS = 5
"""Marks of one request, the last ones: who says more has nothing new to say."""

EARLY = 1_000
"""Marks of requests that are not known, not yet or not any more."""

JUDGED = 2_000
"""Requests by which detectors are measured, the newest."""

LONGEST_S = 600.0
"""Requests are known in the order in which they ended; one that began later may stand before another for so long."""

_Said = tuple[Feedback, ...]


class RecentRecords:
    """Takes in reports in the order in which they came; its places are bounded, whatever comes."""

    def __init__(self, *, each: int = EACH, total: int = TOTAL) -> None:
        self._each = each
        self._total = total
        self._records: dict[str, RequestRecord] = {}
        self._whose: dict[str, set[str]] = {}
        """The specialists in whose past a request still is, by its id."""
        self._by_specialist: dict[str, OrderedDict[str, None]] = {}
        """The ids of each specialist's requests, oldest first."""
        self._said: dict[str, _Said] = {}
        self._early: OrderedDict[str, _Said] = OrderedDict()
        self.marked: deque[Judged] = deque(maxlen=total)
        """Requests with marks that came since somebody looked last, the newest of them last."""

    def take(self, record: RequestRecord) -> None:
        """Take in a request; it is in the past of who answered it, and of each who failed it."""
        whose = _concerned(record)
        if not whose:
            return
        self._drop(record.id)
        self._records[record.id], self._whose[record.id] = _without_features(record), whose
        for specialist in sorted(whose):
            mine = self._by_specialist.setdefault(specialist, OrderedDict())
            mine[record.id] = None
            if len(mine) > self._each:
                self._release(specialist, next(iter(mine)))
        while len(self._records) > self._total:
            longest = max(self._by_specialist, key=lambda name: len(self._by_specialist[name]))
            self._release(longest, next(iter(self._by_specialist[longest])))
        for feedback in self._early.pop(record.id, ()):
            self.hear(feedback)

    def hear(self, feedback: Feedback) -> None:
        """Take in what was said of a request; only its own tenant may. Its words are not kept."""
        kept = msgspec.structs.replace(feedback, comment=None)
        record = self._records.get(feedback.request_id)
        if record is None:
            self._early[feedback.request_id] = (*self._early.get(feedback.request_id, ()), kept)[-MARKS:]
            if len(self._early) > EARLY:
                self._early.popitem(last=False)
        elif record.tenant == feedback.tenant:
            said = self._said[record.id] = (*self._said.get(record.id, ()), kept)[-MARKS:]
            self.marked.append(Judged(record, said))

    async def newest(self, specialist: str, limit: int) -> Sequence[Judged]:
        """Return the newest requests of a specialist, oldest first."""
        mine = self._of(specialist)
        records = mine[max(len(mine) - limit, 0) :]
        records.sort(key=lambda record: (record.started, record.id))
        return [self._judged(record) for record in records]

    def since(self, specialist: str, at: float, limit: int) -> list[Judged]:
        """Return the first so many requests since a time that asked for a specialist, or were given to it."""
        found = list[RequestRecord]()
        for record in reversed(self._records.values()):
            if record.started < at - LONGEST_S:
                break
            is_own = record.requested_model == specialist or specialist in self._whose[record.id]
            if is_own and record.started >= at:
                found.append(record)
        found.sort(key=lambda record: (record.started, record.id))
        return [self._judged(record) for record in found[:limit]]

    def judged(self, specialist: str, checks: Set[str]) -> list[Judged]:
        """Return the newest requests of which their tenant, or one of these checks, has said what they were."""
        mine = [each for each in self._of(specialist) if each.specialist == specialist]
        told = [each for each in mine if each.id in self._said or _has_failed(each, checks)]
        return [self._judged(record) for record in told[-JUDGED:]]

    def forget_all_but(self, specialists: Iterable[str]) -> None:
        """Forget the requests of specialists that are gone."""
        for gone in self._by_specialist.keys() - set(specialists):
            for id in list(self._by_specialist[gone]):
                self._release(gone, id)

    def _of(self, specialist: str) -> list[RequestRecord]:
        mine = self._by_specialist.get(specialist)
        return [] if mine is None else [self._records[id] for id in mine]

    def _judged(self, record: RequestRecord) -> Judged:
        return Judged(record, self._said.get(record.id, ()))

    def _drop(self, id: str) -> None:
        for specialist in list(self._whose.get(id, ())):
            self._release(specialist, id)

    def _release(self, specialist: str, id: str) -> None:
        """Take a request out of a specialist's past; in nobody's any more it is forgotten."""
        mine, whose = self._by_specialist[specialist], self._whose[id]
        del mine[id]
        whose.remove(specialist)
        if not mine:
            del self._by_specialist[specialist]
        if not whose:
            del self._records[id], self._whose[id]
            self._said.pop(id, None)


def _concerned(record: RequestRecord) -> set[str]:
    """Return who answered a request, and who failed it."""
    failed = {each.specialist for each in record.attempts if each.outcome == "failed"}
    return failed if record.specialist is None else {record.specialist, *failed}


def _has_failed(record: RequestRecord, checks: Set[str]) -> bool:
    return any(not checks.isdisjoint(each.failed) for each in record.assessments)


def _without_features(record: RequestRecord) -> RequestRecord:
    """Return a record without what only the router learns from: it is most of its size."""
    assessments = tuple([msgspec.structs.replace(each, features=b"") for each in record.assessments])
    return msgspec.structs.replace(record, assessments=assessments, routing=None, context=None)
