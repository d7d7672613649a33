"""What of a specialist could be better although nothing is broken, and what is said of it."""

from collections.abc import Callable

import msgspec
import pytest
from optimizer_samples import failing, seen, snapshot, tried, window, wished, writer
from test_optimizer_rules import change_of

from guardian_cluster.contract.snapshot import BalancingPolicy, Price, Specialist
from guardian_cluster.domain.improvement import SettingChange
from guardian_cluster.domain.monitoring import Opportunity
from guardian_cluster.domain.observation import Observation
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.optimizing.opportunities import opportunities
from guardian_cluster.guardians.optimizing.proposing import proposals
from guardian_cluster.guardians.optimizing.table import BY_OPPORTUNITY


def where_so(change: Callable[[int], dict[str, object] | None], count: int = 400) -> Window:
    """Return a window whose requests are as `change` says of their number."""
    found = [msgspec.structs.replace(seen(n), **(change(n) or {})) for n in range(count)]
    return msgspec.structs.replace(window(count=1), observations=tuple(found))


def looked(seen_in: Window, specialist: Specialist | None = None, **base: object) -> dict[str, Opportunity]:
    deployed = snapshot(specialist, **base)
    found = opportunities(deployed.base.specialists[0], deployed.base, seen_in)
    return {each.kind: each for each in found}


def test_a_sound_window_has_none() -> None:
    assert looked(where_so(lambda _: None)) == {}
    assert looked(window(count=0)) == {}


def test_hangs_that_are_waited_for_too_long_are_told_with_their_records() -> None:
    hung = failing("upstream_timeout", duration_ms=60_000.0)

    found = looked(where_so(lambda n: hung if n in (3, 5, 7) else None))

    assert set(found) == {"timeout-too-long"}
    assert found["timeout-too-long"].record_ids == ("r3", "r5", "r7")
    assert found["timeout-too-long"].cause == "hang"
    assert looked(where_so(lambda n: hung if n in (3, 5) else None)) == {}


def test_answers_that_are_given_up_while_sound_ones_need_as_long_are_told() -> None:
    given_up = {"outcome": "error", **failing("upstream_timeout", first=False)}

    found = looked(where_so(lambda n: given_up if n % 10 == 0 else {"first_token_ms": 40_000.0 + n}))

    assert set(found) == {"timeout-too-short"}


def test_answers_that_end_at_their_bound_are_told() -> None:
    found = looked(where_so(lambda n: {"finish_reason": "length"} if n % 10 == 0 else None))

    assert set(found) == {"answers-cut-short"}
    assert len(found["answers-cut-short"].record_ids) == 40


def test_a_specialist_far_dearer_than_one_as_strong_is_told() -> None:
    cheap = writer(name="cheap", price=Price(input_usd=0.1, output_usd=0.2), fallback=(), endpoints=())
    weak = msgspec.structs.replace(cheap, name="weak", tier=1)

    found = looked(where_so(lambda _: None), specialists=(writer(), cheap))

    assert set(found) == {"dearer-than-alternatives"}
    assert "cheap" in found["dearer-than-alternatives"].said
    assert looked(where_so(lambda _: None), specialists=(writer(), weak)) == {}


@pytest.mark.parametrize(
    ("field", "kind"), [("duration_ms", "endpoint-slower"), ("cost_usd", "endpoint-dearer")]
)
def test_an_endpoint_far_above_its_equals_is_told(field: str, kind: str) -> None:
    usual = getattr(seen(1), field)

    found = looked(where_so(lambda n: {field: 3.0 * usual} if n % 2 == 0 else None))

    assert found[kind].where == (("endpoint", "writer/1"),)
    assert all(int(id[1:]) % 2 == 0 for id in found[kind].record_ids)


def test_an_endpoint_at_which_tries_are_wasted_is_told() -> None:
    wasted = failing("upstream_error")

    found = looked(where_so(lambda n: wasted if n % 6 == 0 else None))

    assert found["retries-wasted"].where == (("endpoint", "writer/1"),)


@pytest.mark.parametrize(
    ("signal", "kind"), [("refusal", "refusals-in-template"), ("format", "format-failures-in-template")]
)
def test_failures_of_one_template_are_told(signal: str, kind: str) -> None:
    def of(n: int) -> dict[str, object] | None:
        lost = {"losses": {signal: 1.0}} if n % 8 == 0 else {}
        return {"dimensions": {"template": "bad"}, **lost} if n % 4 == 0 else None

    found = looked(where_so(of))

    assert found[kind].where == (("template", "bad"),)
    assert found[kind].record_ids[:2] == ("r0", "r8")
    everywhere = looked(where_so(lambda n: {"losses": {signal: 1.0}} if n % 2 else None))
    assert kind not in everywhere


def test_second_endpoints_that_never_answer_first_are_told_and_not_asked() -> None:
    raced = {"tries": (tried("writer/1"), tried("writer/2", "cancelled"))}
    lost_races = where_so(lambda n: raced if n % 4 == 0 else None)

    found = looked(lost_races)
    deployed = snapshot()
    (proposal,) = proposals(
        deployed.base.specialists[0], [wished("hedges-wasted")], lost_races, deployed, at=1.0
    )

    assert set(found) == {"hedges-wasted"}
    assert change_of(proposal) == SettingChange(path="specialists.writer.hedge", before=True, after=False)
    assert proposal.cost_ratio < 1.0


def test_long_instructions_that_could_be_in_a_cache_are_told() -> None:
    off = BalancingPolicy(affinity=False)

    found = looked(where_so(lambda _: {"input_tokens": 2_000}), balancing=off)

    assert set(found) == {"affinity-off"}
    assert looked(where_so(lambda _: {"input_tokens": 2_000})) == {}


def test_every_kind_that_is_told_has_its_rules() -> None:
    kinds = {
        "timeout-too-long", "timeout-too-short", "answers-cut-short", "dearer-than-alternatives",
        "endpoint-slower", "endpoint-dearer", "retries-wasted", "refusals-in-template",
        "format-failures-in-template", "hedges-wasted", "affinity-off",
    }  # fmt: skip

    assert set(BY_OPPORTUNITY) == kinds


@pytest.mark.parametrize("kind", ["timeout-too-long", "timeout-too-short", "affinity-off", "endpoint-slower"])
def test_an_opportunity_is_proposed_for_by_its_kind(kind: str) -> None:
    slow: dict[str, Observation] = {}
    needed = 40_000.0 if kind == "timeout-too-short" else 400.0
    seen_in = where_so(lambda n: {"first_token_ms": needed + n % 7, **slow})
    deployed = snapshot(writer(hedge=False), balancing=BalancingPolicy(affinity=False))

    found = tuple(proposals(deployed.base.specialists[0], [wished(kind)], seen_in, deployed, at=1.0))

    assert [each.change.path for each in found] == [  # type: ignore[union-attr]
        {
            "timeout-too-long": "specialists.writer.timeouts.first_token_s",
            "timeout-too-short": "specialists.writer.timeouts.first_token_s",
            "affinity-off": "balancing.affinity",
            "endpoint-slower": "specialists.writer.hedge",
        }[kind]
    ]
    assert found[0].cause is None
