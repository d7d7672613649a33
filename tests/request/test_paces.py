"""What a tenant's dollar counts, as its requests are billed."""

from typing import Any

import pytest
from sample_records import request_record

from guardian_cluster.contract.records import CandidateRecord, RoutingRecord
from guardian_cluster.contract.snapshot import Tenant
from guardian_cluster.request.paces import Paces

CHOSEN = RoutingRecord(
    policy="auto",
    reason="chosen",
    candidates=(
        CandidateRecord(
            specialist="one", success=0.5, trust=0.0, cost_usd=0.01, latency_s=1.0, probability=1.0
        ),
    ),
)
ONLY = RoutingRecord(policy="auto", reason="the only one that is able")


def paces(**targets: float | None) -> Paces:
    made = Paces()
    made.configure([Tenant(name=name, usd_per_request=target) for name, target in targets.items()])
    return made


def bill(pacing: Paces, usd: float, times: int = 1, **changes: Any) -> None:
    for _ in range(times):
        pacing.report(request_record(**{"cost_usd": usd, "routing": CHOSEN, **changes}))


def test_without_a_target_a_dollar_counts_one():
    pacing = paces(acme=None)
    bill(pacing, 100.0, 50)

    assert (pacing.price("acme"), pacing.price("nobody")) == (0.0, 0.0)


def test_the_price_rises_while_spending_is_over_target_and_falls_back_when_it_is_under():
    pacing = paces(acme=0.01)
    prices = [pacing.price("acme")]
    for _ in range(3):
        bill(pacing, 0.05, 10)
        prices.append(pacing.price("acme"))
    bill(pacing, 0.0, 2_000)

    assert prices == sorted(prices)
    assert prices[0] == 0.0 < prices[1] < prices[3]
    assert pacing.price("acme") == 0.0


def test_spending_within_the_target_costs_nothing_more():
    pacing = paces(acme=0.01)
    bill(pacing, 0.0099, 200)

    assert pacing.price("acme") == pytest.approx(0.0, abs=1e-6)


def test_one_tenants_spending_does_not_raise_anothers_price():
    pacing = paces(acme=0.01, other=0.01)
    bill(pacing, 0.05, 60)

    assert (pacing.price("acme") > 0.0, pacing.price("other")) == (True, 0.0)


@pytest.mark.parametrize("routing", [None, ONLY])
def test_what_was_not_the_routers_choice_is_not_counted(routing: RoutingRecord | None):
    pacing = paces(acme=0.01)
    bill(pacing, 0.05, 60, routing=routing)

    assert pacing.price("acme") == 0.0


def test_who_keeps_a_target_keeps_the_debt():
    pacing = paces(acme=0.01, gone=0.01)
    bill(pacing, 0.05, 60)
    bill(pacing, 0.05, 60, tenant="gone")
    before = pacing.price("acme")

    pacing.configure([Tenant(name="acme", usd_per_request=0.01), Tenant(name="gone")])

    assert (pacing.price("acme"), pacing.price("gone")) == (before, 0.0)


def test_a_lower_target_makes_the_same_debt_weigh_more():
    pacing = paces(acme=0.01)
    bill(pacing, 0.011, 60)
    before = pacing.price("acme")

    pacing.configure([Tenant(name="acme", usd_per_request=0.001)])

    assert pacing.price("acme") > before > 0.0
