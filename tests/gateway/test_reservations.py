"""What is reserved of a budget before anybody is asked: no more than whoever may answer could cost."""

import hashlib

from gateway_client import chat
from harness import base, running_gateway, specialist

from guardian_cluster.contract.snapshot import ApiKey, Limits, Price, Tenant
from guardian_cluster.simulation import ModelServer


async def test_whom_a_tenant_may_not_ask_is_not_reserved_for():
    key = ApiKey(
        id="k",
        sha256=hashlib.sha256(b"sk-k").hexdigest(),
        tenant="thrifty",
        created=0.0,
        limits=Limits(budget_usd_per_month=0.01),
    )
    thrifty = Tenant(name="thrifty", specialists=("local",))
    async with ModelServer("All is well.") as model:
        local = specialist("local", model.url, price=Price(output_usd=1.0))
        dear = specialist("dear", "http://127.0.0.1:9/v1", price=Price(output_usd=1_000.0))
        async with running_gateway(base(local, dear, keys=[key], tenants=[thrifty])) as gateway:
            reply = await chat(gateway, {"authorization": "Bearer sk-k"}, model="auto")

    assert reply.status == 200
    assert gateway.collected.requests[0].specialist == "local"
