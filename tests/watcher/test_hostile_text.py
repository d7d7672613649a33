"""Text that is made to cost: the gate's work grows as the text does, what it holds is bounded, and nothing raises.

Work is counted, not timed: calls of functions, Python's own and built-in ones. What a call takes is bounded by what is
held back, for no more than that is looked at again.
"""

from cProfile import Profile

import pytest
from gate_cases import ENDLESS, policy
from watched_answers import chunk, request, whole

from guardian_cluster.watcher.gate import Gate
from guardian_cluster.watcher.scanner import RuleSet
from guardian_cluster.watcher.watch import Watch

UNITS = sorted(
    {
        *ENDLESS,
        "\\ud800",
        "key-",
        "[redacted:",
        '{"a":',
        "a.",
        "\u202e",
        "密",
        "İ",
        "tel 1",
        "1-",
        "e.",
        "twitter 1",
        "-----BEGIN PRIVATE KEY-----\nab",
        "-----BEGIN PRIVATE KEY-----" + "a" * 60,
        '{"a":"\\n',
        "[1\\n",
        "[12345,",
    }
)
"""What a text repeats."""


def calls(rules: RuleSet, text: str, size: int, *, escaped: bool) -> int:
    """Return how many calls it takes to pass a text in pieces of a size."""
    counted, gate = Profile(), Gate(rules, escaped=escaped)
    counted.enable()
    for at in range(0, len(text), size):
        gate.feed(text[at : at + size])
    gate.feed("", last=True)
    counted.disable()
    return sum(entry.callcount for entry in counted.getstats())


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize(("size", "length"), [(1, 500), (40, 1_500), (100_000, 6_000)])
def test_twice_the_text_is_twice_the_work(unit: str, size: int, length: int):
    rules, escaped = policy("redact").rules, "\\" in unit
    text = unit * (2 * length // len(unit))
    calls(rules, text, 7, escaped=escaped)  # what is compiled or remembered at first

    half, full = (calls(rules, text[:end], size, escaped=escaped) for end in (length, 2 * length))

    assert full < 2.4 * half + 2_000


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("size", [1, 40])
def test_what_is_held_back_is_bounded(unit: str, size: int):
    gate, longest, text = Gate(policy("redact").rules, escaped="\\" in unit), 0, unit * (2_000 // len(unit))

    for at in range(0, len(text), size):
        gate.feed(text[at : at + size])
        longest = max(longest, min(at + size, len(text)) - gate.settled)

    assert longest <= gate_bound(unit) + size


def gate_bound(unit: str) -> int:
    """Return the longest rule; in escapes each character of it may take six."""
    return policy("redact").rules.longest * (6 if "\\u" in unit else 2 if "\\" in unit else 1)


@pytest.mark.parametrize("unit", ["9", "\0", "\ud800", "a ", "\\", "\u202e", "x@", "密"])
def test_a_megabyte_passes_every_watch(unit: str):
    text = unit * (1_000_000 // len(unit))
    watch = Watch(policy("redact"), request())

    [left] = watch.feed([whole({"content": text})])

    assert left["choices"][0]["finish_reason"] == "stop"
    assert watch.characters == len(text)


@pytest.mark.parametrize(
    "text", ["{" * 100_000, "[" * 100_000, '{"a":' * 20_000, "\\" * 100_001, '"\\ud83d' * 10_000]
)
def test_deep_or_broken_arguments_pass(text: str):
    watch = Watch(policy("redact"), request())
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": text}}

    watch.feed([chunk({"tool_calls": [call]})])
    watch.feed([chunk({}, reason="tool_calls")])

    assert watch.complete
