"""Watches all signals of one specialist: what is expected, the evidence against it, and the alarms that are open."""

import math
from collections.abc import Mapping

import msgspec
import numpy as np

from guardian_cluster.domain.alarm import Acceptance, Alarm
from guardian_cluster.domain.monitoring import SignalReading
from guardian_cluster.domain.observation import DIMENSIONS, SIGNALS, Observation, Signal
from guardian_cluster.monitoring.alarm_evidence import Fault, alarm_of, fault, narrowed, reading
from guardian_cluster.monitoring.alarm_marks import MarkShares
from guardian_cluster.monitoring.alarm_newcomers import (
    Excuses,
    Past,
    Rows,
    has_changed,
    is_brought,
    is_of_newcomers,
    own_rows,
)
from guardian_cluster.monitoring.alarm_open import OpenAlarm, opened
from guardian_cluster.monitoring.alarm_places import Places, PlaceTable
from guardian_cluster.monitoring.alarm_recent import Recent
from guardian_cluster.monitoring.alarm_state import WatchState
from guardian_cluster.monitoring.alarm_traffic import Traffic
from guardian_cluster.monitoring.alarm_weights import MARK, STREAMS, Known, checked, weights
from guardian_cluster.statistics.e_detector import EDetectors, Flags, Floats, expit
from guardian_cluster.statistics.expected_rate import ExpectedRates, design

LEARNED_BEFORE = 200
"""Requests of a signal; before that nothing is expected of it."""

QUARANTINE = 1_000
"""A request is learned from when so many others have come; while little is known, a third of what is."""

_LEAST_QUARANTINE = 60
_LARGEST_BATCH = 400
_MEMORY_DAYS = 7.0
_MEMORY = (5_000.0, 70_000.0)
"""In requests, for very little and very much traffic: five days of others, so that every hour was seen some times."""

_MIXED_LIKE = 300
"""The newest requests, whose mix of slices counts where it is asked how sure the expected loss is."""

_MOST_OPEN = 20
"""Alarms of one stream at a time. More would be one fault in many small places."""

_FROM_AFAR = 8
"""Newton's steps, of at most 2 each: to a slice that loses all where others lose one in 1,000 it is some 12."""

_STEP = 32
_LEAST_GROWTH = 1e-12
_LEAST_USUAL = 0.001
_WHOLE: Places = np.zeros(1, np.int16)
_ONLY_MARK: Flags = np.arange(STREAMS) == MARK
_TENANT = DIMENSIONS.index("tenant")

_BEFORE: Mapping[str, float] = {
    "model": 0.25,
    "endpoint": 0.25,
    "variant": 0.25,
    "tenant": 0.6,
    "topic": 0.6,
    "language": 0.6,
    "template": 0.6,
    "revision": 0.01,
}
"""How far the log-odds of a new value may be off everything's, as a standard deviation. What callers bring may be as
hard as it likes. What the cluster chose itself is expected to be hardly worse, or a bad variant would be excused; a
revision changes everything at once, and what it does is never usual."""

_COMBINED_BEFORE = 0.01


_NARROWED_AT = (20, 40, 80, 160, 320, 640)
"""Requests since its onset at which an alarm of everything is looked at again: of three nobody can tell whose."""


def _is_to_be_narrowed(alarm: Alarm) -> bool:
    return not alarm.where and alarm.requests in _NARROWED_AT


class SpecialistWatch:
    """All that is known of one specialist's signals. `take` costs some 50 µs; batches are learned from in between."""

    def __init__(self, specialist: str, most_slices: int) -> None:
        self.specialist = specialist
        self.traffic = Traffic()
        self.open: list[OpenAlarm] = []
        self._most_slices = most_slices
        self._table = PlaceTable(most_slices)
        self._room = min(_STEP, most_slices)
        self._recent = Recent(STREAMS)
        self._rates = ExpectedRates(self._room, STREAMS)
        self._detectors = EDetectors(self._room, STREAMS)
        self._known: Known = {}
        self._seen: Flags = np.zeros(STREAMS, np.bool_)
        self._has_seen_all = False
        self._ready: Flags = np.zeros(STREAMS, np.bool_)
        self._requests = 0.0
        self._marks = MarkShares()
        self._excuses = Excuses()
        self._weigh()

    def take(self, observation: Observation, losses: Floats, bound: float) -> tuple[list[Alarm], list[Alarm]]:
        """Take in a request's losses by stream, NaN where nothing is known; return alarms raised, and closed."""
        at = observation.at if math.isfinite(observation.at) else max(self.traffic.latest, 0.0)
        places, new = self._table.of(observation)
        if new:
            self._make_room(new)
        heard = losses == losses
        self._note_seen(heard)
        here = places[places > 0]
        odds = self._rates.log_odds(at, here)
        covering = [each for each in self.open if heard[each.stream] and each.covers(observation)]
        spoilt = np.zeros(STREAMS, np.bool_)
        for each in covering:
            spoilt[each.stream] = True
        self._recent.add(observation.id, at, places, losses, odds, spoilt)
        judged = heard & self._ready & ~spoilt
        self._gather(at, places, here, np.where(heard, losses, 0.0), odds, judged)
        closed = [
            self._close(each, each.closed(at, "recovered"))
            for each in covering
            if each.take(float(losses[each.stream]), float(odds[each.stream]))
        ]
        narrower = [self._narrow(each, at) for each in list(self.open) if _is_to_be_narrowed(each.alarm)]
        raised = self._raise(at, judged, bound)
        self._learn()
        return raised, closed + [each for each in narrower if each is not None]

    def _note_seen(self, heard: Flags) -> None:
        if not self._has_seen_all and (heard & ~self._seen).any():
            self._seen |= heard
            self._has_seen_all = bool(self._seen.all())
            self._weigh()

    def _gather(
        self, at: float, places: Places, here: Places, losses: Floats, odds: Floats, judged: Flags
    ) -> None:
        """Gather evidence from the streams that are judged, in the places of a request and in everything."""
        if judged[MARK]:
            self._bet(at, self._marked(places), losses, odds, judged & _ONLY_MARK)
            judged = judged & ~_ONLY_MARK
        if judged.any():
            self._bet(at, np.concatenate((_WHOLE, here)), losses, odds, judged)

    def _bet(self, at: float, places: Places, losses: Floats, odds: Floats, judged: Flags) -> None:
        if len(places):
            most = expit(odds + self._rates.margins(at, places))
            counted = judged.astype(np.float64)
            self._detectors.take(places, counted, losses, most)
            self.traffic.bet(float((self._weights[places] @ counted).sum()))

    def _marked(self, places: Places) -> Places:
        """Return where a caller's mark counts: with its tenant always, elsewhere while the tenant has few there."""
        if self._marks.take(int(places[_TENANT])):
            return np.concatenate((_WHOLE, places[places > 0]))
        own = places[_TENANT : _TENANT + 1]
        return own[own > 0]

    def _raise(self, at: float, judged: Flags, bound: float) -> list[Alarm]:
        levels = self._detectors.levels(self._weights)
        enough = np.flatnonzero(judged & (levels >= bound))
        return [
            alarm
            for stream in enough
            for alarm in self._raised(int(stream), at, float(levels[stream]), bound)
        ]

    def _raised(self, stream: int, at: float, level: float, bound: float) -> list[Alarm]:
        """Return the alarm of a stream whose evidence is enough, and gather it anew."""
        place, magnitude = self._detectors.likeliest(stream, self._weights)
        if sum(each.stream == stream for each in self.open) >= _MOST_OPEN:
            self._detectors.restart(stream)
            return []
        caution = float(self._rates.margins(at, np.array([place], np.int16))[0, stream])
        found = fault(self._recent, place, stream, magnitude, caution)
        if place == 0:
            place, found = narrowed(self._recent, found, stream)
        if place == 0 and is_of_newcomers(self._recent, found.rows, stream, self._unlearned(stream)):
            return []  # the evidence stays, until others show the fault as well or the newcomers are told apart
        self._detectors.restart(stream)
        if self._was_always_so(place, stream, found):
            return []
        where = self._table.slices[place]
        self._recent.spoilt[found.rows, stream] = True
        alarm = alarm_of(
            self.specialist, stream, where, found, self._recent, at=at, evidence=math.log(level), bound=bound
        )
        self.open.append(opened(alarm, stream))
        return [alarm]

    def _unlearned(self, stream: int) -> Flags:
        """Return the places that callers brought and of which nothing was learned so far."""
        slices = self._table.slices
        known = [self._rates.known_of(stream, place) for place in range(len(slices))]
        return np.array([is_brought(where) and not known[place] for place, where in enumerate(slices)])

    def _was_always_so(self, place: int, stream: int, found: Fault) -> bool:
        """Return whether a slice that callers brought is as bad as it was from its first request on.

        Then that is what is expected of it from now on, at once.
        """
        if not is_brought(self._table.slices[place]) or not len(found.rows):
            return False
        usual = min(max(found.expected, _LEAST_USUAL), 1.0 - _LEAST_USUAL)
        learned = self._rates.known_of(stream, place) / (usual * (1.0 - usual))
        if has_changed(self._recent, place, stream, int(found.rows[0]), Past(learned, usual)):
            return False
        if not self._excuses.give(stream, self._requests):
            return False
        self._learn_at_once(place, stream, own_rows(self._recent, place, stream))
        return True

    def _learn_at_once(self, place: int, stream: int, rows: Rows) -> None:
        """Expect of a slice what these requests of it lost; what was known of its own loss is forgotten."""
        recent = self._recent
        self._rates.unlearn(stream, place)
        losses = np.full((len(rows), STREAMS), np.nan)
        losses[:, stream] = recent.losses[rows, stream]
        self._rates.learn(
            design(recent.times[rows], recent.places[rows], self._room), losses, 1.0, steps=_FROM_AFAR
        )
        recent.spoilt[rows, stream] = True  # each request is learned from once
        self._settle()

    def _narrow(self, each: OpenAlarm, at: float) -> Alarm | None:
        """Look again where an open alarm's fault really is; return the alarm where it is narrower than was said."""
        recent = self._recent
        since = (recent.times >= each.alarm.onset) & ~np.isnan(recent.losses[:, each.stream])
        rows = np.flatnonzero(since & ~self._of_others(each))
        if len(rows) < _NARROWED_AT[0]:
            return None
        place, found = narrowed(recent, Fault(rows, each.alarm.expected, each.alarm.observed), each.stream)
        if not place:
            return None
        recent.spoilt[rows, each.stream] = False  # what others lost meanwhile is theirs again
        if self._was_always_so(place, each.stream, found):
            each.alarm = msgspec.structs.replace(each.alarm, where=self._table.slices[place])
            return self._close(each, each.closed(at, "always_so"))
        recent.spoilt[found.rows, each.stream] = True
        where, count = self._table.slices[place], len(found.rows)
        each.alarm = msgspec.structs.replace(
            each.alarm, where=where, expected=found.expected, observed=found.observed, requests=count
        )
        each.narrow(found.expected, found.observed, count)
        return each.alarm

    def _of_others(self, each: OpenAlarm) -> Flags:
        """Return which of the latest requests other open alarms of the stream are about."""
        slices, theirs = self._table.slices, np.zeros(len(self._recent), np.bool_)
        for other in self.open:
            if other is not each and other.stream == each.stream and other.alarm.where in slices:
                theirs |= self._recent.inside(slices.index(other.alarm.where))
        return theirs

    def _close(self, each: OpenAlarm, closed: Alarm) -> Alarm:
        self.open.remove(each)
        return closed

    def wait(self, watched_s: float, at: float) -> list[Alarm]:
        """Take in that it was watched for so long; return the alarms that are closed because nobody comes to them."""
        silent = [each for each in self.open if each.wait(watched_s)]
        return [self._close(each, each.closed(at, "silent")) for each in silent]

    def accept(self, id: str, acceptance: Acceptance) -> Alarm | None:
        """Close an alarm whose fault is usual from now on: what is expected is learned anew, from the fault itself."""
        found = self._opened(id)
        if found is None:
            return None
        self._learn_anew(found)
        return self._close(found, found.closed(acceptance.at, "accepted", acceptance))

    def end(self, id: str, at: float) -> Alarm | None:
        """Close an alarm because what it is about is there no more; nothing is learned from its fault."""
        found = self._opened(id)
        return None if found is None else self._close(found, found.closed(at, "gone"))

    def _opened(self, id: str) -> OpenAlarm | None:
        return next((each for each in self.open if each.alarm.id == id), None)

    def _learn_anew(self, accepted: OpenAlarm) -> None:
        where, stream = accepted.alarm.where, accepted.stream
        place = self._table.slices.index(where) if where in self._table.slices else 0
        recent = self._recent
        during = recent.inside(place) & recent.spoilt[:, stream] & ~np.isnan(recent.losses[:, stream])
        recent.spoilt[:, stream] |= recent.inside(place)
        # A revision is everybody's sooner or later: its fault is accepted as that of everything.
        if len(where) == 1 and where[0][0] != "revision" and place:
            self._learn_at_once(place, stream, np.flatnonzero(during))
        else:
            recent.spoilt[during, stream] = False
            self._rates.unlearn(stream)
        self._ready = self._rates.learned >= LEARNED_BEFORE
        self._detectors.restart(stream)

    def know(self, known: Known) -> None:
        """Give weight to faults that are thought likely. Raises ValueError where it is none.

        Evidence that would count for more than before is gathered anew: weight is given before, not after the fact.
        """
        self._known = checked(known)
        new = [self._table.ensure(where) for _, where in self._known]
        self._make_room([place for place, is_new in new if is_new])
        before = self._weights
        self._weigh()
        self._detectors.drop(self._weights > before + _LEAST_GROWTH)

    def _make_room(self, new: list[int]) -> None:
        """Begin anew in places that were given to other slices."""
        if not new:
            return
        if len(self._table.slices) > self._room:
            self._room = min(len(self._table.slices) + _STEP, self._most_slices)
            self._rates.reserve(self._room)
            self._detectors.reserve(self._room)
        for place in new:
            where = self._table.slices[place]
            before = _BEFORE[where[0][0]] if len(where) == 1 else _COMBINED_BEFORE
            self._rates.place(place, before)
            self._detectors.forget(place)
            self._recent.forget_place(place)
        self._weigh()

    def _weigh(self) -> None:
        self._weights = weights(self._table.slices, self._room, self._seen, self._known)

    def _learn(self) -> None:
        """Learn from the oldest requests once enough others have come after them."""
        quarantine = min(max(int(self._requests / 3.0), _LEAST_QUARANTINE), QUARANTINE)
        batch = min(max(int(self._requests / 10.0), _LEAST_QUARANTINE), _LARGEST_BATCH)
        if len(self._recent) < quarantine + batch:
            return
        recent = self._recent
        rows = design(recent.times[:batch], recent.places[:batch], self._room)
        losses = np.where(recent.spoilt[:batch], np.nan, recent.losses[:batch]).astype(np.float64)
        low, high = _MEMORY
        memory = min(max(_MEMORY_DAYS * self.traffic.per_day, low), high)
        kept = (1.0 - 1.0 / memory) ** batch
        self._rates.learn(rows, losses, kept)
        self._ready = self._rates.learned >= LEARNED_BEFORE
        self._requests += batch
        recent.drop(batch)
        self._table.fade(kept)
        self._settle()

    def _settle(self) -> None:
        """Work out anew how sure what is expected is."""
        recent = self._recent
        newest = design(recent.times[-_MIXED_LIKE:], recent.places[-_MIXED_LIKE:], self._room)
        self._rates.settle(newest.mean(axis=0), self._table.groups(self._room))

    def expected(self, observation: Observation) -> dict[Signal, float]:
        """Return which loss is expected of a request on each signal of which enough is known."""
        places, new = self._table.of(observation)
        self._make_room(new)
        rates = expit(self._rates.log_odds(observation.at, places[places > 0]))
        ready = self._ready
        return {signal: float(rates[n]) for n, signal in enumerate(SIGNALS) if ready[n]}

    def readings(self) -> tuple[SignalReading, ...]:
        """Return how each signal stands in the latest requests."""
        ready = self._ready
        found = (reading(self._recent, stream, is_ready=bool(ready[stream])) for stream in range(STREAMS))
        return tuple(each for each in found if each is not None)

    def state(self) -> WatchState:
        """Return all that is known."""
        return WatchState(
            specialist=self.specialist,
            traffic=self.traffic,
            open=self.open,
            places=self._table.state(),
            room=self._room,
            recent=self._recent.state(),
            rates=self._rates.state(),
            detectors=self._detectors.state(),
            known=[(signal, where, weight) for (signal, where), weight in self._known.items()],
            seen=[bool(each) for each in self._seen],
            requests=self._requests,
            marked_by=self._marks.counted,
            excused=self._excuses.given,
        )

    @classmethod
    def restored(cls, state: WatchState, most_slices: int) -> "SpecialistWatch":
        """Return a watch that goes on where another one was. Raises ValueError where the state is not sound."""
        watch = cls(state.specialist, most_slices)
        watch._table.restore(state.places)
        if (
            not len(state.places.slices) <= state.room <= max(most_slices, _STEP)
            or len(state.seen) != STREAMS
        ):
            raise ValueError("the sizes of an alarm state do not fit together")
        watch.traffic, watch.open, watch._room = state.traffic, list(state.open), state.room
        watch._recent.restore(state.recent)
        watch._rates = ExpectedRates.restored(state.rates, state.room, STREAMS)
        watch._detectors = EDetectors.restored(state.detectors, state.room, STREAMS)
        watch._known = checked({(signal, where): weight for signal, where, weight in state.known})
        watch._seen = np.array(state.seen, np.bool_)
        watch._ready = watch._rates.learned >= LEARNED_BEFORE
        watch._requests, watch._marks = state.requests, MarkShares(state.marked_by)
        watch._excuses = Excuses(state.excused)
        watch._weigh()
        return watch
