"""What a drill advises: from a configuration and from what was seen, in words an operator can act on."""

from typing import Any

import msgspec

from guardian_cluster.cli.drill.advice import advice_for
from guardian_cluster.cli.drill.seen import Seen, Struck
from guardian_cluster.contract.snapshot import Base, Endpoint, Specialist, Tenant, Variant
from guardian_cluster.simulation.strikes import STRIKES

HEALTHY = Seen(
    form="stream",
    verdict="complete",
    status=200,
    code=None,
    first_content_s=0.4,
    total_s=0.8,
    attempts=("smart/1",),
    answered_by="smart/1",
    met=True,
    could_be_answered=True,
    text="",
)


def specialist(*hosts: str, **fields: Any) -> Specialist:
    endpoints = tuple(
        Endpoint(id=f"smart/{number}", url=f"https://{host}/v1", model="m")
        for number, host in enumerate(hosts, 1)
    )
    return Specialist(name="smart", variants=(Variant(id="v"),), endpoints=endpoints, **fields)


def struck(fault: str, **changes: Any) -> Struck:
    unused = changes.pop("unused", ())
    seen = msgspec.structs.replace(HEALTHY, **changes)
    return Struck(strike=STRIKES[fault], seen=(seen,), after=(), healthy=(HEALTHY,), unused=unused)


def advised(one: Specialist, *found: Struck) -> str:
    base = Base(specialists=(one,), tenants=(Tenant(name="default"),))
    return "\n".join(advice_for(base, one, found))


def test_where_all_went_well_nothing_is_advised():
    assert advised(specialist("a.example", "b.example"), struck("refuse")) == ""


def test_two_endpoints_at_one_host_fail_together():
    assert "all 2 endpoints that answer for smart are at a.example" in advised(
        specialist("a.example", "a.example")
    )


def test_a_short_answer_that_looks_whole_is_called_our_bug():
    found = struck("clean-cut", verdict="silent_truncation")

    assert "1 answer of smart came short and looked whole: a bug of guardian" in advised(
        specialist("a", "b"), found
    )
    assert found.lost


def test_waiting_for_first_words_names_the_timeouts_and_the_hedge():
    late = struck("hang-before-headers", first_content_s=60.4, total_s=60.8)

    told = advised(specialist("a", "b", hedge=False), late)

    assert "60 s at worst: timeouts.first_token_s is 60" in told
    assert "hedge is false for smart" in told


def test_whole_answers_that_wait_name_half_of_the_time():
    late = struck("hang-before-headers", form="whole", first_content_s=None, total_s=300.8)

    assert "half of timeouts.total_s (600 now), 301 s at worst" in advised(specialist("a", "b"), late)


def test_half_a_call_of_a_tool_is_nobodys_fault_and_told():
    half = struck("half-body", form="tool", verdict="in_band_error", could_be_answered=False)

    assert "nobody can go on with half a call" in advised(specialist("a", "b"), half)
    assert not half.lost


def test_a_gateway_that_may_not_try_again_is_told():
    one = specialist("a", "b")
    lost = struck("server-error", verdict="refused", status=500)
    base = Base(specialists=(one,), tenants=(Tenant(name="default"),))
    base = msgspec.structs.replace(
        base,
        limits=msgspec.structs.replace(base.limits, max_attempts=1),
        balancing=msgspec.structs.replace(base.balancing, retry_share=0.0),
    )

    told = "\n".join(advice_for(base, one, [lost]))

    assert "gateway.limits.max_attempts is 1" in told
    assert "balancing.retry_share is 0" in told


def test_an_endpoint_that_came_back_and_is_not_asked_is_told():
    assert "smart/1 came back" in advised(specialist("a", "b"), struck("recovery", unused=("smart/1",)))
