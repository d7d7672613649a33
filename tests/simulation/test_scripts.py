from typing import Any

from guardian_cluster.simulation import Answer, Echoes, InTurn, ModelRequest, Obliges, Recites, Says

USER = {"role": "user", "content": "hello"}


def request(*messages: Any, number: int = 0, **body: Any) -> ModelRequest:
    body = {"messages": list(messages), **body}
    return ModelRequest(number=number, method="POST", path="/", query="", headers={}, raw=b"", body=body)


def test_the_last_user_message_is_echoed():
    parts = {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url"}]}

    assert Echoes("<", ">")(request(USER, {"role": "assistant", "content": "x"})).text == "<hello>"
    assert Echoes()(request(USER, parts)).text == "look"
    assert Echoes()(request({"role": "system", "content": "rules"})).text == ""


def test_answers_are_given_in_turn():
    script = InTurn((Answer("a"), Answer("b")))

    assert [script(request(USER, number=number)).text for number in range(3)] == ["a", "b", "a"]


def test_a_recital_goes_on_where_it_was_left():
    script = Recites("one two three")

    assert script(request(USER)).text == "one two three"
    assert script(request(USER, {"role": "assistant", "content": "one t"})).text == "wo three"
    assert script(request(USER, {"role": "assistant", "content": "other"})).text == "one two three"
    assert script(request({"role": "assistant", "content": "one"}, USER)).text == "one two three"


def test_a_recital_may_say_a_little_again():
    prefill = {"role": "assistant", "content": "one two"}

    assert Recites("one two three", overlap=3)(request(USER, prefill)).text == "two three"
    assert Recites("one two three", overlap=99)(request(USER, prefill)).text == "one two three"


def test_tools_may_be_offered_and_forbidden():
    tool = {"type": "function", "function": {"name": "look"}}
    script = Obliges(Says(("prose",)))

    assert script(request(USER, tools=[tool])).tool_calls[0].name == "look"
    assert script(request(USER, tools=[tool], tool_choice="none")).text == "prose"
    assert script(request(USER, functions=[{"name": "old"}], function_call="none")).text == "prose"
    assert script(request(USER, response_format={"type": "text"})).text == "prose"


def test_a_text_keeps_to_the_token_limit():
    script = Obliges(Says(("one two three",)))

    short = script(request(USER, max_completion_tokens=2, max_tokens=1))
    assert (short.text, short.finish) == ("one two", "length")
    assert script(request(USER, max_tokens=3)).finish == "stop"


def test_strange_fields_read_as_absent():
    strange = request(
        "no object",
        {"role": "user", "content": 7},
        model=3,
        n="two",
        stream="yes",
        stream_options=[],
        tools={"a": 1},
    )

    assert (strange.model, strange.prompt, strange.choices) == ("", "", 1)
    assert (strange.is_streamed, strange.includes_usage, strange.top_logprobs) == (False, False, 0)
    assert Obliges(Says(("prose",)))(strange).text == "prose"


def test_absurd_counts_are_bounded():
    assert request(USER, n=10**18).choices == 128
    assert request(USER, n=-1).choices == 1
    assert request(USER, top_logprobs=10**18).top_logprobs == 20
