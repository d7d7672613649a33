"""What a drill makes of a configuration: who is asked, where the stand-ins are put, who could answer for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from guardian_cluster.configuration.sections import DEFAULT_TENANT
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    ApiKey,
    Base,
    Endpoint,
    Limits,
    Specialist,
    Tenant,
)
from guardian_cluster.keys import digest
from guardian_cluster.request.eligibility import withheld_from
from guardian_cluster.simulation import UNRESOLVED_URL, ModelServer, Pace
from guardian_cluster.simulation.rehearsal_loop import RehearsalLoop
from guardian_cluster.simulation.stand_ins import StandIns
from guardian_cluster.simulation.strikes import Strike

FIRST_TOKEN_S = 0.4
BETWEEN_CHUNKS_S = 0.05
"""How fast a stand-in answers: as a hosted model of middling size does."""

_HASTE = 8
"""A configuration that allows a model little time must have its stand-ins well within it, or all would be faults."""

_CHARACTERS = 24

KEY = "sk-gc-drill-opens-nothing-outside-of-the-drill"
"""What the drill's own client presents: the configuration's keys are not read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a drill takes place, and how much of it there is."""

    base: Base
    """As the operator configured it."""
    servers: StandIns
    loop: RehearsalLoop
    requests: int
    """For each form, during a fault."""
    seed: int


def stand_ins_for(base: Base, specialist: Specialist, text: str, seed: int) -> StandIns:
    """Return a stand-in for each endpoint that may be asked in the end, as fast as its specialist's timeouts allow."""
    models = {each.name: each for each in models_of(base)}
    names, coming = list[str](), [specialist.name]
    while coming:
        name = coming.pop()
        if name in models and name not in names:
            names.append(name)
            coming += [*models[name].equals, *models[name].fallback]
    paces = {endpoint.id: pace_of(models[name]) for name in names for endpoint in models[name].endpoints}
    return StandIns(paces, text, seed)


def models_of(base: Base) -> tuple[Specialist, ...]:
    """Return the specialists that ask a model somewhere, in the order of the configuration."""
    return tuple(each for each in base.specialists if each.kind == "http")


def pace_of(specialist: Specialist) -> Pace:
    """Return how fast the specialist's stand-ins answer."""
    timeouts = specialist.timeouts
    first_s = min(FIRST_TOKEN_S, timeouts.first_token_s / _HASTE, timeouts.total_s / _HASTE)
    between_s = min(BETWEEN_CHUNKS_S, timeouts.between_chunks_s / _HASTE, timeouts.total_s / 10 / _HASTE)
    return Pace(first_s, between_s, _CHARACTERS)


def tenant_for(base: Base, specialist: Specialist) -> Tenant:
    """Return a tenant whose requests the specialist may be given, the default one if it can be."""
    ordered = sorted(base.tenants, key=lambda each: each.name != DEFAULT_TENANT)
    return next((each for each in ordered if withheld_from(specialist, each) is None), ordered[0])


def reachable(base: Base, asked: Specialist) -> list[Endpoint]:
    """Return the endpoints that could answer for a specialist: its own and its equals', then its fallbacks'.

    Of others only those count that may be given its tenant's requests. What it can do they can: a configuration in
    which they cannot is refused.
    """
    tenant = tenant_for(base, asked)
    by_name = {each.name: each for each in models_of(base) if withheld_from(each, tenant) is None}
    others = [by_name[name] for name in (*asked.equals, *asked.fallback) if name in by_name]
    found = [endpoint for each in (asked, *others) for endpoint in each.endpoints]
    return list({endpoint.id: endpoint for endpoint in found}.values())


def staged(base: Base, servers: Mapping[str, ModelServer], struck: Specialist, strike: Strike) -> Base:
    """Return the base with stand-ins for the endpoints, a key for the drill, and without a database.

    A strike may spoil the first address.
    """
    first = struck.endpoints[0].id
    addresses = {name: server.url for name, server in servers.items()}
    if strike.address == "unresolved":
        addresses[first] = UNRESOLVED_URL
    elif strike.address == "tls":
        addresses[first] = addresses[first].replace("http://", "https://", 1)
    key = ApiKey(id="drill", sha256=digest(KEY), tenant=tenant_for(base, struck).name, created=0.0)
    return msgspec.structs.replace(
        base,
        specialists=tuple(_moved(each, addresses) for each in base.specialists),
        keys=(key,),
        # What a tenant may use in a minute is no fault; a drill asks in minutes what users ask in days.
        tenants=tuple(msgspec.structs.replace(each, limits=Limits()) for each in base.tenants),
        memory=msgspec.structs.replace(base.memory, url=None),
        alerts=AlertPolicy(),  # a drill calls nobody
        limits=msgspec.structs.replace(base.limits, drain_s=0.0),  # nobody waits for a last answer
    )


def hosts_of(endpoints: Sequence[Endpoint]) -> set[str]:
    """Return the machines at which endpoints are, as the operator configured them."""
    return {urlsplit(endpoint.url).netloc for endpoint in endpoints}


def _moved(specialist: Specialist, addresses: Mapping[str, str]) -> Specialist:
    if specialist.kind != "http":
        return specialist
    endpoints = tuple(
        msgspec.structs.replace(each, url=addresses.get(each.id, UNRESOLVED_URL), api_key=None)
        for each in specialist.endpoints
    )
    return msgspec.structs.replace(specialist, endpoints=endpoints)
