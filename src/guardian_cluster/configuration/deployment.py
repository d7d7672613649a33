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
    AlertPolicy,
    ApiKey,
    Base,
    Capabilities,
    Endpoint,
    Specialist,
    Tenant,
    Variant,
)

_DESCRIPTIONS = {
    "solver": "Exact answers without a model: arithmetic, equations, calculus, number theory, units.",
    "recall": "Quotations from ingested documents and from the conversation, with their sources; no model.",
}
_GOOD_AT = {
    "solver": ("math", "arithmetic", "algebra", "calculus", "units"),
    "recall": ("retrieval", "quotation"),
}


NO_SALT = Secret("", "")
"""Of an installation that keeps none: what is learned then holds for as long as the process lives."""


def deploy(
    sections: Sections, keys: Iterable[ApiKey], router_model: str = "", router_salt: Secret = NO_SALT
) -> Base:
    """Return the base that serves `sections` to the holders of `keys` with what the router has learned."""
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
        routing=sections.routing,
        memory=sections.memory,
        balancing=sections.balancing,
        guardians=sections.guardians,
        recovery=sections.recovery,
        alerts=_alerts(sections.alerts),
        router_salt=router_salt,
        router_model=router_model,
    )


def variant_id(
    models: Iterable[str], instructions: str | None, parameters: dict[str, str | int | float | bool]
) -> str:
    """Return the content address of a way to answer: equal models, words and parameters have one id."""
    content = {"instructions": instructions, "models": sorted(set(models)), "parameters": parameters}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()[:12]


def _specialist(name: str, section: SpecialistSection) -> Specialist:
    builtin = section.builtin
    endpoints = _endpoints(name, section) if builtin is None else (_builtin_endpoint(name, builtin),)
    models = [endpoint.model for endpoint in endpoints]
    variant = Variant(
        id=variant_id(models, section.instructions, section.parameters),
        instructions=section.instructions,
        parameters=dict(section.parameters),
    )
    return Specialist(
        name=name,
        kind=builtin or "http",
        description=section.description or _DESCRIPTIONS.get(builtin or "", ""),
        endpoints=endpoints,
        variants=(variant,),
        good_at=section.good_at or _GOOD_AT.get(builtin or "", ()),
        capabilities=_capabilities(section),
        context_length=section.context_length,
        price=section.price,
        tier=section.tier,
        timeouts=section.timeouts,
        max_concurrency=section.max_concurrency,
        stream_usage=section.stream_usage,
        fallback=section.fallback,
        equals=section.equals,
        continuation=section.continuation,
        hedge=section.hedge,
        labels=section.labels,
        proxy=_present(section.proxy),
        ca_file=section.ca_file or None,
    )


def _builtin_endpoint(name: str, builtin: str) -> Endpoint:
    # It answers in this house; attempts are planned, counted and recorded by endpoint all the same.
    return Endpoint(id=f"{name}/1", url=f"builtin:{builtin}", model=builtin)


def _capabilities(section: SpecialistSection) -> Capabilities:
    if section.builtin is not None:
        return Capabilities(tools=False, vision=False, json=False, embeddings=False)
    return Capabilities(
        tools=section.tools, vision=section.vision, json=section.json, embeddings=section.embeddings
    )


def _endpoints(name: str, section: SpecialistSection) -> tuple[Endpoint, ...]:
    """Return a specialist's endpoints: what one does not say of itself is as its specialist has it."""
    endpoints = section.endpoint or (EndpointSection(url=section.url),)
    return tuple(_endpoint(f"{name}/{number}", each, section) for number, each in enumerate(endpoints, 1))


def _endpoint(endpoint_id: str, endpoint: EndpointSection, section: SpecialistSection) -> Endpoint:
    requests, tokens = endpoint.requests_per_minute, endpoint.tokens_per_minute
    return Endpoint(
        id=endpoint_id,
        url=(endpoint.url or "").rstrip("/"),
        model=endpoint.model or section.model or "",
        api_key=_present(endpoint.api_key or section.api_key),
        requests_per_minute=section.requests_per_minute if requests is None else requests,
        tokens_per_minute=section.tokens_per_minute if tokens is None else tokens,
    )


def _present(key: Secret | None) -> Secret | None:
    """Return the key, or `None` where a variable that may be missing left it empty."""
    return key if key is not None and key.value else None


def _alerts(alerts: AlertPolicy) -> AlertPolicy:
    sinks = {
        name: msgspec.structs.replace(sink, url=_present(sink.url), key=_present(sink.key))
        for name, sink in alerts.sinks.items()
    }
    return msgspec.structs.replace(alerts, sinks=sinks)


def _tenants(sections: Sections, keys: Iterable[ApiKey]) -> tuple[Tenant, ...]:
    """Return every tenant a request can belong to, so that no key leads to one that is not there."""
    names = dict.fromkeys([*sections.tenant, DEFAULT_TENANT, *(key.tenant for key in keys)])
    configured = sections.tenant
    return tuple(
        Tenant(name=name, **msgspec.structs.asdict(configured[name]))
        if name in configured
        else Tenant(name=name)
        for name in names
    )
