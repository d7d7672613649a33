"""What the router passes on: what it found out about a request, and who is to do which part of it."""

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.records import RoutingRecord
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.choice import Option
from guardian_cluster.request.decomposition import Part
from guardian_cluster.request.needs import Needs
from guardian_cluster.request.requirements import Profile
from guardian_cluster.request.steering.way import Way
from guardian_cluster.specialists.specialist import Task
from guardian_cluster.statistics.hashing import Features


class RoutingAnalysis(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a request before anyone is asked."""

    request: UserRequest
    """With the lowest of the limits that hold for what it may cost."""
    requested: str
    """The specialist's name behind the alias asked for, or `auto`."""
    needs: Needs
    question: str = ""
    """What the user said last."""
    profile: Profile | None = None
    """`None` where nothing depends on it: somebody was asked for by name, or only one is able."""
    features: Features | None = None
    parts: tuple[Part, ...] = ()
    """Empty where the request is left whole."""
    way: Way | None = None
    """What the moves in force make of it; `None` where there are none."""


class SpecialistAssignment(msgspec.Struct, frozen=True, kw_only=True):
    """One specialist's part in answering a request."""

    id: str
    specialist_id: str
    task: Task
    alternatives: tuple[contract.Specialist, ...] = ()
    """Specialists that may do it instead, in order."""
    propensity: float = 1.0
    """The probability with which this specialist was chosen."""
    reason: str
    option: Option | None = None
    """What the router expected of this specialist; `None` where there was nothing to choose."""
    ladder: tuple[Option, ...] = ()
    """Who else may be asked where the answer is likely wrong."""
    reserve: tuple[contract.Specialist, ...] = ()
    """The specialists of the ladder."""
    mistake_usd: float = 0.0
    """What a wrong answer costs, as the request has it: in the dollars that the ladder's prices are in."""
    part: Part | None = None
    """Which part of the request it is; `None` is all of it."""
    routing: RoutingRecord | None = None
    way: Way | None = None
    """The whole request's: see `RoutingAnalysis`."""

    def instead(self, name: str) -> "SpecialistAssignment":
        """Return the assignment of the same work to one of the ladder; where it fails, the answer before it stands."""
        chosen = next(other for other in self.reserve if other.name == name)
        task = msgspec.structs.replace(self.task, specialist=chosen, variant=chosen.variants[0])
        return msgspec.structs.replace(
            self,
            id=f"{self.id}+",
            specialist_id=name,
            task=task,
            alternatives=tuple(
                each for each in (*self.alternatives, *self.reserve) if each.name in chosen.equals
            ),
            reason=f"the answer of `{self.specialist_id}` is likely wrong",
            option=next((option for option in self.ladder if option.name == name), None),
            ladder=tuple(option for option in self.ladder if option.name != name),
        )
