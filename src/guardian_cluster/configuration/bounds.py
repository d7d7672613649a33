"""Between which bounds each number of the configuration lies, for the check and for the JSON schema."""

from dataclasses import dataclass

from guardian_cluster.configuration.sections import (
    EndpointSection,
    GatewaySection,
    SpecialistSection,
    TenantSection,
)
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    BalancingPolicy,
    EscalationStep,
    GatewayLimits,
    GuardianPolicy,
    Limits,
    MemoryPolicy,
    Price,
    RecordPolicy,
    RecoveryPolicy,
    RoutingPolicy,
    Timeouts,
)

_DAY_S = 86_400.0
_CENTURY_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number is at least `low`, or above it where `open_low` is set, and at most `high`."""

    low: float = 0
    high: float | None = None
    open_low: bool = False

    def problem(self, number: float) -> str | None:
        """Return what `number` has to be where it is out of bounds."""
        if self.open_low and number <= self.low:
            return f"must be greater than {self.low:g}"
        if number < self.low:
            return f"must be at least {self.low:g}"
        if self.high is not None and number > self.high:
            return f"must be at most {self.high:g}"
        return None


_COUNT = Bounds(low=1)
_SHARE = Bounds(high=1)
_DURATION = Bounds(high=_DAY_S, open_low=True)
_WAIT = Bounds(high=_DAY_S)
_AGE = Bounds(low=1, high=_CENTURY_DAYS)
_COST = Bounds()
_CEILING = Bounds(open_low=True)
_AMOUNT = Bounds()
_CYCLE = Bounds(low=1, high=_DAY_S)
_WINDOW = Bounds(low=100, high=50_000)
_HOLD = Bounds(low=10, high=_DAY_S)
"""In less nothing can be confirmed: what was done would lapse while it is tested."""
_WORKERS = Bounds(low=1, high=64)

_BOUNDS: dict[type, dict[str, Bounds]] = {
    Timeouts: dict.fromkeys(Timeouts.__struct_fields__, _DURATION),
    Price: dict.fromkeys(Price.__struct_fields__, _COST),
    Limits: {
        "requests_per_minute": _COUNT,
        "tokens_per_minute": _COUNT,
        "budget_usd_per_month": _CEILING,
    },
    GatewaySection: {"workers": _WORKERS},
    GatewayLimits: dict.fromkeys(GatewayLimits.__struct_fields__, _COUNT)
    | dict.fromkeys(("header_timeout_s", "body_timeout_s", "keep_alive_s"), _DURATION)
    | {"drain_s": _WAIT},
    RecordPolicy: {"sample_rate": _SHARE}
    | dict.fromkeys(("bodies_days", "requests_days", "rollups_days"), _AGE),
    SpecialistSection: dict.fromkeys(
        ("context_length", "tier", "max_concurrency", "requests_per_minute", "tokens_per_minute"), _COUNT
    ),
    TenantSection: dict.fromkeys(("max_cost_usd", "usd_per_request"), _CEILING),
    RoutingPolicy: {
        "mistake_usd": _COST,
        "second_usd": _COST,
        "explore": _SHARE,
        "max_asked": _COUNT,
        "max_cost_usd": _CEILING,
    },
    EndpointSection: dict.fromkeys(("requests_per_minute", "tokens_per_minute"), _COUNT),
    BalancingPolicy: {"retry_share": _SHARE, "hedge_share": _SHARE, "wait_s": _WAIT, "max_waiting": _AMOUNT},
    GuardianPolicy: {"cycle_s": _CYCLE, "window": _WINDOW, "false_alarms_per_day": _CEILING},
    RecoveryPolicy: {"actions_per_hour": _AMOUNT, "hold_s": _HOLD},
    AlertPolicy: {"pages_per_hour": _COUNT},
    EscalationStep: {"after_s": _WAIT},
    MemoryPolicy: {"timeout_s": _DURATION, "conversations_days": _AGE},
}


def bounds_of(section: type, key: str) -> Bounds | None:
    """Return the bounds of the number `key` in a `section`; `None` where every number will do."""
    return _BOUNDS.get(section, {}).get(key)
