"""Decides who may wait, who waits no longer, and who is next: the waiting room without its tasks and timers."""

from collections import OrderedDict
from collections.abc import Container, Hashable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from guardian_cluster.contract.snapshot import BalancingPolicy
from guardian_cluster.request.waiting.fair_line import FairLine, Waiter
from guardian_cluster.request.waiting.standing import TARGET_SHARE, Standing
from guardian_cluster.request.waiting.vacancies import Vacancies

LANES_KEPT = 256
"""Lanes whose pace is remembered, those in which somebody waits not counted: more than specialists usually have."""

LONGEST_RETRY_S = 120.0
"""The OpenAI clients give up at once when told to wait longer (measured with openai 3.54)."""

SHORTEST_RETRY_S = 1.0
"""`retry-after` has whole seconds, and 0 would be taken for "at once"."""

Why = Literal["no_wait", "full", "too_long", "overloaded", "time_over"]
"""no_wait: nobody may wait, or there is no time to; full: too many wait; too_long: it would take longer than it may;
overloaded: its line stands and loses its oldest; time_over: it has waited as long as it may."""


@dataclass(slots=True, eq=False)
class Seat(Waiter):
    """One that waits for a specialist, and until when."""

    specialist: str = field(kw_only=True)
    until: float = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who is refused, and what is known of the reason."""

    specialist: str
    why: Why
    waiting: int
    """How many wait."""
    waited_s: float
    retry_after_s: float


@dataclass(slots=True)
class _LaneState:
    vacancies: Vacancies = field(default_factory=Vacancies)
    standing: Standing = field(default_factory=Standing)


S = TypeVar("S", bound=Seat)


class Admission(Generic[S]):
    """Those that wait, as many as may, each as long as it may and as there is hope."""

    def __init__(self, policy: BalancingPolicy) -> None:
        self.policy = policy
        self.line: FairLine[S] = FairLine()
        self._lanes: OrderedDict[Hashable, _LaneState] = OrderedDict()
        self._overloaded: set[Hashable] = set()

    def until(self, deadline: float, now: float) -> float:
        """Return until when one that comes now may wait."""
        last = now + self.policy.wait_s
        return deadline if deadline < last else last  # so that no number at all is no deadline

    def refusal(self, seat: S, now: float) -> Why | None:
        """Return why one that came now must not wait, if so: what cannot be served in time is refused at once."""
        left_s = seat.until - now
        if not left_s > 0.0 or self.policy.max_waiting <= 0:
            return "no_wait"
        if self._is_hopeless(seat, left_s, now):
            return "too_long"
        if len(self.line) >= self.policy.max_waiting and self._crowding(seat.key) is None:
            return "full"
        return None

    def seat(self, seat: S, now: float) -> S | None:
        """Let one wait that was not refused; return who has to make room for it."""
        pushed_out = None
        if len(self.line) >= self.policy.max_waiting and (crowding := self._crowding(seat.key)) is not None:
            pushed_out = self.line.oldest_of(crowding)
            self.leave(pushed_out, now)
        self._state(seat.lane).vacancies.begin(now)
        self.line.add(seat)
        return pushed_out

    def served(self, seat: S, now: float) -> None:
        """Let one go that found room."""
        if seat in self.line:
            self._state(seat.lane).vacancies.turn(now)
            self.line.served(seat)
            self._close(seat.lane, now)

    def leave(self, seat: S, now: float) -> None:
        """Let one wait no longer; nothing happens where it does not."""
        if seat in self.line:
            self.line.remove(seat)
            self._close(seat.lane, now)

    def next(self, closed: Container[Hashable]) -> S | None:
        """Return whose turn it is, in lanes that are not closed.

        Within a key the oldest goes first, as long as all can go in time: nobody is overtaken. Of a line that
        stands not all can, and the newest goes first: its client is the likeliest to be still there, and has the most
        time left ("adaptive LIFO", Maurer, Fail at Scale, ACM Queue 2015). The oldest of it are let go.
        """
        return self.line.first(closed, newest_first=self._overloaded)

    def overdue(self, now: float) -> list[tuple[S, Why]]:
        """Let those wait no longer whose time is over, or whose line stands, and return them."""
        found: list[tuple[S, Why]] = []
        for lane in self.line.lanes():
            oldest = self.line.oldest(lane)
            while oldest is not None and oldest.until <= now:
                found.append((oldest, "time_over"))
                self.leave(oldest, now)
                oldest = self.line.oldest(lane)
            if oldest is not None and self._stands(lane, oldest, now):
                found.append((oldest, "overloaded"))
                self.leave(oldest, now)
        return found

    def fact(self, seat: S, why: Why, now: float) -> Refusal:
        """Return what is known of a refusal."""
        return Refusal(
            specialist=seat.specialist,
            why=why,
            waiting=len(self.line),
            waited_s=max(0.0, now - seat.since),
            retry_after_s=min(max(self._wait_s(seat, now), SHORTEST_RETRY_S), LONGEST_RETRY_S),
        )

    def _is_hopeless(self, seat: S, left_s: float, now: float) -> bool:
        ahead = self.line.ahead(seat.lane, seat.key)
        each_s = self._state(seat.lane).vacancies.seconds_each(now)
        # Where nobody waits, somebody has to, or nothing would be learned of the room that comes free.
        if not ahead or each_s is None:
            return False
        if seat.lane in self._overloaded:
            left_s = min(left_s, TARGET_SHARE * self.policy.wait_s)
        return (ahead + 1) * each_s > left_s

    def _crowding(self, key: str) -> str | None:
        """Return the key that has to make room for one of `key`: others' many must not keep its few out."""
        if not self.line:
            return None
        longest = self.line.longest()
        return longest if self.line.waiting(longest) > self.line.waiting(key) + 1 else None

    def _wait_s(self, seat: S, now: float) -> float:
        """Return how long it takes until all of a lane could go, or where that is not known, what was waited so far."""
        each_s = self._state(seat.lane).vacancies.seconds_each(now)
        if each_s is not None:
            return each_s * (self.line.in_lane(seat.lane) + 1)
        oldest = self.line.oldest(seat.lane)
        return now - min(seat.since, oldest.since if oldest is not None else now)

    def _stands(self, lane: Hashable, oldest: S, now: float) -> bool:
        standing = self._state(lane).standing
        # One alone is no line that stands, however slow its endpoints are (RFC 8289 spares the last packet too).
        since = oldest.since if self.line.in_lane(lane) > 1 else None
        goes = standing.note(since, now, self.policy.wait_s)
        (self._overloaded.add if standing.stands else self._overloaded.discard)(lane)
        return goes

    def _close(self, lane: Hashable, now: float) -> None:
        """Note where nobody waits in a lane any more."""
        if not self.line.waits(lane):
            state = self._state(lane)
            state.vacancies.end(now)
            state.standing.note(None, now, self.policy.wait_s)
            self._overloaded.discard(lane)

    def _state(self, lane: Hashable) -> _LaneState:
        state = self._lanes.get(lane)
        if state is None:
            state = self._lanes[lane] = _LaneState()
            self._forget()
        self._lanes.move_to_end(lane)
        return state

    def _forget(self) -> None:
        if len(self._lanes) > LANES_KEPT:
            idle = next((lane for lane in self._lanes if not self.line.waits(lane)), None)
            self._lanes.pop(idle, None)
