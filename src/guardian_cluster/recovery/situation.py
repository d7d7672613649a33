"""What is known when it is decided what to do about a failure: one value, from which everything else follows."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

import msgspec

from guardian_cluster.contract.snapshot import Endpoint, Specialist
from guardian_cluster.domain.action import ROUTED_BY, Drain, HeldMove, Reroute
from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.diagnosis import Diagnosis
from guardian_cluster.domain.incident import FailureEvent, Severity
from guardian_cluster.domain.observation import Observation, Slice, holds, slice_of
from guardian_cluster.recovery.evidence import brought

LEAST = 5
"""Requests of an endpoint, below which nothing is said of it."""

FAILING = 0.5
"""The share of tries that fail at an endpoint that is not well, whatever the failure is about."""


def place_of(event: FailureEvent, diagnosis: Diagnosis | None) -> Slice:
    """Return where a failure is: as diagnosed; where nothing was localised, as the event says."""
    return diagnosis.where if diagnosis is not None and diagnosis.findings else event.where


class Situation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One failure, its diagnosis, and what is served."""

    event: FailureEvent
    diagnosis: Diagnosis | None
    severity: Severity
    specialist: Specialist
    bad: float
    """From this mean loss on something is taken to be bad (`validation.still_bad_from`)."""
    by_marks: bool = False
    """Whether only requests that their callers marked tell of it."""
    recent: Sequence[Observation] = ()
    """The specialist's requests since the onset."""
    moves: Sequence[HeldMove] = ()
    """In force."""
    backups: Sequence[str] = ()
    """Specialists that may and can take its requests now, best first."""
    unwell: Collection[str] = ()
    """Specialists with a fault of their own."""
    changes: Sequence[ChangeEvent] = ()
    """Near the onset, those that fit best first."""
    hold_s: float = 900.0

    @property
    def where(self) -> Slice:
        """The slice to act on."""
        return place_of(self.event, self.diagnosis)

    @property
    def routed(self) -> Slice | None:
        """The slice as requests can be told apart beforehand; `None` where they cannot."""
        routed = slice_of({name: value for name, value in self.where if name in ROUTED_BY})
        return routed if len(routed) == len(self.where) else None

    @cached_property
    def faulty(self) -> tuple[Endpoint, ...]:
        """The endpoints that the slice names, by themselves or by their model; none where it names none.

        The only endpoint of a specialist is named wherever the fault is not one of certain requests.
        """
        values = dict(self.where)
        endpoints = self.specialist.endpoints
        if "endpoint" in values:
            return tuple(each for each in endpoints if each.id == values["endpoint"])
        if "model" in values:
            return tuple(each for each in endpoints if each.model == values["model"])
        return endpoints if len(endpoints) == 1 and not brought(self.where) else ()

    @cached_property
    def shares(self) -> Mapping[str, float]:
        """The share of recent requests that each endpoint was given; equal shares where too few are known."""
        asked = [each.dimensions["endpoint"] for each in self.recent if "endpoint" in each.dimensions]
        names = [each.id for each in self.specialist.endpoints]
        if len(asked) < LEAST * max(len(names), 1):
            return {name: 1.0 / len(names) for name in names}
        return {name: asked.count(name) / len(asked) for name in names}

    def share_given(self, endpoints: Collection[str]) -> float:
        """Return the share of recent requests that these endpoints were given, 0 to 1."""
        return min(sum(self.shares[each] for each in endpoints), 1.0)

    def is_well(self, endpoint: str) -> bool:
        """Return whether an endpoint is not drained, and not seen to be bad."""
        if self.is_drained(self.specialist.name, endpoint):
            return False
        tries = [each.outcome for one in self.recent for each in one.tries if each.endpoint == endpoint]
        if len(tries) >= LEAST and tries.count("failed") >= FAILING * len(tries):
            return False
        # What another endpoint had before it, and failed, is not its doing.
        losses = [
            each.losses[self.event.signal]
            for each in self.recent
            if each.dimensions.get("endpoint") == endpoint
            and self.event.signal in each.losses
            and (each.feedback is not None or not self.by_marks)
            and all(one.endpoint == endpoint for one in each.tries)
        ]
        return len(losses) < LEAST or sum(losses) / len(losses) < self.bad

    def is_drained(self, specialist: str, endpoint: str = "") -> bool:
        """Return whether an endpoint, or all of a specialist, is left out now."""
        drains = (held.move for held in self.moves if isinstance(held.move, Drain))
        return any(each.specialist == specialist and each.endpoint in ("", endpoint) for each in drains)

    @property
    def equals(self) -> tuple[str, ...]:
        """The specialist's equals that can take more."""
        equals = self.specialist.equals
        return tuple(each for each in equals if each not in self.unwell and not self.is_drained(each))

    @property
    def ready(self) -> tuple[str, ...]:
        """The backups that can take more, those first that take nobody else's requests yet.

        Never one whose own requests are rerouted, or two that fail would send their requests to each other.
        """
        reroutes = [held.move for held in self.moves if isinstance(held.move, Reroute)]
        away = {each.specialist for each in reroutes}
        busy = {each.to for each in reroutes if each.specialist != self.specialist.name}
        names = [each for each in self.backups if each not in away and not self.is_drained(each)]
        return tuple(sorted(names, key=lambda each: each in busy))

    def is_rerouted(self, where: Slice) -> bool:
        """Return whether requests of just this slice are given to somebody else already."""
        reroutes = (held.move for held in self.moves if isinstance(held.move, Reroute))
        return any((each.specialist, each.where) == (self.specialist.name, where) for each in reroutes)

    def share_of(self, where: Slice) -> float:
        """Return the share of recent requests that are in a slice; 1 where too few are known."""
        if len(self.recent) < LEAST or not where:
            return 1.0
        return sum(holds(where, each) for each in self.recent) / len(self.recent)
