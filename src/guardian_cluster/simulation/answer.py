"""What a simulated model says: an answer as a value, before it takes any wire form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

# At most one space and six letters: close enough to real tokenisers for counts, and joining gives the text.
_TOKEN = re.compile(r" ?\S{1,6}|\s")
# Counting this many characters takes some 20 ms, in which no server of the same event loop would answer.
_MOST_CHARACTERS_COUNTED = 200_000


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool the request offered."""

    name: str
    arguments: str = "{}"  # JSON text, as models send it: not necessarily valid


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as a server reports them, true or not."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice of an answer.

    The channels are sent in the order reasoning, text, refusal, tool calls, function call.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    function_call: ToolCall | None = None  # the form from before `tools`
    finish_reason: str | None = None  # None: whatever fits the channels used
    usage: Usage | None = None  # None: counted; set it to let the server lie
    extra: Mapping[str, object] = field(default_factory=dict[str, object])  # unknown fields of the message

    @property
    def finish(self) -> str:
        """The finish reason that is sent."""
        if self.finish_reason is not None:
            return self.finish_reason
        if self.tool_calls:
            return "tool_calls"
        return "function_call" if self.function_call else "stop"

    @property
    def spoken(self) -> str:
        """Everything the model produced, in one string, for counting."""
        calls = (*self.tool_calls, *((self.function_call,) if self.function_call else ()))
        arguments = "".join(call.name + call.arguments for call in calls)
        return self.reasoning + self.text + self.refusal + arguments


def tokens_of(text: str) -> list[str]:
    """Split a text into token-like pieces that join to the text again."""
    return _TOKEN.findall(text)


def token_count(text: str) -> int:
    """Return how many tokens a text has; of a very long one, roughly."""
    if len(text) > _MOST_CHARACTERS_COUNTED:
        return len(text) // 4
    return len(tokens_of(text))
