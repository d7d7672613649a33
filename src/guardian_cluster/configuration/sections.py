"""The sections of guardian.toml and the types of their keys; the JSON schema follows from them."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

import msgspec

from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    BalancingPolicy,
    FilePath,
    Frozen,
    GatewayLimits,
    GuardianPolicy,
    Limits,
    MemoryPolicy,
    Price,
    RecordPolicy,
    RecoveryPolicy,
    RoutingPolicy,
    Timeouts,
    WatchPolicy,
)

BUILTINS: tuple[Literal["solver", "recall"], ...] = ("solver", "recall")
"""The specialists that are there without being configured, by the name each has."""

DEFAULT_TENANT = "default"
"""The tenant of requests without a key, and of keys made without naming one."""


class GatewaySection(Frozen, frozen=True, kw_only=True):
    """How clients reach the gateway, and what one request may cost it."""

    listen: str = "127.0.0.1:8600"
    """`HOST:PORT`; an IPv6 host in brackets; port 0 takes any free one."""
    limits: GatewayLimits = GatewayLimits()
    tls_certificate: FilePath | None = None
    tls_key: FilePath | None = None
    workers: int = 1
    """Processes that answer requests."""
    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may call the gateway; empty is none."""

    @property
    def host(self) -> str:
        """The host to bind to, without brackets."""
        return ListenAddress.parse(self.listen).host

    @property
    def port(self) -> int:
        """The port to bind to; 0 is any free one."""
        return ListenAddress.parse(self.listen).port


class DataSection(Frozen, frozen=True, kw_only=True):
    """Where the gateway keeps its files."""

    folder: FilePath | None = None
    """`None` is the platform's folder for user data."""


class LogSection(Frozen, frozen=True, kw_only=True):
    """What is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class TenantSection(Frozen, frozen=True, kw_only=True):
    """What the keys of one tenant share."""

    limits: Limits = Limits()
    watch: WatchPolicy | None = None
    specialists: tuple[str, ...] = ()
    """Who may answer this tenant's requests; empty is everyone."""
    requires: tuple[str, ...] = ()
    """Labels that a specialist must have to be given this tenant's requests."""
    max_cost_usd: float | None = None
    usd_per_request: float | None = None


class EndpointSection(Frozen, frozen=True, kw_only=True):
    """One of several places that serve a model; `model` and `api_key` default to the specialist's."""

    url: str | None = None
    model: str | None = None
    api_key: Secret | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class SpecialistSection(Frozen, frozen=True, kw_only=True):
    """Something that answers: an endpoint in short form, several as `[[...endpoint]]`, or a built-in."""

    enabled: bool = True
    builtin: Literal["solver", "recall"] | None = None
    url: str | None = None
    model: str | None = None
    api_key: Secret | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    endpoint: tuple[EndpointSection, ...] = ()
    description: str = ""
    good_at: tuple[str, ...] = ()
    tools: bool = True
    vision: bool = False
    json: bool = True
    embeddings: bool = False
    context_length: int | None = None
    price: Price = Price()
    tier: int = 1
    timeouts: Timeouts = Timeouts()
    max_concurrency: int | None = None
    stream_usage: bool = True
    fallback: tuple[str, ...] = ()
    equals: tuple[str, ...] = ()
    continuation: Literal["off", "prompt", "prefill"] = "prompt"
    hedge: bool = True
    labels: tuple[str, ...] = ()
    proxy: Secret | None = None
    ca_file: FilePath | None = None
    instructions: str | None = None
    parameters: dict[str, str | int | float | bool] = msgspec.field(
        default_factory=dict[str, str | int | float | bool]
    )


class Sections(Frozen, frozen=True, kw_only=True):
    """The whole of guardian.toml."""

    gateway: GatewaySection = GatewaySection()
    data: DataSection = DataSection()
    records: RecordPolicy = RecordPolicy()
    log: LogSection = LogSection()
    watch: WatchPolicy = WatchPolicy()
    routing: RoutingPolicy = RoutingPolicy()
    memory: MemoryPolicy = MemoryPolicy()
    balancing: BalancingPolicy = BalancingPolicy()
    guardians: GuardianPolicy = GuardianPolicy()
    recovery: RecoveryPolicy = RecoveryPolicy()
    alerts: AlertPolicy = AlertPolicy()
    alias: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Another name for a specialist, or for `auto`."""
    tenant: dict[str, TenantSection] = msgspec.field(default_factory=dict[str, TenantSection])
    specialist: dict[str, SpecialistSection] = msgspec.field(default_factory=dict[str, SpecialistSection])

    def enabled_specialists(self) -> dict[str, SpecialistSection]:
        """Return the specialists that take part: the built-in ones too, unless the file disables them."""
        every = dict(self.specialist)
        for name in BUILTINS:
            section = every.pop(name, SpecialistSection())
            if section.url is None and not section.endpoint:
                section = msgspec.structs.replace(section, builtin=name)
            every[name] = section
        return {name: section for name, section in every.items() if section.enabled}


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host and port to bind to."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "ListenAddress":
        """Read `HOST:PORT`; raises ValueError with a message for people."""
        host, colon, port = text.rpartition(":")
        if not colon or not host or (":" in host and not (host.startswith("[") and host.endswith("]"))):
            raise ValueError('is not of the form "HOST:PORT", such as "127.0.0.1:8600" or "[::1]:8600"')
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65_535):
            raise ValueError("needs a port from 0 to 65535")
        return cls(_host(host), int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host == "localhost" or (_is_address(self.host) and ip_address(self.host).is_loopback)


def _host(text: str) -> str:
    bracketed = text.startswith("[")
    host = text.strip("[]")
    if bracketed and (":" not in host or not _is_address(host)):
        raise ValueError("has no IPv6 address in its brackets")
    if not _is_address(host) and not all(char.isalnum() or char in "-._" for char in host):
        raise ValueError("has a host that is neither an address nor a name")
    return host


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
