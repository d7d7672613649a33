"""What the unchanged openai client sees while moves are in force, and what is recorded of it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from harness import EVERYTHING, RunningGateway, base, running_gateway, specialist
from held_moves import overlay

from guardian_cluster.contract.snapshot import Base, Capabilities, Tenant, Variant
from guardian_cluster.domain.action import (
    ChangeTimeouts,
    Drain,
    Move,
    Reroute,
    Shed,
    UseVariant,
)
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.simulation import Hang, ModelServer

VARIANTS = (Variant(id="v2", instructions="Be long."), Variant(id="v1", instructions="Be brief.", share=0.0))


class House:
    """A gateway before two models, whose specialists are `smart` (two endpoints) and `other`."""

    def __init__(self, gateway: RunningGateway, serving: Base, client: openai.AsyncOpenAI) -> None:
        self.gateway = gateway
        self.serving = serving
        self.client = client

    def obey(self, *moves: Move, until: float = 4e9) -> None:
        self.gateway.apply(self.serving, overlay(*moves, until=until))

    async def ask(self, model: str = "smart", **fields: Any) -> str:
        answer = await self.client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "hi"}], **fields
        )
        return answer.choices[0].message.content or ""

    @property
    def moves(self) -> list[tuple[str, ...]]:
        return [each.moves for each in self.gateway.collected.requests]

    @property
    def endpoints(self) -> list[str | None]:
        return [each.endpoint for each in self.gateway.collected.requests]


@asynccontextmanager
async def house(
    *, able: Capabilities = EVERYTHING, requires: tuple[str, ...] = ()
) -> AsyncGenerator[tuple[House, ModelServer, ModelServer]]:
    """Run one; `able` is what `other` can do, `requires` what labels its tenant wants: `smart` alone is `eu`."""
    async with ModelServer("first") as one, ModelServer("second") as two:
        smart = specialist("smart", one.url, one.url, variants=VARIANTS, labels=("eu",))
        other = specialist("other", two.url, capabilities=able)
        serving = base(smart, other, tenants=(Tenant(name="default", requires=requires),))
        async with running_gateway(serving) as gateway:
            client = openai.AsyncOpenAI(base_url=gateway.url, api_key="key", max_retries=0, timeout=10.0)
            async with client:
                yield House(gateway, serving, client), one, two


async def test_a_drained_endpoint_is_left_out_until_its_time_is_over():
    async with house() as (running, _, _):
        running.obey(Drain(specialist="smart", endpoint="smart/1"))
        for _ in range(6):
            assert await running.ask() == "first"
        running.obey(Drain(specialist="smart"), until=SystemClock().now() - 1.0)
        assert await running.ask() == "first"

        assert running.endpoints[:6] == ["smart/2"] * 6
        assert running.moves == [("a1",)] * 6 + [()]


async def test_what_is_rerouted_is_answered_by_another_and_by_itself_where_that_one_fails():
    async with house() as (running, _, two):
        running.obey(Reroute(specialist="smart", to="other"))
        assert await running.ask() == "second"
        two.fault = Hang("request")
        running.obey(Reroute(specialist="smart", to="other"), ChangeTimeouts(specialist="other", total_s=2.0))
        assert await running.ask() == "first"

        assert running.moves == [("a1",), ("a1", "a2")]
        (_, last) = running.gateway.collected.requests
        assert [each.specialist for each in last.attempts] == ["other", "smart"]
        assert last.requested_model == "smart"


@pytest.mark.parametrize(
    "why", [{"able": Capabilities(json=False)}, {"requires": ("eu",)}], ids=["not able", "not allowed"]
)
async def test_a_reroute_to_one_who_cannot_answer_does_not_apply(why: Any):
    async with house(**why) as (running, _, _):
        running.obey(Reroute(specialist="smart", to="other"))
        await running.ask(response_format={"type": "json_object"})

        assert [each.specialist for each in running.gateway.collected.requests] == ["smart"]
        assert running.moves == [()]


async def test_all_requests_are_answered_by_the_variant_that_is_forced():
    async with house() as (running, one, _):
        await running.ask()
        running.obey(UseVariant(specialist="smart", variant="v1"))
        await running.ask()

        told = [each.body["messages"][0]["content"] for each in one.requests]
        assert told == ["Be long.", "Be brief."]
        assert [each.variant for each in running.gateway.collected.requests] == ["v2", "v1"]
        assert running.moves == [(), ("a1",)]


async def test_a_model_is_waited_for_as_long_as_a_move_says():
    async with house() as (running, one, _):
        one.fault = Hang("request")
        running.obey(ChangeTimeouts(specialist="smart", total_s=0.2))
        with pytest.raises(openai.InternalServerError) as caught:
            await running.ask()

        assert caught.value.status_code == 504
        assert running.moves == [("a1",)]


async def test_what_is_shed_is_told_when_to_come_again():
    async with house() as (running, one, _):
        running.obey(Shed(specialist="smart", share=1.0))
        with pytest.raises(openai.RateLimitError) as caught:
            await running.ask()
        assert await running.ask("other") == "second"

        error: Any = caught.value.body
        assert (error["code"], error["type"]) == ("overloaded", "rate_limit_error")
        assert "`smart` is overloaded" in error["message"]
        assert caught.value.response.headers["retry-after"] == "10"
        assert one.requests == []
        assert [each.outcome for each in running.gateway.collected.requests] == ["refused", "ok"]
        assert running.moves == [("a1",), ()]


async def test_auto_obeys_too():
    async with house() as (running, _, _):
        running.obey(Drain(specialist="smart"))
        assert await running.ask("auto") == "second"
        running.obey(Reroute(specialist="other", to="smart"))
        assert await running.ask("auto") == "first"
        running.obey(Shed(specialist="smart", share=1.0), Shed(specialist="other", share=1.0))
        with pytest.raises(openai.RateLimitError):
            await running.ask("auto")

        assert running.moves[:2] == [("a1",), ("a1",)]


async def test_moves_are_the_operators_business():
    async with house() as (running, _, _):
        running.obey(UseVariant(specialist="smart", variant="v1"))
        answer = await running.client.chat.completions.with_raw_response.create(
            model="smart", messages=[{"role": "user", "content": "hi"}]
        )
        facts = await running.client.get(
            f"/requests/{answer.headers['x-request-id']}", cast_to=dict[str, Any]
        )

        assert "moves" not in facts
