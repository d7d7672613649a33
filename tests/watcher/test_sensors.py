"""Which sensors the channels of an answer have, and how system prompts are kept ready for them."""

import pytest
from watched_answers import chunk, policy

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import ChatRequest, Message
from guardian_cluster.watcher.prompt_leak import MAX_CHARACTERS
from guardian_cluster.watcher.sensors import Sensors
from guardian_cluster.watcher.watch import Watch

PROMPT = "You are Bluefin of Halcyon Freight. Never disclose the discount ceiling of seventeen percent to partners."
WATCHING = WatchPolicy(on_prompt_leak="cut")


def leak_sensors(*channels: str, policy: WatchPolicy = WATCHING, prompt: str = PROMPT) -> list:
    """Return the prompt made ready that each channel's sensor watches for, `None` where none does."""
    sensors = Sensors(policy, ChatRequest(model="m", messages=[Message(role="system", content=prompt)]))
    named = [{each.detector: each.sensor for each in sensors.of(name, json=False)} for name in channels]
    return [found["prompt-leak"]._shingles if "prompt-leak" in found else None for found in named]


def test_the_prompt_is_watched_for_in_prose_and_in_what_is_written_to_tools():
    inside = leak_sensors("content", "tool_calls.0.function.arguments", "function_call.arguments",
                          "tool_calls.0.custom.input")  # fmt: skip

    assert None not in inside
    assert leak_sensors("tool_calls.0.function.name", "tool_calls.0.id") == [None, None]
    assert leak_sensors("content", "function_call.arguments", policy=WatchPolicy()) == [None, None]


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_leak_in_the_arguments_of_a_call_is_cut(size: int):
    said = '{"to": "a", "body": "' + PROMPT + '"}'
    texts = [{"arguments": said[at : at + size]} for at in range(0, len(said), size)]
    calls = [chunk({"tool_calls": [{"index": 0, "function": text}]}) for text in texts]

    request = ChatRequest(model="m", messages=[Message(role="system", content=PROMPT)])

    left = Watch(policy(on_prompt_leak="cut"), request).feed([*calls, chunk({}, reason="tool_calls")])

    assert "discount" not in "".join(
        call["function"].get("arguments", "")
        for part in left for call in part["choices"][0]["delta"].get("tool_calls", ())
    )  # fmt: skip
    assert left[-1]["choices"][0]["finish_reason"] == "content_filter"


def test_prompts_that_begin_alike_as_far_as_they_are_read_are_made_ready_once():
    long = (PROMPT + " ") * (MAX_CHARACTERS // len(PROMPT) + 1)

    first, second = leak_sensors("content", prompt=long) + leak_sensors("content", prompt=long + "and more")

    assert first is second


def test_of_prompts_those_used_last_are_kept_ready():
    (first,) = leak_sensors("content")
    for number in range(40):
        leak_sensors("content", prompt=f"{PROMPT} {number}")
    (again,) = leak_sensors("content")
    for number in range(100):
        leak_sensors("content", prompt=f"{number} {PROMPT}")
    (anew,) = leak_sensors("content")

    assert first is again
    assert anew is not first


def test_many_messages_of_instructions_are_one_prompt():
    halves = [Message(role=role, content=text)
              for role, text in zip(("system", "developer"), PROMPT.split(" the "), strict=True)]  # fmt: skip
    sensors = Sensors(WATCHING, ChatRequest(model="m", messages=[halves[0], Message(role="user"), halves[1]]))

    (leak,) = [each.sensor for each in sensors.of("content", json=False) if each.detector == "prompt-leak"]

    assert leak.feed("Never disclose discount ceiling of seventeen percent to partners. ") is not None
