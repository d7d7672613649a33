"""Finds what of a window no policy allows: leaks that got out or are rising, and whom requests were given to."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from guardian_cluster.contract.snapshot import Base, Specialist, Tenant, WatchPolicy
from guardian_cluster.domain.monitoring import ComplianceFinding
from guardian_cluster.domain.observation import Observation, Slice
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.evidence import MOST_RECORDS
from guardian_cluster.statistics.intervals import at_least
from guardian_cluster.watcher.planned import planned_for_answer

LEAKS = frozenset({"secret", "canary", "prompt-leak", "personal-data", "deny"})
"""Detectors of what must not leave."""

NOT_ALLOWED = "tool-call/tool-not-allowed"

CHANCE = 1e-4
"""With which as many leaks would be in the window's second half if nothing had changed. Some 300 cycles a day of a
specialist look at nearly the same window: one in a month would be found for nothing."""

LEAST = 5
"""Leaks from which a rise is told."""

Severity = Literal["critical", "error", "warning", "info"]
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)

_Check = Callable[[Specialist, Base, Sequence[Observation]], Iterable[ComplianceFinding]]


_NOTED = frozenset({"observe", "ignore"})
"""What is done where nothing is: the answer reaches its caller."""


def findings(specialist: Specialist, base: Base, window: Window) -> tuple[ComplianceFinding, ...]:
    """Return what no policy allows, the worst first."""
    checks: Sequence[_Check] = (_delivered, _rising, _kept_in, _data_policy, _ceilings, _tools)
    found = [each for check in checks for each in check(specialist, base, window.observations)]
    return tuple(sorted(found, key=lambda each: _SEVERITIES.index(each.severity)))


def _delivered(_: Specialist, base: Base, seen: Sequence[Observation]) -> Iterator[ComplianceFinding]:
    """Yield leaks that were noted only, so that callers got them; a tenant with a policy of its own apart."""
    policies = _policies(base)
    groups = defaultdict[tuple[str, str], list[Observation]](list)
    for each, verdict in _leaks(seen):
        tenant = each.dimensions.get("tenant", "")
        if _done_about(each, verdict, base, policies) == "observe":
            groups[verdict, tenant if tenant in policies else ""].append(each)
    for (verdict, tenant), found in sorted(groups.items()):
        is_certain = verdict.partition("/")[0] in ("canary", "secret")
        said = f"{len(found)} answers in which {verdict[:60]} was found reached callers: it was only noted."
        where: Slice = (("tenant", tenant),) if tenant else ()
        yield _finding(
            f"leak-delivered/{verdict[:60]}", "critical" if is_certain else "error", said, found, where
        )


def _rising(_: Specialist, __: Base, seen: Sequence[Observation]) -> Iterator[ComplianceFinding]:
    """Yield that attempts to leak became more, whatever was done about them."""
    half = len(seen) // 2
    leaking = [any(map(_is_leak, each.verdicts)) for each in seen]
    before, since = sum(leaking[:half]), sum(leaking[half:])
    if half == 0 or since < LEAST:
        return
    rate = max((before + 1) / (half + 1), 1e-9)
    if at_least(since, len(seen) - half, min(rate, 1.0)) < CHANCE:
        hit = [each for each, leaks in zip(seen[half:], leaking[half:], strict=True) if leaks]
        said = f"{since} answers with a leak in the newer half of the window, {before} in the older one."
        yield _finding("leaks-rising", "warning", said, hit)


def _kept_in(_: Specialist, base: Base, seen: Sequence[Observation]) -> Iterator[ComplianceFinding]:
    """Yield what was kept from leaving, by detector: nothing is wrong, and it is good to know."""
    policies = _policies(base)
    groups = defaultdict[str, dict[str, Observation]](dict)
    for each, verdict in _leaks(seen):
        if _done_about(each, verdict, base, policies) not in _NOTED:
            groups[verdict.partition("/")[0]][each.id] = each
    for detector, found in sorted(groups.items()):
        said = f"{len(found)} answers in which {detector} found something were redacted, cut or withheld."
        yield _finding(f"leak-kept-in/{detector}", "info", said, list(found.values()))


def _data_policy(
    specialist: Specialist, base: Base, seen: Sequence[Observation]
) -> Iterator[ComplianceFinding]:
    """Yield requests of tenants who may not be answered by this specialist, as things are now."""
    if specialist.kind != "http":  # what is built in passes nothing on to anybody
        return
    tenants = {each.name: each for each in base.tenants}
    for name, found in _by_tenant(seen).items():
        missing = _forbids(tenants[name], specialist) if name in tenants else ""
        if missing:
            said = f"{len(found)} requests of {name} were answered by {specialist.name}, {missing}."
            yield _finding("data-policy", "error", said, found, (("tenant", name),))


def _forbids(tenant: Tenant, specialist: Specialist) -> str:
    if tenant.specialists and specialist.name not in tenant.specialists:
        return "which is not one of those that may"
    missing = [label for label in tenant.requires if label not in specialist.labels]
    return f"which lacks {', '.join(missing)}" if missing else ""


def _ceilings(_: Specialist, base: Base, seen: Sequence[Observation]) -> Iterator[ComplianceFinding]:
    own = {each.name: each.max_cost_usd for each in base.tenants}
    for name, found in _by_tenant(seen).items():
        limits = [each for each in (own.get(name), base.routing.max_cost_usd) if each is not None]
        over = [each for each in found if limits and each.cost_usd > min(limits)]
        if over:
            said = f"{len(over)} requests of {name} cost more than the {min(limits):g} USD that one may."
            yield _finding("cost-ceiling", "warning", said, over, (("tenant", name),))


def _tools(_: Specialist, base: Base, seen: Sequence[Observation]) -> Iterator[ComplianceFinding]:
    policies = _policies(base)
    groups = defaultdict[tuple[str, bool], list[Observation]](list)
    for each in seen:
        if NOT_ALLOWED in each.verdicts:
            tenant = each.dimensions.get("tenant", "")
            is_noted = _done_about(each, NOT_ALLOWED, base, policies) in _NOTED
            groups[tenant if tenant in policies else "", is_noted].append(each)
    for (tenant, is_noted), found in sorted(groups.items()):
        said = f"{len(found)} answers call a tool that is not allowed{', and reached callers' if is_noted else ''}."
        where: Slice = (("tenant", tenant),) if tenant else ()
        yield _finding("tool-not-allowed", "error" if is_noted else "info", said, found, where)


def _leaks(seen: Sequence[Observation]) -> Iterator[tuple[Observation, str]]:
    return ((each, verdict) for each in seen for verdict in each.verdicts if _is_leak(verdict))


def _is_leak(verdict: str) -> bool:
    return verdict.partition("/")[0] in LEAKS


def _done_about(seen: Observation, verdict: str, base: Base, policies: Mapping[str, WatchPolicy]) -> str:
    """Return what was done about a finding; where that was not kept, what would be done now."""
    if verdict in seen.done:
        return seen.done[verdict]
    policy = policies.get(seen.dimensions.get("tenant", ""), base.watch)
    if verdict == NOT_ALLOWED:
        return policy.on_tool_call
    detector, _, rule = verdict.partition("/")
    return planned_for_answer(policy, detector, rule)


def _policies(base: Base) -> Mapping[str, WatchPolicy]:
    return {each.name: each.watch for each in base.tenants if each.watch is not None}


def _by_tenant(seen: Sequence[Observation]) -> dict[str, list[Observation]]:
    found = defaultdict[str, list[Observation]](list)
    for each in seen:
        found[each.dimensions.get("tenant", "")].append(each)
    return dict(sorted(found.items()))


def _finding(
    rule: str, severity: Severity, said: str, found: Sequence[Observation], where: Slice = ()
) -> ComplianceFinding:
    ids = tuple(each.id for each in found[-MOST_RECORDS:])
    return ComplianceFinding(
        rule=rule, severity=severity, said=said, requests=len(found), where=where, record_ids=ids
    )
