"""Which endpoints may answer an assignment, in tiers: who is balanced with whom, and who stands in."""

from collections.abc import Iterable

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.balancing.plan import Candidate

Tiers = tuple[tuple[Candidate, ...], ...]


class Planning:
    """The specialists of one snapshot and their endpoints."""

    def __init__(self, specialists: Iterable[contract.Specialist] = ()) -> None:
        self._specialists = {each.name: each for each in specialists}
        self._first = {each.name: self._with_equals(each) for each in self._specialists.values()}
        self._alone = {each.name: _candidates(each) for each in self._specialists.values()}

    @property
    def names(self) -> Iterable[str]:
        """The specialists."""
        return self._specialists

    def groups(self) -> list[tuple[str, ...]]:
        """Return the endpoints that carry one another's load, by their ids, for each specialist."""
        return [tuple(each.endpoint.id for each in tier) for tier in self._first.values()]

    def tiers(self, assignment: SpecialistAssignment) -> Tiers:
        """Return who may be asked for an assignment: its specialist with its equals, then each that may do it instead.

        Its own specialists as it has them: a snapshot that came since is for requests that come later. Who may do it
        instead was found able and allowed to; equals are among them.
        """
        first, others = assignment.task.specialist, assignment.alternatives
        equals = [each for each in others if each.name in first.equals]
        own = self._of(first)
        tiers = [sum([self._of(each) for each in equals], own) if equals else own]
        return (*tiers, *(self._of(each) for each in others if each not in equals))

    def _of(self, specialist: contract.Specialist) -> tuple[Candidate, ...]:
        is_known = self._specialists.get(specialist.name) is specialist
        return self._alone[specialist.name] if is_known else _candidates(specialist)

    def _with_equals(self, specialist: contract.Specialist) -> tuple[Candidate, ...]:
        names = dict.fromkeys(specialist.equals)
        equals = [self._specialists[name] for name in names if name in self._specialists]
        others = [each for each in equals if each.name != specialist.name]
        return sum([_candidates(each) for each in (specialist, *others)], ())


def _candidates(specialist: contract.Specialist) -> tuple[Candidate, ...]:
    return tuple([Candidate(specialist, endpoint) for endpoint in specialist.endpoints])
