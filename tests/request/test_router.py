"""Who is chosen to answer, and what is said when nobody can."""

from collections.abc import Collection
from typing import Any

import msgspec
import pytest
from harness import SOLVER, base, specialist

from guardian_cluster.contract.snapshot import ApiKey, Base, Capabilities, Price
from guardian_cluster.domain.errors import GuardianError, InvalidRequest, NoSpecialist, NotAllowed, NotFound
from guardian_cluster.domain.request import EmbeddingsRequest, Operation, UserRequest
from guardian_cluster.request.router import RequestRouter, SpecialistAssignment, needs_of

TOOLS = [{"type": "function", "function": {"name": "f"}}]
IMAGE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]
SUM = [{"role": "user", "content": "1 + 1"}]
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
    router = RequestRouter(serving, drained, lambda question: solvable and question == "1 + 1")
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
    router = RequestRouter(serving, (), lambda question: False)

    assert router.names("k") == ["one", "public"]
    assert router.names(None) == ["auto", "one", "two", "public"]


async def test_auto_asks_the_cheapest_that_is_able_and_the_others_after_it():
    dear = named("dear", tier=1, price=Price(output_usd=9))
    cheap = named("cheap", tier=1, price=Price(output_usd=1))
    strong = named("strong", tier=2)
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
