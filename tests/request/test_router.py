"""Who is chosen to answer, and what is said when nobody can."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from harness import SOLVER, base, running_gateway, specialist
from hypothesis import given, settings
from hypothesis import strategies as st
from routers import router_of

from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.contract.router_model import RouterModel, address_of, write_model
from guardian_cluster.contract.snapshot import (
    ApiKey,
    Base,
    Capabilities,
    Endpoint,
    Price,
    RoutingPolicy,
    Snapshot,
    Specialist,
    Tenant,
    Variant,
)
from guardian_cluster.domain.errors import GuardianError, InvalidRequest, NoSpecialist, NotAllowed, NotFound
from guardian_cluster.domain.request import EmbeddingsRequest, Operation, UserRequest
from guardian_cluster.gateway.routes import max_cost_of
from guardian_cluster.request.assignment import SpecialistAssignment
from guardian_cluster.request.experience import Experience
from guardian_cluster.request.learned import Learned
from guardian_cluster.request.needs import needs_of
from guardian_cluster.request.router import POLICIES
from guardian_cluster.simulation import ModelServer
from guardian_cluster.statistics.hashing import TextHasher
from guardian_cluster.statistics.success_model import SuccessModel

TOOLS = [{"type": "function", "function": {"name": "f"}}]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
SUM = [{"role": "user", "content": "1 + 1"}]
RECALL = Specialist(
    name="recall",
    kind="recall",
    variants=(Variant(id="builtin"),),
    endpoints=(Endpoint(id="recall/1", url="builtin:recall", model="recall"),),
    capabilities=Capabilities(tools=False, json=False),
)
PLAIN = Capabilities(tools=False, vision=False, json=False, embeddings=False)


def named(name: str, **changes: Any) -> Any:
    return specialist(name, "http://127.0.0.1:9/v1", **changes)


def ask(
    model: str = "auto", *, key: str | None = None, operation: Operation = "chat", **fields: Any
) -> UserRequest:
    content = {"messages": [{"role": "user", "content": "hi"}]} if operation == "chat" else {"input": "hi"}
    return UserRequest(body={"model": model, **content, **fields}, operation=operation, key=key)


async def assign(
    serving: Base, request: UserRequest, *, drained: Collection[str] = (), solvable: bool = False
) -> SpecialistAssignment:
    router = router_of(serving, drained, is_solvable=lambda question: solvable and question == "1 + 1")
    (assignment,) = await router.assign_specialists(await router.analyze_request(request))
    return assignment


async def refusal(serving: Base, request: UserRequest, **options: Any) -> GuardianError:
    with pytest.raises(GuardianError) as caught:
        await assign(serving, request, **options)
    return caught.value


def key(*models: str) -> ApiKey:
    return ApiKey(id="k", sha256="0" * 64, tenant="default", models=models, created=0)


async def test_a_specialist_is_chosen_by_its_name():
    chosen = await assign(base(named("one"), named("two")), ask("two"))

    assert (chosen.specialist_id, chosen.alternatives, chosen.propensity) == ("two", (), 1.0)


async def test_an_alias_leads_to_its_specialist():
    chosen = await assign(base(named("one"), named("two"), aliases={"gpt-4o": "two"}), ask("gpt-4o"))

    assert (chosen.specialist_id, chosen.task.request.model) == ("two", "gpt-4o")


async def test_an_alias_may_lead_to_whoever_is_able():
    chosen = await assign(base(named("one"), aliases={"gpt-4o": "auto"}), ask("gpt-4o"))

    assert chosen.specialist_id == "one"


async def test_stand_ins_follow_in_the_operators_order():
    smart = named("smart", fallback=("three", "one"))
    chosen = await assign(base(named("one"), named("two"), named("three"), smart), ask("smart"))

    assert [other.name for other in chosen.alternatives] == ["three", "one"]


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("smrat", "did you mean `smart`?"), ("SMART", "did you mean"), ("zzz", "there are: auto, ")],
)
async def test_an_unknown_name_gets_the_nearest_one(asked: str, hint: str):
    error = await refusal(base(named("smart")), ask(asked))

    assert isinstance(error, NotFound)
    assert (error.code, error.param) == ("model_not_found", "model")
    assert asked in error.message
    if asked != "SMART":
        assert hint in error.message


async def test_an_endless_name_is_not_said_back_in_full():
    error = await refusal(base(named("smart")), ask("x" * 1_000_000))

    assert len(error.message) < 1_000


async def test_a_suggestion_names_only_what_the_key_may_use():
    serving = base(named("secret-model"), named("smart"), keys=[key("smart")])
    error = await refusal(serving, ask("secret-modle", key="k"))

    assert "secret-model`" not in error.message.replace("secret-modle", "")


async def test_a_key_is_kept_to_its_models():
    serving = base(named("one"), named("two"), keys=[key("one")])

    assert (await assign(serving, ask("one", key="k"))).specialist_id == "one"
    error = await refusal(serving, ask("two", key="k"))
    assert isinstance(error, NotAllowed)
    assert "may use: one" in error.message


async def test_a_key_for_an_alias_may_not_use_what_is_behind_it_by_name():
    serving = base(named("one"), aliases={"public": "one"}, keys=[key("public")])

    assert (await assign(serving, ask("public", key="k"))).specialist_id == "one"
    assert isinstance(await refusal(serving, ask("one", key="k")), NotAllowed)


async def test_a_keys_models_are_what_it_may_ask_for_and_do_not_bind_who_stands_in():
    serving = base(named("one", fallback=("two",)), named("two"), keys=[key("one")])

    chosen = await assign(serving, ask("one", key="k"))

    assert [stand_in.name for stand_in in chosen.alternatives] == ["two"]
    assert isinstance(await refusal(serving, ask("two", key="k")), NotAllowed)


async def test_auto_has_to_be_allowed_too():
    serving = base(named("one"), keys=[key("one")])

    assert isinstance(await refusal(serving, ask("auto", key="k")), NotAllowed)


def test_a_key_sees_its_models_and_no_others():
    serving = base(named("one"), named("two"), aliases={"public": "one"}, keys=[key("one", "public")])
    router = router_of(serving)

    assert router.names("k") == ["one", "public"]
    assert router.names(None) == [*POLICIES, "one", "two", "public"]


async def test_auto_asks_the_cheapest_that_is_able_and_the_others_after_it():
    dear = named("dear", tier=1, price=Price(output_usd=9))
    cheap = named("cheap", tier=1, price=Price(output_usd=1))
    strong = named("strong", tier=2, price=Price(output_usd=90))
    chosen = await assign(base(strong, dear, cheap), ask())

    assert [chosen.specialist_id, *(other.name for other in chosen.alternatives)] == [
        "cheap",
        "dear",
        "strong",
    ]


@pytest.mark.parametrize(
    ("fields", "able"),
    [
        ({"tools": TOOLS}, Capabilities(tools=True)),
        ({"functions": [{"name": "f"}]}, Capabilities(tools=True)),
        ({"messages": IMAGE}, Capabilities(vision=True)),
        ({"response_format": {"type": "json_object"}}, Capabilities(json=True)),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
            Capabilities(json=True),
        ),
    ],
)
async def test_auto_passes_over_who_is_not_able(fields: dict[str, Any], able: Capabilities):
    serving = base(named("plain", capabilities=PLAIN), named("able", capabilities=able, tier=9))

    chosen = await assign(serving, ask(**fields))

    assert (chosen.specialist_id, chosen.alternatives) == ("able", ())


async def test_embeddings_go_to_who_makes_them():
    able = named("vectors", capabilities=Capabilities(embeddings=True))
    chosen = await assign(base(named("plain", capabilities=PLAIN), able), ask(operation="embeddings"))

    assert chosen.specialist_id == "vectors"


async def test_a_plain_response_format_needs_nothing():
    chosen = await assign(base(named("one", capabilities=PLAIN)), ask(response_format={"type": "text"}))

    assert chosen.specialist_id == "one"


@pytest.mark.parametrize(
    ("fields", "missing"), [({"tools": TOOLS}, "tools"), ({"messages": IMAGE}, "images")]
)
async def test_who_is_asked_by_name_and_is_not_able_says_so(fields: dict[str, Any], missing: str):
    error = await refusal(base(named("one", capabilities=PLAIN)), ask("one", **fields))

    assert isinstance(error, InvalidRequest)
    assert error.code == "unsupported_capability"
    assert f"`one` does not support {missing}" in error.message


async def test_messages_longer_than_the_context_are_refused_with_both_numbers():
    long = [{"role": "user", "content": "x" * 4_000}]
    error = await refusal(base(named("one", context_length=999)), ask("one", messages=long))

    assert (error.http_status, error.code, error.param) == (400, "context_length_exceeded", "messages")
    assert "999" in error.message
    assert "1000" in error.message


async def test_auto_passes_over_who_cannot_hold_the_messages():
    serving = base(named("short", context_length=10), named("long", tier=9))
    chosen = await assign(serving, ask(messages=[{"role": "user", "content": "x" * 400}]))

    assert chosen.specialist_id == "long"


async def test_auto_gives_the_solver_what_it_understands_and_models_stand_by():
    chosen = await assign(base(named("one"), SOLVER), ask(messages=SUM), solvable=True)

    assert (chosen.specialist_id, [other.name for other in chosen.alternatives]) == ("solver", ["one"])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"messages": [*SUM, {"role": "assistant", "content": "2"}, *SUM]},
        {"messages": SUM, "tools": TOOLS},
        {"messages": SUM, "n": 2},
        {"messages": SUM, "logprobs": True},
        {"messages": SUM, "response_format": {"type": "json_object"}},
    ],
)
async def test_auto_gives_the_solver_nothing_else(fields: dict[str, Any]):
    chosen = await assign(base(named("one"), SOLVER), ask(**fields), solvable=True)

    assert (chosen.specialist_id, chosen.alternatives) == ("one", ())


@pytest.mark.parametrize("role", ["system", "developer"])
async def test_auto_gives_a_question_with_an_instruction_to_who_reads_it(role: str):
    messages = [{"role": role, "content": "Answer in French."}, *SUM]
    chosen = await assign(base(named("one"), SOLVER), ask(messages=messages), solvable=True)

    assert (chosen.specialist_id, chosen.alternatives) == ("one", ())


@pytest.mark.parametrize("drained", [(), ("one",)], ids=["alone", "the other is drained"])
async def test_auto_gives_it_to_the_solver_where_nobody_else_is_able_and_says_why(drained: tuple[str, ...]):
    messages = [{"role": "system", "content": "Answer in French."}, *SUM]
    others = [named(name) for name in drained]
    chosen = await assign(base(*others, SOLVER), ask(messages=messages), solvable=True, drained=drained)

    assert chosen.specialist_id == "solver"
    assert "it reads no instructions, and nobody else is able" in chosen.reason


@pytest.mark.parametrize(
    ("fields", "missing"), [({"n": 2}, "several choices"), ({"logprobs": True}, "log probabilities")]
)
async def test_the_solver_asked_by_name_says_what_it_does_not_give(fields: dict[str, Any], missing: str):
    error = await refusal(base(SOLVER), ask("solver", messages=SUM, **fields))

    assert (error.http_status, error.code) == (400, "unsupported_capability")
    assert f"`solver` does not support {missing}" in error.message


@pytest.mark.parametrize("fields", [{"n": 1}, {"n": None, "logprobs": False}])
async def test_the_solver_asked_by_name_gives_one_choice(fields: dict[str, Any]):
    chosen = await assign(base(SOLVER), ask("solver", messages=SUM, **fields))

    assert chosen.specialist_id == "solver"


async def test_the_solver_does_not_stand_in_for_several_choices():
    smart = named("smart", fallback=("solver",))
    chosen = await assign(base(smart, SOLVER), ask("smart", messages=SUM, n=2))

    assert chosen.alternatives == ()


async def test_nobody_configured_is_told_with_what_to_write_and_the_next_command():
    error = await refusal(base(), ask())

    assert isinstance(error, NoSpecialist)
    assert (error.http_status, error.code, error.should_retry) == (503, "no_model_configured", False)
    assert "[specialist." in error.message
    assert "guardian serve --config guardian.toml" in error.message


async def test_the_solver_alone_says_that_it_is_alone():
    error = await refusal(base(SOLVER), ask())

    assert error.code == "no_model_configured"
    assert "Only the built-in solver is here" in error.message


@pytest.mark.parametrize(
    ("fields", "lack"),
    [
        ({"tools": TOOLS}, "supports tools"),
        ({"messages": [{"role": "user", "content": "x" * 400}]}, "100 tokens"),
    ],
)
async def test_nobody_able_says_what_is_missing(fields: dict[str, Any], lack: str):
    error = await refusal(base(named("one", capabilities=PLAIN, context_length=50)), ask(**fields))

    assert (error.http_status, error.code, error.should_retry) == (503, "no_able_specialist", False)
    assert lack in error.message


async def test_a_drained_specialist_is_passed_over():
    smart = named("smart", fallback=("backup",))
    serving = base(smart, named("backup"))

    assert (await assign(serving, ask("smart"), drained={"smart"})).specialist_id == "backup"
    assert (await assign(serving, ask("auto"), drained={"smart"})).specialist_id == "backup"


async def test_a_drained_specialist_without_a_stand_in_is_told():
    error = await refusal(base(named("smart")), ask("smart"), drained={"smart"})

    assert isinstance(error, NoSpecialist)
    assert "`smart` is drained" in error.message


def test_needs_are_read_off_the_messages():
    text = {"type": "text", "text": "x" * 40}
    messages = [
        {"role": "system", "content": "y" * 8},
        {"role": "user", "content": [text, IMAGE[0]["content"][0]]},
    ]

    needs = needs_of(ask(messages=messages))

    assert (needs.vision, needs.tools, needs.json, needs.input_tokens) == (True, False, False, 12)


@pytest.mark.parametrize("claimed", [10**18, -(10**9)])
def test_a_caller_cannot_say_how_large_its_messages_are(claimed: int):
    messages = [{"role": "user", "content": "x" * 8, "undecoded_bytes": claimed}]

    assert needs_of(ask(messages=messages)).input_tokens == 2


@pytest.mark.parametrize(
    ("sent", "tokens"),
    [
        ("x" * 40, 10),
        (["x" * 20, "y" * 20], 10),
        ([1, 2, 3], 3),
        ([[1, 2], [3]], 3),
        (msgspec.Raw(b'"' + b"x" * 38 + b'"'), 10),
    ],
    ids=["text", "texts", "numbers", "lists", "encoded"],
)
def test_what_is_to_be_embedded_is_estimated(sent: Any, tokens: int):
    view = EmbeddingsRequest(model="auto", input="seen apart" if isinstance(sent, msgspec.Raw) else sent)
    request = UserRequest(body={"model": "auto", "input": sent}, view=view, operation="embeddings")

    assert needs_of(request).input_tokens == tokens


async def test_inputs_to_be_embedded_have_the_whole_window_each():
    serving = base(named("one", context_length=10, capabilities=Capabilities(embeddings=True)))

    assert await assign(serving, ask("one", operation="embeddings", input=["x" * 40] * 5))


HASHER = TextHasher(b"salt")
WEAK, STRONG = Price(input_usd=0.1, output_usd=0.1), Price(input_usd=10.0, output_usd=30.0)
LABELLED = Tenant(name="careful", requires=("eu",))
SEVERAL = "compute 17*23 and tell me what the handbook says about leave"
HARD = "Prove that every finite group of odd order is solvable, step by step, and justify each lemma you use."
SOLVABLE = ("compute 17*23", "17*23")


def two_models(**changes: Any) -> Base:
    weak, strong = named("weak", price=WEAK), named("strong", tier=3, price=STRONG)
    return msgspec.structs.replace(base(weak, strong), **changes)


def of(tenant: str, request: UserRequest) -> UserRequest:
    return msgspec.structs.replace(request, tenant=tenant)


def said(text: str, **fields: Any) -> UserRequest:
    return ask(messages=[{"role": "user", "content": text}], **fields)


async def divided(
    serving: Base, request: UserRequest, *, documents: Collection[str] = ("default",), **options: Any
) -> list[SpecialistAssignment]:
    router = router_of(serving, is_solvable=lambda text: text in SOLVABLE, documents=documents, **options)
    return await router.assign_specialists(await router.analyze_request(request))


async def test_a_decision_without_a_choice_is_told_too():
    (exact,) = await divided(base(named("one"), SOLVER), said("17*23"))
    (only,) = await divided(base(named("one"), SOLVER), said("Why is the sky blue?"))
    (asked_for,) = await divided(base(named("one"), SOLVER), said("17*23", model="one"))

    for assignment, reason in ((exact, "exact"), (only, "the only one")):
        assert assignment.routing is not None
        assert assignment.routing.policy == "auto"
        assert reason in assignment.routing.reason
        assert assignment.routing.candidates == ()
    assert asked_for.routing is None


async def test_what_a_dollar_weighs_counts_also_for_who_is_asked_after_memory():
    question = said("What does the handbook say about leave?")
    usual, pressed = [
        await divided(base(named("one"), named("two"), RECALL), question, price=price) for price in (0.0, 3.0)
    ]

    assert usual[0].specialist_id == pressed[0].specialist_id == "recall"
    assert pressed[0].mistake_usd == pytest.approx(usual[0].mistake_usd / 4.0)


async def test_cheap_prefers_the_cheap_one_and_best_the_strong_one():
    serving = two_models()

    assert (await assign(serving, said(HARD, model="auto:cheap"))).specialist_id == "weak"
    assert (await assign(serving, said(HARD, model="auto:best"))).specialist_id == "strong"


async def test_fast_prefers_who_was_fast():
    experience = Experience()
    experience.of("slow").add(100, 20.0)
    experience.of("quick").add(100, 0.5)
    serving = base(named("slow"), named("quick"))
    router = router_of(serving, experience=experience)

    (fast,) = await router.assign_specialists(await router.analyze_request(ask("auto:fast")))
    (usual,) = await router.assign_specialists(await router.analyze_request(ask("auto")))

    assert (fast.specialist_id, usual.specialist_id) == ("quick", "slow")


async def none_there(tenant: str) -> bool:
    return False


@given(
    st.lists(st.tuples(st.integers(1, 5), st.floats(0, 100), st.floats(0, 100)), min_size=2, max_size=6),
    st.sampled_from(POLICIES),
    st.floats(0, 100),
)
@settings(max_examples=25)
async def test_the_propensity_is_the_recorded_chance_of_the_one_chosen_and_all_sum_to_one(
    facts: list[tuple[int, float, float]], policy: str, price: float
):
    members = [
        named(f"s{n}", tier=tier, price=Price(input_usd=into, output_usd=out))
        for n, (tier, into, out) in enumerate(facts)
    ]
    (chosen,) = await divided(base(*members), ask(policy), price=price)

    assert chosen.routing is not None
    chances = {each.specialist: each.probability for each in chosen.routing.candidates}
    assert chances.keys() == {member.name for member in members}
    assert sum(chances.values()) == pytest.approx(1.0)
    assert chosen.propensity == chances[chosen.specialist_id] > 0.0
    assert (chosen.routing.policy, chosen.routing.price) == (policy, price)


async def test_a_choice_keeps_the_others_in_reserve_and_knows_what_it_expected():
    chosen = await assign(two_models(), ask("auto:cheap"))

    assert [each.name for each in chosen.alternatives] == ["strong"]
    assert [each.name for each in chosen.ladder] == ["strong"]
    assert chosen.option is not None
    assert chosen.option.name == "weak"


async def test_a_dear_dollar_makes_the_cheap_one_the_choice():
    serving = two_models(routing=RoutingPolicy(mistake_usd=0.5))

    ((cheap,), (usual,)) = [await divided(serving, said(HARD), price=price) for price in (1e6, 0.0)]

    assert (cheap.specialist_id, usual.specialist_id) == ("weak", "strong")


async def test_what_a_mistake_costs_decides_who_is_worth_the_money():
    cheap, dear = (two_models(routing=RoutingPolicy(mistake_usd=usd)) for usd in (1e-6, 10.0))

    assert (await assign(cheap, ask())).specialist_id == "weak"
    assert (await assign(dear, ask())).specialist_id == "strong"


@pytest.mark.parametrize("policy", POLICIES)
async def test_an_alias_may_lead_to_any_way_of_choosing(policy: str):
    chosen = await assign(two_models(aliases={"house": policy}), ask("house"))

    assert chosen.routing is not None
    assert chosen.routing.policy == policy


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_key_for_auto_may_leave_the_choice_in_any_way(policy: str):
    serving = base(named("one"), keys=[key("auto")])

    assert (await assign(serving, ask(policy, key="k"))).specialist_id == "one"
    assert isinstance(await refusal(serving, ask("one", key="k")), NotAllowed)


async def test_a_key_for_one_way_to_choose_may_not_use_another():
    serving = base(named("one"), keys=[key("auto:cheap")])

    assert (await assign(serving, ask("auto:cheap", key="k"))).specialist_id == "one"
    for policy in ("auto", "auto:best", "auto:fast"):
        assert isinstance(await refusal(serving, ask(policy, key="k")), NotAllowed)


async def test_a_key_for_a_name_may_not_use_another_that_begins_like_it():
    serving = base(named("llama3"), aliases={"llama3:8b": "llama3"}, keys=[key("llama3")])

    assert (await assign(serving, ask("llama3", key="k"))).specialist_id == "llama3"
    assert isinstance(await refusal(serving, ask("llama3:8b", key="k")), NotAllowed)


async def test_a_tenant_that_is_kept_to_some_is_answered_by_none_else():
    tenant = Tenant(name="kept", specialists=("strong",))
    serving = two_models(tenants=(tenant,))

    chosen = await assign(serving, of("kept", ask("auto:cheap")))
    error = await refusal(serving, of("kept", ask("weak")))

    assert (chosen.specialist_id, chosen.alternatives, chosen.ladder) == ("strong", (), ())
    assert (error.http_status, error.code) == (403, "tenant_policy")
    assert "answered by strong alone" in error.message
    assert (await assign(serving, ask("auto:cheap"))).specialist_id == "weak"


async def test_a_tenants_data_goes_to_nobody_without_the_label_also_not_in_anothers_place():
    one = named("one", labels=("eu",), fallback=("two", "three"))
    serving = base(one, named("two"), named("three", labels=("eu",)), tenants=[LABELLED])

    chosen = await assign(serving, of("careful", ask("one")))
    free = await assign(serving, of("careful", ask("auto")))
    error = await refusal(serving, of("careful", ask("two")))

    assert [each.name for each in chosen.alternatives] == ["three"]
    assert {free.specialist_id, *(each.name for each in free.alternatives)} == {"one", "three"}
    assert "two" not in {each.name for each in free.ladder}
    assert "requires eu, and not `two`" in error.message


async def test_auto_says_which_policy_leaves_nobody():
    serving = base(named("one"), tenants=[LABELLED])
    error = await refusal(serving, of("careful", ask()))

    assert (error.http_status, error.code) == (403, "tenant_policy")
    assert "requires eu, and not `one`" in error.message


@pytest.mark.parametrize("where", ["request", "tenant", "routing"])
async def test_the_lowest_ceiling_binds_whoever_set_it_and_the_error_has_both_numbers(where: str):
    limits = dict.fromkeys(("request", "tenant", "routing"), 1.0) | {where: 0.002}
    serving = two_models(
        tenants=(Tenant(name="t", max_cost_usd=limits["tenant"]),),
        routing=RoutingPolicy(max_cost_usd=limits["routing"]),
    )
    request = msgspec.structs.replace(of("t", ask("strong", max_tokens=100)), max_cost_usd=limits["request"])

    error = await refusal(serving, request)

    assert (error.http_status, error.code) == (400, "over_cost_ceiling")
    assert "`strong` is expected to cost 0.003010 USD, and this request may cost 0.002;" in error.message
    assert router_of(serving).ceiling_usd(request) == 0.002


async def test_who_would_cost_too_much_is_passed_over_everywhere():
    serving = two_models()
    request = msgspec.structs.replace(ask("auto:best"), max_cost_usd=0.001)
    chosen = await assign(serving, request)

    assert (chosen.specialist_id, chosen.alternatives, chosen.ladder) == ("weak", (), ())


async def test_a_shorter_answer_fits_under_the_ceiling():
    serving = two_models(routing=RoutingPolicy(max_cost_usd=0.002))

    assert (await assign(serving, ask("strong", max_tokens=10))).specialist_id == "strong"
    assert (await refusal(serving, ask("strong"))).code == "over_cost_ceiling"


async def test_when_everybody_costs_too_much_the_cheapest_is_named():
    serving = two_models(routing=RoutingPolicy(max_cost_usd=0.0))
    error = await refusal(serving, ask())

    assert error.code == "over_cost_ceiling"
    assert "`weak` is expected to cost" in error.message


async def test_who_is_drained_is_neither_chosen_nor_kept_in_reserve():
    chosen = await assign(two_models(), ask("auto:best"), drained={"strong"})

    assert (chosen.specialist_id, chosen.alternatives, chosen.ladder) == ("weak", (), ())


async def test_a_drained_solver_is_passed_over():
    chosen = await assign(base(named("one"), SOLVER), ask(messages=SUM), solvable=True, drained={"solver"})

    assert (chosen.specialist_id, chosen.alternatives) == ("one", ())


async def test_independent_parts_go_each_to_its_own():
    request = said(SEVERAL)
    exact, recalled = await divided(base(named("one"), SOLVER, RECALL), request)

    assert [(each.specialist_id, each.id) for each in (exact, recalled)] == [
        ("solver", f"{request.id}.1"),
        ("recall", f"{request.id}.2"),
    ]
    assert exact.task.request.body["messages"] == [{"role": "user", "content": "compute 17*23"}]
    assert [each.name for each in recalled.alternatives] == ["one"]


@pytest.mark.parametrize(
    ("routing", "fields"),
    [
        (RoutingPolicy(decompose=False), {}),
        (RoutingPolicy(), {"n": 2}),
        (RoutingPolicy(), {"response_format": {"type": "json_object"}}),
        (RoutingPolicy(), {"tools": TOOLS}),
    ],
    ids=["switched off", "choices", "JSON", "tools"],
)
async def test_a_request_is_left_whole_where_it_must_be(routing: RoutingPolicy, fields: dict[str, Any]):
    serving = msgspec.structs.replace(base(named("one"), SOLVER, RECALL), routing=routing)
    (whole,) = await divided(serving, said(SEVERAL, **fields))

    assert (whole.task.request.chat.messages[0].text(), whole.part) == (SEVERAL, None)


async def test_who_is_asked_by_name_answers_all_parts():
    (whole,) = await divided(base(named("one"), SOLVER, RECALL), said(SEVERAL, model="one"))

    assert (whole.specialist_id, whole.part) == ("one", None)


async def test_parts_that_would_all_go_to_one_are_left_together():
    (whole,) = await divided(base(named("one")), said(SEVERAL))

    assert (whole.specialist_id, whole.part) == ("one", None)
    assert whole.task.request.chat.messages[0].text() == SEVERAL


async def test_an_instruction_that_binds_all_parts_leaves_them_together():
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SEVERAL}]
    (whole,) = await divided(base(named("one"), SOLVER, RECALL), ask(messages=messages))

    assert (whole.specialist_id, whole.part) == ("one", None)


@pytest.mark.parametrize(
    ("documents", "chosen"), [(("default",), "recall"), (("other",), "one"), ((), "one")]
)
async def test_memory_is_asked_only_where_its_tenant_has_documents(documents: tuple[str, ...], chosen: str):
    request = said("What does the handbook say about leave?")
    (assignment,) = await divided(base(named("one"), RECALL), request, documents=documents)

    assert assignment.specialist_id == chosen


async def test_memory_is_not_asked_for_what_is_in_no_document():
    (assignment,) = await divided(base(named("one"), RECALL), said("Who wrote Hamlet?"))

    assert assignment.specialist_id == "one"


async def test_above_memory_are_the_models_for_where_it_finds_nothing():
    (assignment,) = await divided(base(named("one"), RECALL), said("What does the handbook say about leave?"))

    assert [each.name for each in assignment.ladder] == ["one"]


async def test_a_tenant_that_memory_is_withheld_from_is_answered_by_others():
    tenant = Tenant(name="t", specialists=("one",))
    serving = base(named("one"), RECALL, tenants=[tenant])
    request = of("t", said("What does the handbook say about leave?"))
    (assignment,) = await divided(serving, request, documents=("t",))

    assert assignment.specialist_id == "one"


@pytest.mark.parametrize(
    "data", [None, b"", b"no model", b"\x81\xa7version\x01"], ids=["absent", "empty", "no", "ours"]
)
def test_a_learned_model_that_cannot_be_read_costs_what_was_learned_and_no_request(
    tmp_path: Path, data: bytes | None
):
    address = address_of(data or b"")
    if data is not None:
        (tmp_path / f"router-{address}.model").write_bytes(data)
    snapshot = Snapshot(rev=1, base=base(named("one")))

    learned = LLMGuardianCluster(snapshot, folder=tmp_path).learned(address)

    assert learned == Learned()


def test_a_learned_model_whose_parts_are_damaged_is_not_used(tmp_path: Path):
    address = write_model(tmp_path, RouterModel(before=b"no success model"))
    cluster = LLMGuardianCluster(Snapshot(rev=1, base=base(named("one"))), folder=tmp_path)

    assert cluster.learned(address) == Learned()


async def test_what_was_learned_decides_who_is_chosen(tmp_path: Path):
    features = HASHER.features("hi")
    model = SuccessModel()
    for _ in range(60):
        model.learn("weak", features, 1.0)
        model.learn("strong", features, 0.0)
    address = write_model(tmp_path, RouterModel(before=model.encode()))
    snapshot = Snapshot(rev=1, base=base(named("one")))
    learned = LLMGuardianCluster(snapshot, folder=tmp_path).learned(address)

    (chosen,) = await divided(two_models(), ask("auto:best"), model=learned.before)

    assert chosen.specialist_id == "weak"
    assert chosen.option is not None
    assert chosen.option.trust > 0.0


@pytest.mark.parametrize(("header", "usd"), [({}, None), ({"x-guardian-max-cost-usd": "0.02"}, 0.02)])
async def test_a_caller_says_in_a_header_what_its_request_may_cost(header: dict[str, str], usd: float | None):
    async with ModelServer("Hello.") as server:
        one = specialist("one", server.url, price=Price(output_usd=1_000.0))
        async with running_gateway(base(one)) as gateway, aiohttp.ClientSession(gateway.origin) as client:
            body = {"model": "one", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
            async with client.post("/v1/chat/completions", json=body, headers=header) as response:
                told = await response.json()

    assert response.status == (400 if usd else 200)
    if usd:
        assert "expected to cost 0.100000 USD, and this request may cost 0.02;" in told["error"]["message"]
        assert server.received == 0


@pytest.mark.parametrize("value", [b"", b"0", b"-1", b"nan", b"inf", b"much", b"1e999"])
def test_a_ceiling_that_is_no_amount_is_refused_and_not_passed_over(value: bytes):
    with pytest.raises(InvalidRequest) as caught:
        max_cost_of({b"x-guardian-max-cost-usd": value})

    assert caught.value.code == "invalid_max_cost"
