"""Snapshot: all that a gateway needs to serve, sent down to it as one immutable value.

A snapshot is a *base*, written by the deployment part alone, and an *overlay* of scoped, expiring actions of
recovery. A gateway applies it whole or not at all, keeps a copy on disk, and can therefore restart with
everything else down (docs/design/contract.md).
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from guardian_cluster.contract.secret import Secret
from guardian_cluster.domain.action import HeldMove, MoveKind
from guardian_cluster.domain.alert import SinkKind
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.incident import Severity
from guardian_cluster.domain.recovery import Autonomy
from guardian_cluster.domain.verdict import Action

Role = Literal["client", "admin"]

PersonalKind = Literal["card", "iban", "email", "phone", "us_ssn", "ip", "national_id"]

DetectorName = Literal[
    "rules",
    "prompt-leak",
    "repetition",
    "invisible-characters",
    "script-switch",
    "format",
    "refusal-opener",
    "tool-call",
]
"""`rules` is all that the release gate looks for: texts, secrets, personal data, canaries."""

FilePath = Annotated[str, Meta(extra={"path": True})]
"""A path. In guardian.toml `~` is the home folder, and a relative one starts at the folder of that file."""

InputAction = Literal["observe", "mark", "redact", "block"]
"""What is done about a finding in what goes to a model: note it, tell the model to take the text as data, put a
placeholder in its place that is undone in the answer to the caller, or refuse the request."""


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The base of every contract value: immutable, strict about names, and never part of a cycle."""


class Timeouts(Frozen, frozen=True, kw_only=True):
    """How long to wait for a model, in seconds."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    """From the request's end to the first piece of a streamed answer; a whole answer has `total_s`."""
    between_chunks_s: float = 30.0
    total_s: float = 600.0
    """For all attempts together. The OpenAI clients give up after 600 s by default."""


class Price(Frozen, frozen=True, kw_only=True):
    """US dollars for a million tokens."""

    input_usd: float = 0.0
    output_usd: float = 0.0

    def cost_usd(self, input_tokens: float, output_tokens: float) -> float:
        """Return what so many tokens cost."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1e6


class Limits(Frozen, frozen=True, kw_only=True):
    """What a key or a tenant may use; `None` is no limit."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    budget_usd_per_month: float | None = None


class Endpoint(Frozen, frozen=True, kw_only=True):
    """One place that serves a specialist's model."""

    id: str
    """Unique in the cluster: `SPECIALIST/NUMBER`."""
    url: str
    """The OpenAI-compatible base address, `/v1` included."""
    model: str
    api_key: Secret | None = None
    requests_per_minute: int | None = None
    """What its server allows this cluster; `None` is not known."""
    tokens_per_minute: int | None = None


class Variant(Frozen, frozen=True, kw_only=True):
    """An immutable, content-addressed version of how a specialist answers, and its share of the traffic."""

    id: str
    instructions: str | None = None
    """A system message put before the request's own messages."""
    parameters: dict[str, str | int | float | bool | None] = {}
    """Request fields used where the request names none."""
    share: float = 1.0


class Capabilities(Frozen, frozen=True, kw_only=True):
    """What a specialist's model can do; a request that needs more is not sent to it."""

    tools: bool = True
    vision: bool = False
    json: bool = True
    embeddings: bool = False


class Specialist(Frozen, frozen=True, kw_only=True):
    """Something that answers: a model behind endpoints, or a built-in that needs no model."""

    name: str
    kind: Literal["http", "solver", "recall"] = "http"
    description: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    variants: tuple[Variant, ...]
    good_at: tuple[str, ...] = ()
    capabilities: Capabilities = Capabilities()
    context_length: int | None = None
    price: Price = Price()
    tier: int = 1
    """Rank of strength and price: 1 is the cheapest."""
    timeouts: Timeouts = Timeouts()
    max_concurrency: int | None = None
    stream_usage: bool = True
    """Ask the model to report its token counts in streams too; without them they are estimated."""
    fallback: tuple[str, ...] = ()
    """Specialists that may answer in this one's place, in order."""
    equals: tuple[str, ...] = ()
    """Specialists that answer as well as this one: the endpoints of all are balanced as if they were its own."""
    continuation: Literal["off", "prompt", "prefill"] = "prompt"
    """How it goes on with another's answer that broke off: never, and nobody does with its own; asked to in words; or
    given the words so far as the beginning of its own, for servers that go on with a last message of the assistant."""
    hedge: bool = True
    """Whether a second endpoint may be asked while its answer is late: both are paid for."""
    labels: tuple[str, ...] = ()
    """What an operator promises of it, such as `eu` or `no-training`; a tenant may require some."""
    proxy: Secret | None = None
    """The address of the HTTP proxy that leads to its endpoints, as in `http://host:port`; it may hold a password."""
    ca_file: str | None = None
    """A file, in PEM, with the one authority by which their certificates are accepted; `None` is the system's."""


class DenyRule(Frozen, frozen=True, kw_only=True):
    """A text that must not leave, and what to do when it is about to."""

    name: str
    text: str
    action: Action = "redact"


class SecretKind(Frozen, frozen=True, kw_only=True):
    """A kind of secret, by its shape (docs/design/watcher.md has the language)."""

    kind: str
    """How verdicts and marks call it."""
    vendor: str = ""
    shape: str | tuple[str, ...]
    near: tuple[str, ...] = ()
    """Words, in small letters, of which one must stand before it; for shapes that tell nothing by themselves."""
    assigned: bool = False
    """Whether it must also stand behind `=`, `:`, `>`, a comma or `is`, quotation marks and blanks aside."""
    entropy: float = 0.0
    """Bits for each of its characters that it must have at least (Shannon); texts that mean something have fewer."""
    action: Action | None = None
    """What is done about it; `None` is what is done about all secrets."""


class InputPolicy(Frozen, frozen=True, kw_only=True):
    """What is looked for on the way in: in messages, retrieved documents and results of tools."""

    on_deny: Literal["ignore", "observe", "redact", "block"] = "ignore"
    """What is done about the texts of the policy's deny rules."""
    on_secret: Literal["ignore", "observe", "redact", "block"] = "ignore"
    personal: dict[PersonalKind, Literal["observe", "redact", "block"]] = {}
    on_invisible: Literal["ignore", "observe", "redact", "block"] = "ignore"
    on_injection: Literal["ignore", "observe", "mark", "block"] = "observe"
    """What is done about retrieved documents and results of tools that speak to the model."""


class WatchPolicy(Frozen, frozen=True, kw_only=True):
    """What the watcher looks for and what it does when it finds it."""

    deny: tuple[DenyRule, ...] = ()
    on_secret: Action | Literal["ignore"] = "redact"
    """What is done about secrets of the kinds that are known, and of `secrets`."""
    secrets: tuple[SecretKind, ...] = ()
    """Kinds of your own. One with the name of a known kind takes its place."""
    ignored_secrets: tuple[str, ...] = ()
    """Known kinds that are not looked for."""
    personal: dict[PersonalKind, Action] = {}
    """Kinds of personal data that are looked for, and what is done about each."""
    canaries: tuple[str, ...] = ()
    """Marks planted in system prompts: one that shows in an answer proves that the prompt leaks."""
    on_canary: Action = "cut"
    on_prompt_leak: Action | Literal["ignore"] = "ignore"
    """What is done about an answer that repeats the system prompt, be it with words left out."""
    on_invisible: Action | Literal["ignore"] = "observe"
    """What is done about characters that nobody sees, or that turn the direction of what one does."""
    on_script_switch: Action | Literal["ignore"] = "ignore"
    """What is done about an answer that goes on in another script."""
    on_empty: Action = "retry"
    on_truncated: Action = "observe"
    on_schema_violation: Action = "retry"
    on_repetition: Action = "observe"
    on_refusal: Action | Literal["ignore"] = "observe"
    """What is done about an answer that begins like a refusal."""
    on_tool_call: Action | Literal["ignore"] = "observe"
    """What is done about a call of a tool that the request does not offer, or with arguments that it does not take."""
    allowed_tools: tuple[str, ...] | None = None
    """Tools that may be called; `None` is all that a request offers."""
    on_harm: Literal["ignore", "observe", "retry"] = "ignore"
    """What is done about an answer that scores high for violence, hate, sexual content or self-harm."""
    on_ungrounded: Literal["ignore", "observe", "retry"] = "observe"
    """What is done about an answer with little ground in the documents that its request holds."""
    false_alarms: float = 0.05
    """The share of sound texts that a score may report: its threshold is learned from a specialist's own traffic."""
    fail_closed: tuple[DetectorName, ...] = ("rules", "prompt-leak")
    """Detectors whose own failure ends an answer; it goes on without others that fail."""
    input: InputPolicy = InputPolicy()
    unknown_fields: Literal["scan", "drop"] = "scan"
    """What becomes of response fields that are not known here: they are searched, or never leave."""


class Tenant(Frozen, frozen=True, kw_only=True):
    """A group of keys that share limits, a policy and their privacy from other tenants."""

    name: str
    limits: Limits = Limits()
    watch: WatchPolicy | None = None
    """The tenant's own policy; `None` is the cluster's."""
    specialists: tuple[str, ...] = ()
    """Who may answer its requests; empty is everyone."""
    requires: tuple[str, ...] = ()
    """Labels that a specialist must have to be given its requests: the tenant's data policy."""
    max_cost_usd: float | None = None
    """What one request may cost, over all attempts; the cluster's own limit applies as well."""
    usd_per_request: float | None = None
    """What a request may cost on average where `auto` chooses: the price at which quality is bought follows it."""


class ApiKey(Frozen, frozen=True, kw_only=True):
    """A key as it is kept: the secret part only as its SHA-256."""

    id: str
    """The public part, as in `sk-gc-<id>-<secret>`."""
    sha256: str
    """Hex digest of the whole key. A key holds 256 random bits, so a slow hash would add cost and no safety."""
    tenant: str
    role: Role = "client"
    models: tuple[str, ...] = ()
    """Names the key may ask for; empty is all."""
    limits: Limits = Limits()
    created: float
    revoked: float | None = None


class GatewayLimits(Frozen, frozen=True, kw_only=True):
    """What one request may cost the gateway before it is refused."""

    max_body_bytes: int = 8_000_000
    """A few images in base64. A body's fields are found in one piece: up to 2 ms of the event loop at this size."""
    max_messages: int = 10_000
    max_header_bytes: int = 32_768
    max_headers: int = 100
    header_timeout_s: float = 10.0
    body_timeout_s: float = 60.0
    keep_alive_s: float = 75.0
    max_answer_bytes: int = 50_000_000
    """An upstream answer or stream line larger than this is treated as broken."""
    max_concurrency: int = 4_096
    """Requests in flight; one more is answered with 429."""
    max_attempts: int = 3
    """Attempts for one request, over all endpoints."""
    drain_s: float = 30.0
    """How long answers in flight may take after SIGTERM."""


class RecordPolicy(Frozen, frozen=True, kw_only=True):
    """What is kept of a request besides its numbers."""

    bodies: Literal["off", "sampled", "all"] = "off"
    sample_rate: float = 0.01
    bodies_days: int = 7
    requests_days: int = 30
    rollups_days: int = 400


class RoutingPolicy(Frozen, frozen=True, kw_only=True):
    """How `auto` weighs quality against price and time, and what is done to find a wrong answer in time."""

    mistake_usd: float = 0.01
    """What a wrong answer costs you, in US dollars: the scale on which prices are weighed."""
    second_usd: float = 0.0
    """What a second of waiting costs you."""
    explore: float = 0.03
    """The share of choices made at random among the sensible ones, from which the router learns."""
    cascade: Literal["off", "checkable", "always"] = "checkable"
    """Which answers are held until they are checked, so that another specialist can still be asked.

    `checkable` is every whole answer, and of streamed ones those in which a check can find something.
    """
    max_asked: int = 3
    """Specialists asked for one part of a request, one after another."""
    decompose: bool = True
    """Whether a request of independent parts is given to several specialists at once."""
    max_cost_usd: float | None = None
    """What one request may cost, over all attempts; `None` is no limit."""


class BalancingPolicy(Frozen, frozen=True, kw_only=True):
    """How load is spread over endpoints, and how much may be spent on saving requests from those that fail."""

    retry_share: float = 0.2
    """Further attempts for a request, as a share of all requests: more would make an outage worse."""
    hedge_share: float = 0.1
    """Requests for which a second endpoint is asked while the first is late, as a share of all."""
    breaker: bool = True
    """Whether an endpoint that is dead is left out, as long as the others can carry the load."""
    adaptive_concurrency: bool = True
    """Whether an endpoint that asks for less, or becomes slow under load, is given fewer requests at once."""
    affinity: bool = True
    """Whether requests that begin alike go to one endpoint, whose cache then knows them, while load is balanced."""
    wait_s: float = 10.0
    """How long a request waits for an endpoint to have room before it is refused."""
    max_waiting: int = 1_024
    """Requests that wait so; one more is refused at once."""


class MemoryPolicy(Frozen, frozen=True, kw_only=True):
    """What is remembered of conversations, and where documents and conversations are."""

    conversations: Literal["off", "session", "user"] = "session"
    """Which requests are given their history: none; those that name `x-session-id`; also those that name a `user`."""
    timeout_s: float = 0.25
    """How long a request waits for memory before it goes on without."""
    conversations_days: int = 30
    url: Secret | None = None
    """A PostgreSQL database, as in `postgresql://host/name`; `None` is `memory.db` in the data folder."""


class GuardianPolicy(Frozen, frozen=True, kw_only=True):
    """How the guardians look at what was recorded, and who is asked where they may not decide."""

    cycle_s: float = 300.0
    """A monitoring cycle of each specialist that often, besides those that an alarm begins."""
    window: int = 5_000
    """Requests of a specialist that a cycle looks at, the newest."""
    owner: str = ""
    """Who looks into what the safety monitor flags; empty is the name of the admin key."""
    narrator: str = ""
    """The specialist that is asked to put a diagnosis into words; empty is nobody."""
    false_alarms_per_day: float = 1.0
    """How many may be raised without a fault, over all signals of all specialists."""


class RecoveryPolicy(Frozen, frozen=True, kw_only=True):
    """What is done without asking anybody when something fails, and what never."""

    autonomy: Autonomy = "act"
    """`act` does what can be undone; `propose` says what it would do; `observe` only looks: nothing acts by itself."""
    specialists: dict[str, Autonomy] = {}
    """The same for single specialists."""
    actions_per_hour: int = 20
    """Over all specialists; what goes beyond is proposed."""
    hold_s: float = 900.0
    """After so long an action undoes itself, unless it is still needed."""
    backup: dict[str, tuple[str, ...]] = {}
    """Specialist -> who takes its requests where nothing else helps, in order; with `()` nobody does. Of a specialist
    that is not named, its `fallback`."""
    playbook: dict[Cause | Literal["unknown"], tuple[MoveKind | Literal["page"], ...]] = {}
    """Cause -> what is tried, in order; in the place of what is known of that cause."""

    def backups_of(self, specialist: Specialist) -> tuple[str, ...]:
        """Return the backups that the configuration names."""
        return self.backup.get(specialist.name, specialist.fallback)


class Sink(Frozen, frozen=True, kw_only=True):
    """Where alerts go."""

    kind: SinkKind
    url: Secret | None = None
    """Its address, which may be all that protects it: of Slack and a webhook the whole of it, of PagerDuty (which has
    one of its own) and Alertmanager the part before `/v2` or `/api`, of e-mail `smtp://host:port` or `smtps://`."""
    key: Secret | None = None
    """PagerDuty's routing key; of a webhook the secret that it is signed with; the password for e-mail."""
    user: str = ""
    """For e-mail: who signs in, if anybody."""
    sender: str = ""
    """The address that e-mail comes from."""
    to: tuple[str, ...] = ()
    """The addresses that it goes to."""
    ca_file: FilePath | None = None
    """A file, in PEM, with the one authority by which its certificate is accepted; `None` is the system's."""


class EscalationStep(Frozen, frozen=True, kw_only=True):
    """Who is called where nobody has acknowledged an incident after a while."""

    after_s: float = 0.0
    """Seconds since people were first to be called."""
    sinks: tuple[str, ...]


class AlertPolicy(Frozen, frozen=True, kw_only=True):
    """Who is told of incidents, and when."""

    sinks: dict[str, Sink] = {}
    page_from: Severity = "error"
    """From this severity on people are called; of less they are told nothing."""
    pages_per_hour: int = 10
    """Over all incidents; what goes beyond waits until the hour has room, is shown, and said in the next page."""
    escalation: tuple[EscalationStep, ...] = ()
    """In order, as long as nobody has it; sinks that no step names are told at once."""


class Base(Frozen, frozen=True, kw_only=True):
    """All that is needed to serve, as deployed."""

    specialists: tuple[Specialist, ...]
    aliases: dict[str, str] = {}
    tenants: tuple[Tenant, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    watch: WatchPolicy = WatchPolicy()
    records: RecordPolicy = RecordPolicy()
    limits: GatewayLimits = GatewayLimits()
    cors_origins: tuple[str, ...] = ()
    """Web origins whose pages may call the gateway."""
    routing: RoutingPolicy = RoutingPolicy()
    memory: MemoryPolicy = MemoryPolicy()
    balancing: BalancingPolicy = BalancingPolicy()
    guardians: GuardianPolicy = GuardianPolicy()
    recovery: RecoveryPolicy = RecoveryPolicy()
    alerts: AlertPolicy = AlertPolicy()
    router_salt: Secret = Secret("", "")
    """Under which questions are turned into features: an installation's own."""
    router_model: str = ""
    """The content address of what the router has learned (contract/router_model.py); empty is nothing yet."""


class DetectorThreshold(Frozen, frozen=True, kw_only=True):
    """From which score on a detector reports, as learned from the traffic of a specialist and a tenant."""

    detector: str
    specialist: str
    tenant: str
    value: float


class Overlay(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """Scoped, expiring actions, and what was learned. What another version has in it besides is passed over."""

    moves: tuple[HeldMove, ...] = ()
    """What recovery, or a person, has changed for a time."""
    thresholds: tuple[DetectorThreshold, ...] = ()
    """Of detectors that score: where there is none, a score is recorded and reports nothing."""


class Snapshot(Frozen, frozen=True, kw_only=True):
    """One revision of what a gateway serves."""

    rev: int
    base: Base
    overlay: Overlay = Overlay()
