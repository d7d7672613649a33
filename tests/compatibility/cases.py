"""The calls that the differential suite puts to a model both ways."""

import json
from dataclasses import dataclass, replace
from typing import Any

from both_ways import Case

from guardian_cluster.simulation import (
    Answer,
    CleanCut,
    Comments,
    Drip,
    EventForm,
    Fault,
    Malformed,
    ModelRequest,
    NoDone,
    NoFinish,
    Reset,
    Says,
    SoftError,
    Status,
    StreamError,
    ToolCall,
)
from guardian_cluster.simulation.reply import Piece, Reply, Step
from guardian_cluster.simulation.wire import json_reply

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
CITY_SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "city",
        "strict": True,
        "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
TWO_CALLS = Answer(
    tool_calls=(
        ToolCall("get_weather", '{"city": "Köln", "days": 2}'),
        ToolCall("get_time", '{"zone": "Europe/Berlin"}'),
    )
)
ESCAPES = Answer(tool_calls=(ToolCall("say", json.dumps({"words": 'a "b" \\ 😀 \n'})),))
SPOKEN_CALL = Answer(
    text="Let me look.", reasoning="I need the weather.", tool_calls=(ToolCall("get_weather"),)
)
UNICODE = 'Grüße, 你好, 👩\u200d👩\u200d👧 e\u0301 \u0000 \u2028 \x7f "quoted" \\ </script>\r\n\ttab'
# What a server in JavaScript sends when it cuts a stream in the middle of an emoji.
HALF_A_CHARACTER = b'data: {"id":"chatcmpl-0","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}\n\n'
UNKNOWN = Answer(
    text="Known.",
    extra={
        "x_citations": [{"url": "https://example.com", "score": 0.25, "at": [1, 2]}],
        "x_huge": 2**70,
        "x_none": None,
        "x_nested": {"deep": {"er": ["text", True, 1e-300, -0.0]}},
    },
)
CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Weather?", "name": "anna"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
]


@dataclass(frozen=True)
class Refuses(Fault):
    """Reply with an error body of any shape, byte for byte what a server of some make would send."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        return json_reply(
            self.body,
            self.status,
            {**reply.headers, **dict(self.headers), "content-type": "application/json"},
        )


@dataclass(frozen=True)
class Prefaced(Fault):
    """Begin a stream with events of one's own, as Azure does with the result of its filter."""

    events: tuple[dict[str, Any], ...]

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        own = [Piece(b"data: " + json.dumps(event).encode() + b"\n\n", "opening") for event in self.events]
        return replace(reply, body=[*own, *reply.body])


@dataclass(frozen=True)
class Uncounted(Fault):
    """Say no token counts, though asked for them, as llama-cpp-python's server does."""

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        return replace(reply, body=[step for step in reply.body if getattr(step, "kind", "") != "usage"])


@dataclass(frozen=True)
class CountsAtFinish(Fault):
    """Say the token counts in the chunk that finishes, asked or not, as `transformers serve` does."""

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        reply = Uncounted().change_reply(request, reply)
        return replace(reply, body=[self._changed(step) for step in reply.body])

    def _changed(self, step: Step) -> Step:
        if not isinstance(step, Piece) or step.kind != "finish":
            return step
        event = json.loads(step.data.removeprefix(b"data: "))
        event["usage"] = {
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "total_tokens": 7,
            "x_details": {"cached": 1},
        }
        return replace(step, data=b"data: " + json.dumps(event).encode() + b"\n\n")


def whole_and_streamed(case: Case) -> list[Case]:
    """Return the case as it is, streamed, and streamed with token counts."""
    streamed = {**case.call, "stream": True}
    counted = {**streamed, "stream_options": {"include_usage": True}}
    return [
        case,
        replace(case, name=f"{case.name}, streamed", call=streamed),
        replace(case, name=f"{case.name}, streamed with usage", call=counted),
    ]


def streamed(name: str, **facts: Any) -> Case:
    return Case(name, {"stream": True}, **facts)


def counted(name: str, **facts: Any) -> Case:
    return Case(name, {"stream": True, "stream_options": {"include_usage": True}}, **facts)


def error(message: str, **fields: Any) -> dict[str, Any]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **fields}
    }


LOGPROBS = {"logprobs": True, "top_logprobs": 3}
TOOLS = {"tools": [WEATHER]}

ANSWERS = [
    case
    for one in (
        Case("text"),
        Case("unicode", said=Answer(text=UNICODE)),
        Case("tool call", TOOLS),
        Case(
            "named tool", {**TOOLS, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
        ),
        Case("no tool", {**TOOLS, "tool_choice": "none"}),
        Case("parallel tool calls", {**TOOLS, "parallel_tool_calls": True}, said=TWO_CALLS),
        Case("escapes in tool arguments", TOOLS, said=ESCAPES),
        Case("reasoning, text and a tool call", TOOLS, said=SPOKEN_CALL),
        Case("conversation with a tool result", {"messages": CONVERSATION, **TOOLS}),
        Case("legacy function call", {"functions": [WEATHER["function"]], "function_call": "auto"}),
        Case("logprobs", LOGPROBS),
        Case("logprobs of a refusal", LOGPROBS, said=Answer(refusal="I will not say that.")),
        Case("three choices", {"n": 3}, said=Says(("One.", "The second one.", "3"))),
        Case("two choices with logprobs", {"n": 2, **LOGPROBS}, said=Says(("Yes.", "No, never."))),
        Case("two choices with tool calls", {"n": 2, **TOOLS}, said=TWO_CALLS),
        Case("reasoning", said=Answer(text="Four.", reasoning="Two and two make four.")),
        Case("refusal", said=Answer(refusal="I cannot help with that.")),
        Case("JSON mode", {"response_format": {"type": "json_object"}}),
        Case("JSON schema", {"response_format": CITY_SCHEMA}),
        Case(
            "picture",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, PICTURE]}]},
        ),
        Case("cut at the token limit", {"max_completion_tokens": 3}),
        Case("filtered", said=Answer(text="Well", finish_reason="content_filter")),
        Case(
            "unknown fields",
            {"extra_body": {"top_k": 40, "seed": 2**63, "x": {"y": [0.1, None]}}},
            said=UNKNOWN,
        ),
    )
    for case in whole_and_streamed(one)
]

EMBEDDINGS = [
    Case("embedding", {"input": "one text"}, operation="embeddings"),
    Case("embeddings as floats", {"input": ["a", "b"], "encoding_format": "float"}, operation="embeddings"),
    Case("embeddings of tokens", {"input": [[1, 2], [3]], "dimensions": 4}, operation="embeddings"),
]

FORMS = [
    streamed("comments between events", fault=Comments()),
    streamed("lines ended by CRLF", fault=EventForm()),
    streamed("named events", fault=EventForm(line_end=b"\n", prefix=b"event: chunk\ndata: ")),
    streamed("byte by byte", fault=Drip()),
    streamed("no [DONE]", fault=NoDone()),
    streamed("counts in the finishing chunk", fault=CountsAtFinish()),
    counted("counts in the finishing chunk, asked for", fault=CountsAtFinish()),
    counted("no counts, though asked for", fault=Uncounted()),
    counted(
        "a preface without choices",
        fault=Prefaced(
            (
                {
                    "id": "",
                    "object": "chat.completion.chunk",
                    "created": 0,
                    "model": "simulated-1",
                    "choices": [],
                    "x_filter": {"hate": "safe"},
                    "usage": None,
                },
            )
        ),
    ),
]

ERRORS = [
    Case(
        "400", fault=Refuses(400, error("Unsupported value.", param="temperature", code="unsupported_value"))
    ),
    Case(
        "400, streamed",
        {"stream": True},
        fault=Refuses(400, error("Too long.", param="messages", code="context_length_exceeded")),
    ),
    Case("401", fault=Status(401, code="invalid_api_key")),
    Case("403", fault=Status(403)),
    Case("404", fault=Status(404, code="model_not_found")),
    Case("409", fault=Status(409)),
    Case("413", fault=Status(413)),
    Case("422", fault=Status(422, code="unprocessable")),
    Case(
        "422 of FastAPI",
        fault=Refuses(422, {"detail": [{"loc": ["body", "n"], "msg": "too many", "type": "int"}]}),
    ),
    Case("429", fault=Status(429, code="rate_limit_exceeded")),
    Case("429 with retry-after", fault=Status(429, code="rate_limit_exceeded", retry_after="30")),
    Case("500", fault=Status(500)),
    Case("502 page of a proxy", fault=Status(502, is_html=True)),
    Case("503", fault=Status(503, code="overloaded")),
    Case("529", fault=Status(529)),
    streamed("500, streamed", fault=Status(500)),
    Case("error with status 200", fault=SoftError()),
    streamed("error before content", fault=StreamError("headers")),
    streamed("error after content", fault=StreamError(3)),
]

BROKEN = [
    Case("empty answer", said=Answer()),
    Case("not the JSON asked for", {"response_format": {"type": "json_object"}}, said=Answer(text="Sure!")),
    streamed("clean cut", fault=CleanCut(3)),
    streamed("no finish reason", fault=NoFinish()),
    streamed("connection reset after content", fault=Reset(3)),
    streamed("line that is no JSON", fault=Malformed(3)),
    streamed("half a character", fault=Malformed(3, HALF_A_CHARACTER)),
]

CASES = [*ANSWERS, *EMBEDDINGS, *FORMS, *ERRORS, *BROKEN]
