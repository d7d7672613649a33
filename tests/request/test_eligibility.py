"""Who may and can serve a request, and what is said of those who may not."""

from typing import Any

import pytest
from harness import SOLVER, specialist
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import Capabilities, Tenant
from guardian_cluster.domain.errors import InvalidRequest, NotAllowed
from guardian_cluster.request.eligibility import (
    builtin_lacks,
    lowest,
    nobody,
    over_ceiling,
    shortcoming,
    withheld_from,
)
from guardian_cluster.request.needs import Needs


def model(name: str = "one", **facts: Any) -> Any:
    return specialist(name, "http://127.0.0.1:9/v1", **facts)


def test_a_tenant_without_a_policy_may_be_answered_by_anyone():
    assert withheld_from(model(), Tenant(name="t")) is None


def test_a_tenant_is_kept_to_its_specialists_those_built_in_too():
    tenant = Tenant(name="t", specialists=("one", "two"))

    assert withheld_from(model("one"), tenant) is None
    for other in (model("three"), SOLVER):
        problem = withheld_from(other, tenant)
        assert isinstance(problem, NotAllowed)
        assert (problem.http_status, problem.code, problem.param) == (403, "tenant_policy", "model")
        assert problem.message == (
            f"The requests of this tenant may be answered by one, two alone, and not `{other.name}`."
        )


def test_a_data_policy_asks_for_all_its_labels_and_names_those_that_are_missing():
    tenant = Tenant(name="t", requires=("eu", "no-training"))

    assert withheld_from(model(labels=("no-training", "eu", "fast")), tenant) is None
    problem = withheld_from(model(labels=("eu",)), tenant)
    assert problem is not None
    assert problem.message == "The data policy of this tenant requires no-training, and not `one`."


def test_what_is_built_in_passes_nothing_on_and_needs_no_labels():
    assert withheld_from(SOLVER, Tenant(name="t", requires=("eu",))) is None


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_ceiling_lets_through_what_it_covers_and_nothing_else(expected: float, ceiling: float):
    problem = over_ceiling(expected, model(), ceiling)

    assert (problem is None) == (expected <= ceiling)


def test_a_cost_over_the_ceiling_is_refused_with_both_numbers():
    problem = over_ceiling(0.0123456, model(), 0.005)

    assert isinstance(problem, InvalidRequest)
    assert (problem.http_status, problem.code) == (400, "over_cost_ceiling")
    assert "`one` is expected to cost 0.012346 USD, and this request may cost 0.005;" in problem.message


def test_without_a_ceiling_nothing_costs_too_much():
    assert over_ceiling(1e9, model(), None) is None


@given(st.lists(st.none() | st.floats(0, 1e6), max_size=4))
def test_the_lowest_ceiling_binds(ceilings: list[float | None]):
    given_ones = [each for each in ceilings if each is not None]

    assert lowest(ceilings) == (min(given_ones) if given_ones else None)


@pytest.mark.parametrize(
    ("needs", "lack"),
    [
        (Needs(), None),
        (Needs(choices=2), "several choices (`n`)"),
        (Needs(logprobs=True), "log probabilities"),
        (Needs(choices=2, logprobs=True), "several choices (`n`)"),
    ],
)
def test_what_is_built_in_gives_one_plain_choice(needs: Needs, lack: str | None):
    assert builtin_lacks(needs) == lack
    assert (shortcoming(SOLVER, needs) is None) == (lack is None)
    assert shortcoming(model(), needs) is None


@pytest.mark.parametrize(
    ("needed", "what"),
    [("tools", "tools"), ("vision", "images"), ("json", "JSON answers"), ("embeddings", "embeddings")],
)
def test_each_ability_is_asked_for_by_its_name(needed: str, what: str):
    unable = model(capabilities=Capabilities(tools=False, vision=False, json=False, embeddings=False))
    problem = shortcoming(unable, Needs(**{needed: True}))

    assert problem is not None
    assert problem.message == f"`one` does not support {what}."
    assert shortcoming(model(), Needs(**{needed: True})) is None


@pytest.mark.parametrize(("tokens", "fits"), [(100, True), (101, False)])
def test_messages_may_fill_the_context_and_no_more(tokens: int, fits: bool):
    problem = shortcoming(model(context_length=100), Needs(input_tokens=tokens))

    assert (problem is None) == fits


@pytest.mark.parametrize(
    ("needs", "line"),
    [
        (Needs(), 'model = "qwen3:8b"'),
        (Needs(vision=True), "vision = true"),
        (Needs(embeddings=True), "embeddings = true"),
    ],
)
def test_nobody_says_which_model_would_do(needs: Needs, line: str):
    error = nobody(needs, has_models=False, has_solver=False)

    assert error.code == "no_model_configured"
    assert line in error.message
    assert "None is configured" in error.message


def test_nobody_able_names_all_that_is_wanted():
    error = nobody(Needs(tools=True, json=True), has_models=True, has_solver=True)

    assert "supports tools, json" in error.message
