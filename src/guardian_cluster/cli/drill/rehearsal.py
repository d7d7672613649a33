"""Rehearses one fault at a time: a gateway that has served for a while, a fault, and what its users see."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random

from guardian_cluster.cli.drill.asking import Asking
from guardian_cluster.cli.drill.forms import Form, forms_for
from guardian_cluster.cli.drill.scenery import Place, staged
from guardian_cluster.cli.drill.seen import Seen, Struck
from guardian_cluster.cli.drill.serving import running_gateway
from guardian_cluster.contract.snapshot import Specialist
from guardian_cluster.simulation.observation import Expected
from guardian_cluster.simulation.rehearsal_loop import RehearsalClock
from guardian_cluster.simulation.strikes import Strike

RECOVERY_S = 120.0
"""Between what is rehearsed: the time in which nobody needs an endpoint is what heals its name."""

_ENOUGH_FOR_EACH = 4
"""Requests at once, for each endpoint: they go where the fewest are under way, and so to each of them."""

_NOTHING = Strike(name="none", about="no fault")


@dataclass(frozen=True, slots=True)
class Company:
    """One specialist with what is asked of it, and how that goes without a fault."""

    specialist: Specialist
    forms: tuple[Form, ...]
    healthy: tuple[Seen, ...]


async def without_fault(place: Place, specialist: Specialist) -> Company:
    """Ask for each form twice and keep how the second went: what is expected from then on is what came of it."""
    healthy, fitted = list[Seen](), list[Form]()
    async with _asking(place, specialist, _NOTHING) as asking:
        for form in forms_for(specialist):
            await asking.ask(form)
            seen = await asking.ask(form)
            if (
                seen.verdict in ("altered", "cut") and seen.text
            ):  # by the configuration's own rules and parameters
                form = replace(form, expected=Expected(texts=(*form.expected.texts, seen.text)))
                seen = await asking.ask(form)
            healthy.append(seen)
            fitted.append(form)
    return Company(specialist, tuple(fitted), tuple(healthy))


async def rehearse(place: Place, company: Company, strike: Strike) -> Struck:
    """Let a fault strike one endpoint of a specialist while it is asked, in each form, and end again."""
    seen, after, recovered = list[Seen](), list[Seen](), set[str]()
    async with _asking(place, company.specialist, strike) as asking:
        if strike.address == "ours":
            await asking.serve_before(company.forms)
            await place.loop.advance(RECOVERY_S)
        for number, form in enumerate(company.forms):
            if number == 0 or not strike.passes:
                place.servers.strike(strike, asking.within_reach())
            seen += await asking.ask_under_fault(form)
            if not strike.passes and strike.address == "ours":
                recovered |= place.servers.struck
                after += await _after(place, asking, company.forms[0])
        place.servers.heal()
    unused = recovered - {endpoint for each in after for endpoint in each.attempts}
    return Struck(
        strike=strike,
        seen=tuple(seen),
        after=tuple(after),
        unused=tuple(sorted(unused)) if strike.recovers else (),
        healthy=company.healthy,
    )


async def _after(place: Place, asking: Asking, form: Form) -> list[Seen]:
    """End the fault, let time pass and ask again; where that is what it is about, often enough to see all in use."""
    place.servers.heal()
    await place.loop.advance(RECOVERY_S)
    times = _ENOUGH_FOR_EACH * len(asking.within_reach()) if asking.strike.recovers else 1
    return await asking.ask_at_once(form, times)


@asynccontextmanager
async def _asking(place: Place, specialist: Specialist, strike: Strike) -> AsyncGenerator[Asking]:
    """Run a gateway of the drill's own for one rehearsal."""
    base = staged(place.base, place.servers, specialist, strike)
    rng = Random(f"{place.seed}:{specialist.name}:{strike.name}")
    async with running_gateway(base, RehearsalClock(place.loop), rng) as url:
        yield Asking(place, url, specialist, strike)
