"""What of a window no policy allows, and how bad that is."""

import msgspec
from optimizer_samples import seen, snapshot, window, writer

from guardian_cluster.contract.snapshot import RoutingPolicy, Specialist, Tenant, WatchPolicy
from guardian_cluster.domain.monitoring import ComplianceFinding
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.reviewing.compliance import findings

ACME = (Tenant(name="acme"),)


def found_in(
    seen_in: Window, specialist: Specialist | None = None, **base: object
) -> list[ComplianceFinding]:
    deployed = snapshot(specialist, **({"tenants": ACME} | base)).base
    return list(findings(deployed.specialists[0], deployed, seen_in))


def with_verdicts(verdicts: dict[int, tuple[str, ...]], tenants: dict[int, str] | None = None) -> Window:
    named = tenants or {}
    observations = [
        seen(n, verdicts=verdicts.get(n, ()), dimensions={"tenant": named.get(n, "acme")}) for n in range(100)
    ]
    return msgspec.structs.replace(window(count=1), observations=tuple(observations))


def test_a_sound_window_breaks_no_policy() -> None:
    assert found_in(window()) == []
    assert found_in(window(count=0)) == []


def test_leaks_that_are_only_noted_reached_callers() -> None:
    leaks = with_verdicts({3: ("secret/aws-key",), 5: ("secret/aws-key", "personal-data/iban")})
    policy = WatchPolicy(on_secret="observe", personal={"iban": "observe"})

    first, second = found_in(leaks, watch=policy)

    assert (first.rule, first.severity, first.requests) == ("leak-delivered/secret/aws-key", "critical", 2)
    assert first.record_ids == ("r3", "r5")
    assert (second.rule, second.severity) == ("leak-delivered/personal-data/iban", "error")
    assert second.where == ()


def test_leaks_that_were_kept_in_are_only_worth_knowing() -> None:
    (found,) = found_in(with_verdicts({3: ("secret/aws-key", "secret/other")}))

    assert (found.rule, found.severity, found.requests) == ("leak-kept-in/secret", "info", 1)


def test_a_tenants_own_policy_decides_what_became_of_its_leaks() -> None:
    leaks = with_verdicts({3: ("secret/aws-key",), 4: ("secret/aws-key",)}, tenants={4: "own"})
    own = Tenant(name="own", watch=WatchPolicy(on_secret="observe"))

    delivered, kept_in = found_in(leaks, tenants=(*ACME, own))

    assert (delivered.where, delivered.record_ids) == ((("tenant", "own"),), ("r4",))
    assert kept_in.record_ids == ("r3",)


def test_more_attempts_than_before_are_told_whatever_was_done_about_them() -> None:
    rising = with_verdicts(dict.fromkeys((10, *range(60, 90, 2)), ("canary/canary-1",)))
    steady = with_verdicts(dict.fromkeys(range(0, 100, 7), ("canary/canary-1",)))

    assert [each.rule for each in found_in(rising)] == ["leaks-rising", "leak-kept-in/canary"]
    assert "leaks-rising" not in [each.rule for each in found_in(steady)]


def test_requests_whose_tenant_may_not_be_answered_by_it_are_told() -> None:
    strict = (Tenant(name="acme", requires=("eu", "no-training")),)
    elsewhere = (Tenant(name="acme", specialists=("local",)),)

    (lacks,) = found_in(window(), tenants=strict)
    (other,) = found_in(window(), tenants=elsewhere)

    assert (lacks.rule, lacks.severity, lacks.where) == ("data-policy", "error", (("tenant", "acme"),))
    assert "lacks no-training" in lacks.said
    assert "not one of those that may" in other.said
    assert found_in(window(), writer(kind="recall"), tenants=strict) == []


def test_requests_above_a_ceiling_of_cost_are_told() -> None:
    dear = window(since={"cost_usd": 0.05})
    capped = (Tenant(name="acme", max_cost_usd=0.01),)

    (own,) = found_in(dear, tenants=capped)
    (of_all,) = found_in(dear, routing=RoutingPolicy(max_cost_usd=0.02))

    assert (own.rule, own.severity, own.requests) == ("cost-ceiling", "warning", 25)
    assert "0.02 USD" in of_all.said
    assert found_in(dear) == []


def test_calls_of_tools_that_are_not_allowed_are_told_as_bad_as_they_got_out() -> None:
    calls = with_verdicts({3: ("tool-call/tool-not-allowed",), 4: ("tool-call/unknown-tool",)})

    (noted,) = found_in(calls)
    (stopped,) = found_in(calls, watch=WatchPolicy(on_tool_call="retry"))

    assert (noted.rule, noted.severity, noted.record_ids) == ("tool-not-allowed", "error", ("r3",))
    assert stopped.severity == "info"


def test_what_an_unknown_tenant_did_is_held_against_the_clusters_policy() -> None:
    leaks = with_verdicts({3: ("secret/aws-key",)}, tenants={3: "gone"})

    assert [each.rule for each in found_in(leaks)] == ["leak-kept-in/secret"]


def test_what_was_done_then_counts_and_not_what_the_policy_is_now() -> None:
    name = "secret/aws-key"
    noted = seen(1, verdicts=(name,), done={name: "observe"})
    redacted = seen(2, verdicts=(name,), done={name: "redact"})
    both = msgspec.structs.replace(window(count=1), observations=(noted, redacted))

    for policy in (WatchPolicy(on_secret="observe"), WatchPolicy(on_secret="redact")):
        delivered, kept_in = found_in(both, watch=policy)

        assert (delivered.rule, delivered.record_ids) == (f"leak-delivered/{name}", ("r1",))
        assert (kept_in.rule, kept_in.record_ids) == ("leak-kept-in/secret", ("r2",))


def test_a_tool_call_that_got_out_once_is_told_apart_from_those_that_were_stopped() -> None:
    name = "tool-call/tool-not-allowed"
    calls = [seen(n, verdicts=(name,), done={name: done}) for n, done in enumerate(("observe", "retry"))]

    got_out, stopped = found_in(msgspec.structs.replace(window(count=1), observations=tuple(calls)))

    assert (got_out.severity, got_out.record_ids) == ("error", ("r0",))
    assert (stopped.severity, stopped.record_ids) == ("info", ("r1",))
