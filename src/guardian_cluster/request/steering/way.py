"""One request's way: which of the moves in force concern it, and which have changed it."""

from collections.abc import Callable, Collection

from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.domain.errors import LimitExceeded
from guardian_cluster.domain.observation import TRIED, Slice
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.steering.in_force import InForce, Refused
from guardian_cluster.request.subject import Subject

OVERLOADED = "overloaded"

LONGEST_SHED_S = 10.0
"""After which who was refused may ask again: the line of requests that could be answered is gone by then
(`balancing.wait_s` has the same default)."""

LEAST_SHED_S = 1.0


class Way:
    """What moves make of one request. Whether it is among a share is drawn once, for all that is asked of it."""

    def __init__(
        self,
        request: UserRequest,
        in_force: InForce,
        subject_of: Callable[[UserRequest], Subject],
        chance: Callable[[], float],
        now: float,
    ) -> None:
        self.in_force = in_force
        """The moves that held when it came. Drains that came since hold for it, too: see the Load Balancer."""
        self._request = request
        self._subject_of = subject_of
        self._subject: Subject | None = None
        self._chance = chance
        self._now = now
        self._drawn: dict[str, float] = {}
        self._noted: dict[str, None] = {}

    @property
    def moves(self) -> tuple[str, ...]:
        """The ids of the actions that changed it so far, in the order in which they did."""
        return tuple(self._noted)

    def note(self, *ids: str) -> None:
        """Note actions that changed it."""
        self._noted.update(dict.fromkeys(ids))

    def note_asked(self, specialist: str, endpoint: str) -> None:
        """Note what an endpoint that is about to be asked has to do with moves."""
        self.note(*self.in_force.concerning(specialist, endpoint))
        self.note(*(f"{id}{TRIED}" for id in self.in_force.tried_by(specialist, endpoint, self.draws)))

    def draws(self, id: str, share: float) -> bool:
        """Return whether it is among the share of an action's requests."""
        if share <= 0.0 or share >= 1.0:
            return share >= 1.0
        drawn = self._drawn.get(id)
        if drawn is None:
            drawn = self._drawn[id] = self._chance()
        return drawn < share

    def is_in(self, where: Slice) -> bool:
        """Return whether it is in a slice; one by which requests cannot be told apart beforehand has none."""
        return all(self._value(name) == value for name, value in where)

    def is_open(self, specialist: Specialist, *, firmly: bool = False) -> bool:
        """Return whether it may be given to a specialist: see `InForce.is_open`."""
        return self.in_force.is_open(specialist, self.draws, firmly=firmly)

    def drained_by(self, specialist: Specialist) -> list[str]:
        """Return the actions that keep it from endpoints of a specialist."""
        endpoints = specialist.endpoints
        return [
            id for each in endpoints for id in self.in_force.drained_by(specialist.name, each.id, self.draws)
        ]

    def instead_of(self, name: str, can_take: Callable[[str], bool]) -> tuple[str, list[str]]:
        """Return who is asked first in the place of a specialist, and by which actions.

        That is itself where no reroute applies: to those who cannot take the request none does. Where who takes it is
        rerouted as well, the way goes on from there, and never in a circle.
        """
        ids, passed = list[str](), {name}
        while (found := self._next(name, can_take, passed, ids)) is not None:
            name = found
            passed.add(name)
        return name, ids

    def _next(
        self, name: str, can_take: Callable[[str], bool], passed: Collection[str], ids: list[str]
    ) -> str | None:
        for each in self.in_force.reroutes(name):
            move = each.move
            if move.to in passed or not self.is_in(move.where) or not can_take(move.to):
                continue
            if not self.draws(each.id, move.share):
                continue
            if not self.draws(each.id, move.share * move.trial):
                ids.append(each.id)
                return move.to
            ids.append(f"{each.id}{TRIED}")
        return None

    def refusal(self, specialist: str) -> LimitExceeded | None:
        """Return the refusal of the request, where it is among those that are shed; it is noted with it."""
        for each in self.in_force.sheds(specialist):
            if self.is_in(each.move.where) and self.draws(each.id, each.move.share):
                self.note(each.id)
                return overloaded(specialist, each, self._now)
        return None

    def is_shed(self, specialist: str) -> bool:
        """Return whether a specialist refuses the request."""
        sheds = self.in_force.sheds(specialist)
        return any(self.is_in(each.move.where) and self.draws(each.id, each.move.share) for each in sheds)

    def _value(self, name: str) -> str | None:
        if name == "tenant":
            return self._request.tenant
        if self._subject is None:
            self._subject = self._subject_of(self._request)
        return {"language": self._subject.language, "template": self._subject.template}.get(name)


def overloaded(specialist: str, refused: Refused, now: float) -> LimitExceeded:
    """Return the refusal of a request that is shed."""
    left_s = min(max(refused.until - now, LEAST_SHED_S), LONGEST_SHED_S)
    return LimitExceeded(
        f"`{specialist}` is overloaded: a part of its requests is refused for now, so that the others are answered; "
        f"try again in {left_s:.0f} s.",
        code=OVERLOADED,
        retry_after_s=left_s,
    )
