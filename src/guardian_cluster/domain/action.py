"""An action: one bounded change of how requests are served, in force for a time, that undoes itself.

Every move lives in the overlay of a Snapshot beside the others. What is in force is what stands there, so the inverse
of any move is that it stands there no longer, and a gateway that hears nothing any more lets it lapse by itself.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, cast, get_args

import msgspec

from guardian_cluster.domain.observation import Dimension, Slice

Loop = Literal["person", "safety", "recovery", "experiment", "optimization", "learning"]
"""Who acts. One that stands before another goes before it where both want the same scope."""

LOOPS: tuple[Loop, ...] = get_args(Loop)

RoutedBy = Literal["tenant", "language", "template"]
"""Dimensions by which a request is told apart before it is given to anybody."""

ROUTED_BY: tuple[Dimension, ...] = get_args(RoutedBy)


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag="drain"):
    """An endpoint, or all of a specialist, is not chosen; but for a share of requests that try it."""

    specialist: str
    endpoint: str = ""
    trial: float = 0.0
    """The share of requests, 0 to 1, that may still be given to it: by them it is seen whether it is well again."""


class Reroute(msgspec.Struct, frozen=True, kw_only=True, tag="reroute"):
    """Requests for one specialist are given to another first; the one asked for stays behind it as a last resort."""

    specialist: str
    to: str
    where: Slice = ()
    """Only those; of dimensions by which requests are told apart beforehand (`ROUTED_BY`)."""
    share: float = 1.0
    """Of these requests, 0 to 1."""
    trial: float = 0.0
    """Of those that would be given away, the share that tries the specialist: to see whether it is well again."""
    as_backup: bool = False
    """Whether it is the activation of a backup: everything goes there because nothing else helps."""


class LimitConcurrency(msgspec.Struct, frozen=True, kw_only=True, tag="concurrency"):
    """An endpoint is given so many requests at once, and no more."""

    specialist: str
    endpoint: str
    most: int


class UseVariant(msgspec.Struct, frozen=True, kw_only=True, tag="variant"):
    """All requests of a specialist are answered by one of its variants."""

    specialist: str
    variant: str


class ChangeTimeouts(msgspec.Struct, frozen=True, kw_only=True, tag="timeouts"):
    """A specialist's model is waited for so long, in seconds; `None` is as configured."""

    specialist: str
    first_token_s: float | None = None
    between_chunks_s: float | None = None
    total_s: float | None = None


class RenewPool(msgspec.Struct, frozen=True, kw_only=True, tag="pool"):
    """Connections to an endpoint that are open are used no more; new ones are made. Done once."""

    specialist: str
    endpoint: str


class Reprobe(msgspec.Struct, frozen=True, kw_only=True, tag="probe"):
    """What was held against an endpoint is forgotten: it is tried at once. Done once."""

    specialist: str
    endpoint: str


class Restart(msgspec.Struct, frozen=True, kw_only=True, tag="restart"):
    """The local process in which a built-in specialist works is started anew. Done once."""

    specialist: str


class Shed(msgspec.Struct, frozen=True, kw_only=True, tag="shed"):
    """A share of the requests for a specialist is refused at once, so that the others are answered."""

    specialist: str
    where: Slice = ()
    share: float


Move = Drain | Reroute | LimitConcurrency | UseVariant | ChangeTimeouts | RenewPool | Reprobe | Restart | Shed

MoveKind = Literal[
    "drain", "reroute", "backup", "concurrency", "variant", "timeouts", "pool", "probe", "restart", "shed"
]
"""As a playbook names them. `backup` is a Reroute to a backup of the specialist."""


def kind_of(move: Move) -> MoveKind:
    """Return what a playbook calls a move."""
    is_backup = isinstance(move, Reroute) and move.as_backup
    return "backup" if is_backup else cast("MoveKind", move.__struct_config__.tag)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The requests that a move concerns."""

    specialist: str
    endpoint: str = ""
    """Empty is all of them, as of `where`."""
    where: Slice = ()

    def overlaps(self, other: "Scope") -> bool:
        """Return whether a request can be in both."""
        if self.specialist != other.specialist:
            return False
        if self.endpoint and other.endpoint and self.endpoint != other.endpoint:
            return False
        mine, others = dict(self.where), dict(other.where)
        return all(mine[name] == others[name] for name in mine.keys() & others.keys())

    def __str__(self) -> str:
        parts = [self.specialist, self.endpoint, *(f"{name}={value}" for name, value in self.where)]
        return " ".join(part for part in parts if part)


class HeldMove(msgspec.Struct, frozen=True, kw_only=True):
    """A move as it stands in an overlay."""

    id: str
    """Of its action; records of requests that it changed name it."""
    until: float
    """Unix time from which on it is no more, whatever anybody says or does not say."""
    loop: Loop = "recovery"
    move: Move


ActionState = Literal["active", "undone", "lapsed", "displaced", "refused"]
"""active: in force; undone: taken back; lapsed: its time was over; displaced:
one that goes before it wanted its scope; refused: it never was in force, the note says why."""

ENDED: frozenset[ActionState] = frozenset({"undone", "lapsed", "displaced", "refused"})
"""From none of these an action comes back: whoever wants the move again takes a new one."""


NEVER_IN_FORCE: frozenset[ActionState] = frozenset({"refused"})
"""What has one of these states has changed nothing."""


def known_moves(held: Iterable[msgspec.Raw]) -> tuple[HeldMove, ...]:
    """Return moves in force from their JSON, without those of a kind that this program does not know.

    A newer program may have written them: who does not know how to obey one obeys the others. Raises
    msgspec.DecodeError for what is no JSON.
    """
    found: list[HeldMove] = []
    for each in held:
        with suppress(msgspec.ValidationError):
            found.append(msgspec.json.decode(each, type=HeldMove))
    return tuple(found)


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One move with who made it, what for, and what became of it."""

    id: str
    """The same however often the step that takes it is done."""
    incident_id: str = ""
    family: str = ""
    """The incident that its own is folded into: what one loop does for both is one plan. Empty where it is its own."""
    loop: Loop = "recovery"
    move: Move
    scope: Scope
    state: ActionState
    taken: float
    """Unix time, and of `until` and `ended`."""
    until: float
    ended: float | None = None
    blast_radius: float = 1.0
    """The share of the specialist's requests that it concerns, 0 to 1: at most, by its scope."""
    who: str = "recovery"
    """The person, or the loop."""
    note: str = ""
    """Why it came into this state."""

    def held(self) -> HeldMove:
        """Return it as it stands in an overlay."""
        return HeldMove(id=self.id, until=self.until, loop=self.loop, move=self.move)
