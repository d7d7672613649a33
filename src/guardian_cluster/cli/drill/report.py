"""What a drill came to: for each specialist each fault, and whether users would have got their answers."""

from collections.abc import Sequence
from typing import Any

import msgspec

from guardian_cluster.cli.drill.advice import advice_for
from guardian_cluster.cli.drill.rehearsal import Company
from guardian_cluster.cli.drill.seen import Seen, Struck
from guardian_cluster.contract.snapshot import Base


class Drilled(msgspec.Struct, frozen=True, kw_only=True):
    """One specialist, and how it came through everything."""

    name: str
    endpoints: tuple[str, ...]
    equals: tuple[str, ...]
    fallback: tuple[str, ...]
    healthy: tuple[Seen, ...]
    struck: tuple[Struck, ...]
    advice: tuple[str, ...]

    @property
    def unwell(self) -> tuple[Seen, ...]:
        """Requests that were not answered though nothing was wrong."""
        return tuple(each for each in self.healthy if not each.is_answered)

    @property
    def holds(self) -> bool:
        """Whether users had their answers wherever somebody could have given them."""
        return not self.unwell and not any(each.lost for each in self.struck)


def drilled(base: Base, company: Company, struck: Sequence[Struck]) -> Drilled:
    """Return how one specialist came through."""
    specialist = company.specialist
    return Drilled(
        name=specialist.name,
        endpoints=tuple(each.id for each in specialist.endpoints),
        equals=specialist.equals,
        fallback=specialist.fallback,
        healthy=company.healthy,
        struck=tuple(struck),
        advice=tuple(advice_for(base, specialist, struck)),
    )


def facts_of(found: Drilled) -> dict[str, Any]:
    """Return it as plain values, for machines."""
    return {
        "specialist": found.name,
        "holds": found.holds,
        "endpoints": found.endpoints,
        "equals": found.equals,
        "fallback": found.fallback,
        "healthy": [_request(each) for each in found.healthy],
        "faults": [_fault(each) for each in found.struck],
        "advice": found.advice,
    }


def _fault(struck: Struck) -> dict[str, Any]:
    return {
        "fault": struck.strike.name,
        "about": struck.strike.about,
        "holds": not struck.lost,
        "requests": len(struck.seen),
        "answered": struck.answered,
        "continued": sum(each.verdict == "continued" for each in struck.seen),
        "otherwise": struck.otherwise,
        "met": sum(each.met for each in struck.seen),
        "could_be_answered": sum(each.could_be_answered for each in struck.seen),
        "added_first_content_s": _rounded(struck.added_first_s),
        "added_total_s": _rounded(struck.added_total_s),
        "attempts_per_request": round(struck.attempts_per_request, 2),
        "answered_by": struck.answered_by,
        "after": {"requests": len(struck.after), "answered": sum(each.is_answered for each in struck.after)},
        "unused_after": struck.unused,
        "seen": [_request(each) for each in struck.seen],
    }


def _request(seen: Seen) -> dict[str, Any]:
    facts = msgspec.to_builtins(seen)
    del facts["text"]
    facts["first_content_s"], facts["total_s"] = _rounded(seen.first_content_s), _rounded(seen.total_s)
    return facts


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
