"""What is charged for a request that took several attempts, and what its caller is shown."""

from typing import Any

import pytest
from clusters import TEXT, Seen, running_cluster
from harness import base, specialist

from guardian_cluster.contract.snapshot import DenyRule, Price, WatchPolicy
from guardian_cluster.request.usage import Spent, Usage
from guardian_cluster.simulation import FalseUsage, ModelServer, Reset

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
# Kinds of secrets would have the end of the answer waited for: `SECRET` may begin one.
STRICT = WatchPolicy(deny=(DenyRule(name="house", text="SECRET", action="retry"),), on_secret="ignore")
DEAR, CHEAP = Price(input_usd=100.0, output_usd=10_000.0), Price(input_usd=1.0, output_usd=1.0)


async def withheld_then_answered(*, stream: bool, **facts: Any) -> Seen:
    """Ask a dear model whose answer is withheld; a cheap one that counts 7 and 5 tokens stands by."""
    async with ModelServer("SECRET", faults=facts.pop("faults", FalseUsage(40, 30))) as one:
        async with ModelServer(TEXT, faults=FalseUsage(7, 5)) as two:
            smart = specialist("smart", one.url, price=DEAR, fallback=("backup",), **facts)
            serving = base(smart, specialist("backup", two.url, price=CHEAP), watch=STRICT)
            async with running_cluster(serving) as running:
                options = {"stream_options": {"include_usage": True}} if stream else {}
                return await running.ask(stream=stream, **options)


async def test_a_withheld_answers_tokens_are_charged_at_its_own_price():
    seen = await withheld_then_answered(stream=False)

    used = [(each.error, each.input_tokens, each.output_tokens) for each in seen.record.attempts]
    assert used == [("answer_blocked", 40, 30), (None, 7, 5)]
    assert sum(each.cost_usd for each in seen.record.attempts) == pytest.approx(seen.record.cost_usd)
    assert (seen.record.input_tokens, seen.record.output_tokens) == (47, 35)
    assert seen.record.cost_usd == pytest.approx((40 * 100 + 30 * 10_000 + 7 + 5) / 1e6)
    assert not seen.record.tokens_estimated


async def test_a_withheld_stream_that_was_broken_off_is_estimated():
    seen = await withheld_then_answered(stream=True)

    written = -(-len("SECRET") // 4)
    assert seen.record.output_tokens == written + 5
    assert seen.record.input_tokens == 1 + 7
    assert seen.record.tokens_estimated


@BOTH
async def test_the_usage_that_is_shown_is_that_of_the_answer_alone(stream: bool):
    seen = await withheld_then_answered(stream=stream)

    shown = seen.chunks[-1]["usage"]
    assert (shown["prompt_tokens"], shown["completion_tokens"]) == (7, 5)
    assert seen.record.output_tokens > 5


@BOTH
async def test_an_attempt_that_never_reached_a_model_costs_nothing(stream: bool):
    seen = await withheld_then_answered(stream=stream, faults=Reset("headers"))

    assert (seen.record.input_tokens, seen.record.output_tokens) == (7, 5)
    assert not seen.record.tokens_estimated


def test_a_sum_is_estimated_where_a_part_of_it_is():
    spent = Spent()
    spent.add(Usage(input_tokens=3, output_tokens=4, counted=True), CHEAP)
    spent.add(Usage(), DEAR)
    assert not spent.is_estimated

    spent.add(Usage(input_tokens=1), CHEAP)

    assert (spent.input_tokens, spent.output_tokens, spent.is_estimated) == (4, 4, True)
    assert spent.cost_usd == pytest.approx(8e-6)
