"""Whatever can be configured can be written as TOML and read again, unchanged."""

import math

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardian_cluster.config import Config, load_config
from guardian_cluster.configuration.sections import (
    DataSection,
    EndpointSection,
    GatewaySection,
    LogSection,
    SpecialistSection,
    TenantSection,
)
from guardian_cluster.contract.secret import Secret
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    BalancingPolicy,
    DenyRule,
    EscalationStep,
    GatewayLimits,
    GuardianPolicy,
    Limits,
    Price,
    RecordPolicy,
    RecoveryPolicy,
    Sink,
    Timeouts,
    WatchPolicy,
)

ESCAPES = {'"': '\\"', "\\": "\\\\", "$": "$$"}


def written(value) -> str:
    """Return a value as inline TOML; what is `None` is left out by its table."""
    match value:
        case Secret():
            return written(value.value)
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{"".join(ESCAPES.get(char) or escaped(char) for char in value)}"'
        case tuple():
            return f"[{', '.join(map(written, value))}]"
        case msgspec.Struct():
            return written({name: getattr(value, name) for name in value.__struct_fields__})
        case dict():
            pairs = ((written_key(key), item) for key, item in value.items() if item is not None)
            return f"{{{', '.join(f'{key} = {written(item)}' for key, item in pairs)}}}"
        case _:
            return repr(value)


def written_key(key):
    return written(key).replace("$$", "$")


def escaped(char):
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def document(config) -> str:
    """Return a configuration as a file with one table for each section."""
    sections = ((name, getattr(config, name)) for name in config.__struct_fields__)
    return "".join(f"{name} = {written(value)}\n" for name, value in sections)


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
FULL_TEXT = TEXT.filter(str.strip)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("auto", "solver")
)
COUNTS = st.integers(1, 2**63 - 1)
DURATIONS = st.floats(0, 86_400, exclude_min=True)
COSTS = st.floats(0, 1e9).map(lambda cost: math.fabs(cost))
ACTIONS = st.sampled_from(["observe", "redact", "cut", "retry"])


def optional(values):
    return st.none() | values


def tuples(values):
    return st.lists(values, max_size=3).map(tuple)


URLS = st.sampled_from(["http://127.0.0.1:11434/v1", "https://api.example", "http://[::1]:1/v1/"])
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126)).map(Secret)
RULES = st.builds(DenyRule, name=FULL_TEXT, text=FULL_TEXT, action=ACTIONS)
WATCH = st.builds(
    WatchPolicy,
    deny=tuples(RULES),
    canaries=tuples(
        st.text(st.characters(min_codepoint=33, codec="utf-8"), min_size=9).filter(
            lambda t: len(t.strip()) > 8
        )
    ),
    on_canary=ACTIONS,
    on_empty=ACTIONS,
)
LIMITS = st.builds(
    Limits,
    requests_per_minute=optional(COUNTS),
    tokens_per_minute=optional(COUNTS),
    budget_usd_per_month=optional(st.floats(0, 1e9, exclude_min=True)),
)
ENDPOINTS = st.builds(
    EndpointSection,
    url=URLS,
    model=FULL_TEXT,
    api_key=optional(SECRETS),
    requests_per_minute=optional(COUNTS),
)
PARAMETERS = st.dictionaries(
    TEXT.map(lambda text: f"p{text}"),
    TEXT
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans(),
    max_size=3,
)
SHARED = {
    "enabled": st.booleans(),
    "description": TEXT,
    "good_at": tuples(TEXT),
    "tools": st.booleans(),
    "vision": st.booleans(),
    "context_length": optional(COUNTS),
    "price": st.builds(Price, input_usd=COSTS, output_usd=COSTS),
    "tier": COUNTS,
    "timeouts": st.builds(Timeouts, connect_s=DURATIONS, total_s=DURATIONS),
    "max_concurrency": optional(COUNTS),
    "requests_per_minute": optional(COUNTS),
    "tokens_per_minute": optional(COUNTS),
    "continuation": st.sampled_from(["off", "prompt", "prefill"]),
    "hedge": st.booleans(),
    "fallback": st.sampled_from([(), ("solver",)]),
    "instructions": optional(TEXT),
    "parameters": PARAMETERS,
}
SHORT_FORMS = st.builds(SpecialistSection, url=URLS, model=FULL_TEXT, api_key=optional(SECRETS), **SHARED)
LONG_FORMS = st.builds(
    SpecialistSection, endpoint=st.lists(ENDPOINTS, min_size=1, max_size=2).map(tuple), **SHARED
)


def modest(section):
    """Return a specialist that can do no more than the solver, where the solver stands in for it."""
    less = dict.fromkeys(("tools", "vision", "json"), False) if section.fallback else {}
    return msgspec.structs.replace(section, **less)


AUTONOMY = st.sampled_from(["observe", "propose", "act"])
MOVES = ["drain", "backup", "page"]
WEB = st.sampled_from(["http://127.0.0.1:9/x", "https://h.example"]).map(Secret)
SINKS = (
    st.builds(Sink, kind=st.just("webhook"), url=WEB, key=SECRETS.filter(lambda key: key.value))
    | st.builds(Sink, kind=st.just("slack"), url=WEB)
    | st.builds(
        Sink,
        kind=st.just("email"),
        url=st.just(Secret("smtps://mail.example:465")),
        sender=st.sampled_from(["a@b.example", "on-call+x@localhost"]),
        to=st.just(("a@b.example", "c@localhost")),
    )
)


def alerts(sinks):
    """Return alert policies over these sinks."""
    steps = [EscalationStep(after_s=float(number), sinks=(name,)) for number, name in enumerate(sinks)]
    return st.builds(AlertPolicy, sinks=st.just(sinks), escalation=st.sampled_from([(), tuple(steps)]))


CONFIGS = st.builds(
    Config,
    gateway=st.builds(
        GatewaySection,
        listen=st.sampled_from(["127.0.0.1:8600", "[::]:0", "host.example:65535"]),
        limits=st.builds(
            GatewayLimits, max_body_bytes=COUNTS, header_timeout_s=DURATIONS, max_headers=COUNTS
        ),
        cors_origins=tuples(st.sampled_from(["*", "https://a.example"])),
    ),
    data=st.builds(DataSection, folder=optional(st.sampled_from(["/var/lib/guardian", "/tmp/a b$"]))),
    records=st.builds(
        RecordPolicy, bodies=st.sampled_from(["off", "sampled", "all"]), sample_rate=st.floats(0, 1)
    ),
    log=st.builds(
        LogSection, level=st.sampled_from(["debug", "error"]), format=st.sampled_from(["text", "json"])
    ),
    watch=WATCH,
    balancing=st.builds(
        BalancingPolicy,
        retry_share=st.floats(0, 1),
        breaker=st.booleans(),
        wait_s=st.floats(0, 86_400),
        max_waiting=st.integers(0, 2**63 - 1),
    ),
    guardians=st.builds(
        GuardianPolicy,
        cycle_s=st.floats(1, 86_400),
        window=st.integers(100, 50_000),
        owner=st.text(max_size=20),
    ),
    recovery=st.builds(
        RecoveryPolicy,
        autonomy=AUTONOMY,
        specialists=st.dictionaries(st.sampled_from(["solver", "recall"]), AUTONOMY),
        actions_per_hour=st.integers(0, 2**63 - 1),
        hold_s=st.floats(10, 86_400),
        backup=st.sampled_from([{}, {"recall": ("solver",)}]),
        playbook=st.dictionaries(st.sampled_from(["hang", "unknown"]), st.permutations(MOVES).map(tuple)),
    ),
    alerts=st.dictionaries(NAMES, SINKS, max_size=2).flatmap(alerts),
    alias=st.dictionaries(
        st.from_regex(r"[A-Z][A-Za-z0-9._:/@+-]{0,8}", fullmatch=True),
        st.sampled_from(["auto", "solver"]),
        max_size=2,
    ),
    tenant=st.dictionaries(NAMES, st.builds(TenantSection, limits=LIMITS, watch=optional(WATCH)), max_size=2),
    specialist=st.dictionaries(NAMES, (SHORT_FORMS | LONG_FORMS).map(modest), max_size=2),
)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None)
@given(config=CONFIGS)
def test_a_configuration_written_as_toml_is_read_unchanged(config, tmp_path):
    file = tmp_path / "guardian.toml"
    file.write_text(document(config), newline="")

    assert load_config(file, environment={}) == config
