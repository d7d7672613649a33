"""How a request would be routed, told without asking anybody."""

from typing import Any

import msgspec
import pytest
from harness import SOLVER, base, specialist
from routers import router_of

from guardian_cluster.contract.snapshot import Price, RoutingPolicy, Tenant
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.explanation import Explanation, explain

SEVERAL = "compute 17*23 and write a Python function that reverses a string"
NOWHERE = "http://127.0.0.1:9/v1"
"""Nothing listens there: whoever was asked would fail."""


def models() -> list[Any]:
    return [specialist("weak", NOWHERE), specialist("strong", NOWHERE, tier=3, price=Price(output_usd=30.0))]


async def explained(question: str, *members: Any, model: str = "auto", **changes: Any) -> Explanation:
    serving = msgspec.structs.replace(base(*(members or models())), **changes)
    request = UserRequest(body={"model": model, "messages": [{"role": "user", "content": question}]})
    return await explain(
        router_of(serving, is_solvable=lambda text: "17*23" in text and len(text) < 20), request
    )


async def test_a_choice_is_explained_with_everybody_who_was_weighed():
    found = await explained("Why is the sky blue?")

    (only,) = found.assignments
    assert only.routing is not None
    assert {each.specialist for each in only.routing.candidates} == {"weak", "strong"}
    assert sum(each.probability for each in only.routing.candidates) == pytest.approx(1.0)
    assert {only.specialist, *only.then} == {"weak", "strong"}
    assert only.reason == only.routing.reason
    assert (found.requested, only.text, found.max_cost_usd) == ("auto", None, None)
    assert found.complexity is not None
    assert 0.0 <= found.complexity <= 1.0


async def test_the_features_of_a_question_are_not_shown():
    found = await explained("Why is the sky blue?")

    assert found.assignments[0].routing is not None
    assert found.assignments[0].routing.features == b""


async def test_who_is_asked_by_name_is_explained_by_that():
    found = await explained("Why?", model="strong")

    (only,) = found.assignments
    assert (only.specialist, only.reason, only.propensity, only.routing) == (
        "strong",
        "asked for by name",
        1.0,
        None,
    )
    assert (found.complexity, found.requirements) == (None, ())


async def test_what_is_behind_an_alias_is_told():
    found = await explained("Why?", model="house", aliases={"house": "auto:best"})

    assert found.requested == "auto:best"


async def test_every_part_is_explained_in_the_users_words():
    found = await explained(SEVERAL, *models(), SOLVER)

    exact, code = found.assignments
    assert (exact.text, exact.specialist) == ("compute 17*23", "solver")
    assert code.text == "write a Python function that reverses a string"
    assert code.specialist in {"weak", "strong"}


async def test_the_ceiling_that_binds_is_told():
    found = await explained(
        "Why?",
        routing=RoutingPolicy(max_cost_usd=0.5),
        tenants=(Tenant(name="default", max_cost_usd=0.25),),
    )

    assert found.max_cost_usd == 0.25


@pytest.mark.parametrize(
    ("model", "code"),
    [("nobody", "model_not_found"), ("auto", "no_model_configured")],
    ids=["unknown", "none"],
)
async def test_a_refusal_is_the_explanation(model: str, code: str):
    with pytest.raises(GuardianError) as caught:
        await explained("Why?", SOLVER, model=model)

    assert caught.value.code == code


async def test_an_explanation_can_be_written_as_json():
    found = await explained(SEVERAL, *models(), SOLVER)

    told = msgspec.json.decode(msgspec.json.encode(found))
    assert [each["specialist"] for each in told["assignments"]] == [
        each.specialist for each in found.assignments
    ]
