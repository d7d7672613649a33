"""Decide what the sections of guardian.toml deploy: the base of a snapshot."""

import hashlib
from collections.abc import Iterable

import msgspec

from guardian_cluster.configuration.sections import (
    DEFAULT_TENANT,
    EndpointSection,
    Sections,
    SpecialistSection,
)
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    ApiKey,
    Base,
    Capabilities,
    Endpoint,
    Specialist,
    Tenant,
    Variant,
)

_SOLVER_DESCRIPTION = "Exact answers without a model: arithmetic, equations, calculus, number theory, units."
_SOLVER_GOOD_AT = ("math", "arithmetic", "algebra", "calculus", "units")


def deploy(sections: Sections, keys: Iterable[ApiKey]) -> Base:
    """Return the base that serves `sections` to the holders of `keys`."""
    kept = tuple(keys)
    specialists = sections.enabled_specialists()
    return Base(
        specialists=tuple(_specialist(name, section) for name, section in specialists.items()),
        aliases=sections.alias,
        tenants=_tenants(sections, kept),
        keys=kept,
        watch=sections.watch,
        records=sections.records,
        limits=sections.gateway.limits,
        cors_origins=sections.gateway.cors_origins,
    )


def variant_id(
    models: Iterable[str], instructions: str | None, parameters: dict[str, str | int | float | bool]
) -> str:
    """Return the content address of a way to answer: equal models, words and parameters have one id."""
    content = {"instructions": instructions, "models": sorted(set(models)), "parameters": parameters}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:12]


def _specialist(name: str, section: SpecialistSection) -> Specialist:
    is_solver = section.builtin == "solver"
    endpoints = (_solver_endpoint(name),) if is_solver else _endpoints(name, section)
    models = [endpoint.model for endpoint in endpoints]
    variant = Variant(
        id=variant_id(models, section.instructions, section.parameters),
        instructions=section.instructions,
        parameters=dict(section.parameters),
    )
    return Specialist(
        name=name,
        kind="solver" if is_solver else "http",
        description=section.description or (_SOLVER_DESCRIPTION if is_solver else ""),
        endpoints=endpoints,
        variants=(variant,),
        good_at=section.good_at or (_SOLVER_GOOD_AT if is_solver else ()),
        capabilities=_capabilities(section, is_solver=is_solver),
        context_length=section.context_length,
        price=section.price,
        tier=section.tier,
        timeouts=section.timeouts,
        max_concurrency=section.max_concurrency,
        stream_usage=section.stream_usage,
        fallback=section.fallback,
    )


def _solver_endpoint(name: str) -> Endpoint:
    # It answers in this house; attempts are planned, counted and recorded by endpoint all the same.
    return Endpoint(id=f"{name}/1", url="builtin:solver", model="solver")


def _capabilities(section: SpecialistSection, *, is_solver: bool) -> Capabilities:
    if is_solver:
        return Capabilities(tools=False, vision=False, json=False, embeddings=False)
    return Capabilities(
        tools=section.tools, vision=section.vision, json=section.json, embeddings=section.embeddings
    )


def _endpoints(name: str, section: SpecialistSection) -> tuple[Endpoint, ...]:
    short_form = EndpointSection(url=section.url, model=section.model, api_key=section.api_key)
    return tuple(
        Endpoint(
            id=f"{name}/{number}",
            url=(endpoint.url or "").rstrip("/"),
            model=endpoint.model or section.model or "",
            api_key=_present(endpoint.api_key or section.api_key),
        )
        for number, endpoint in enumerate(section.endpoint or (short_form,), 1)
    )


def _present(key: Secret | None) -> Secret | None:
    """Return the key, or `None` where a variable that may be missing left it empty."""
    return key if key is not None and key.value else None


def _tenants(sections: Sections, keys: Iterable[ApiKey]) -> tuple[Tenant, ...]:
    """Return every tenant a request can belong to, so that no key leads to one that is not there."""
    names = dict.fromkeys([*sections.tenant, DEFAULT_TENANT, *(key.tenant for key in keys)])
    configured = sections.tenant
    return tuple(
        Tenant(name=name, limits=configured[name].limits, watch=configured[name].watch)
        if name in configured
        else Tenant(name=name)
        for name in names
    )
