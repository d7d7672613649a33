"""The OpenAPI document: what every route takes and answers, made from the types that read the requests."""

from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.request import MAX_CHOICES, ChatRequest, EmbeddingsRequest
from guardian_cluster.gateway import shapes
from guardian_cluster.gateway.feedback import FeedbackBody

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_TYPES = (
    ChatRequest,
    EmbeddingsRequest,
    FeedbackBody,
    RequestRecord,
    shapes.Error,
    shapes.ChatCompletion,
    shapes.Embeddings,
    shapes.Model,
    shapes.Models,
    shapes.FeedbackTaken,
    shapes.Health,
    shapes.Readiness,
)

_ERRORS = {
    400: "The request is not understood, or a watcher withheld the answer; `param` names the field.",
    401: "No key, or one that is not known here.",
    403: "The key may not do this.",
    404: "There is no such model, request or path.",
    405: "The path takes another method; `allow` names it.",
    408: "The body did not arrive in time.",
    409: "The model's endpoint is in conflict with the request.",
    413: "The body is over the limit.",
    422: "The model's endpoint cannot process the request.",
    429: "A rate, a budget or the gateway is used up for now; `retry-after-ms` says for how long.",
    431: "The headers are over the limit.",
    500: "The gateway or the model's endpoint failed.",
    502: "The model's endpoint could not be reached, or sent what is no answer.",
    503: "Nobody that is configured can serve the request, or the gateway stops before the answer ends.",
    504: "The time for the request is over, or the model did not begin in time.",
}
_ANY_ROUTE = (400, 405, 408, 413, 431, 500, 503)
_KEYED = (401, 403)
_MODEL = (404, 409, 422, 429, 502, 504)

_TEXT: Json = {"type": "string"}
_ASKING: list[tuple[str, str, Json]] = [
    ("x-guardian-timeout-ms", "The most time that the whole request may take.", _TEXT),
    ("traceparent", "The caller's trace (W3C Trace Context), which the model's server is told of.", _TEXT),
    (
        "x-session-id",
        "The conversation whose history the gateway is to remember, and to put before the messages.",
        {"type": "string", "maxLength": 200},
    ),
    (
        "x-guardian-max-cost-usd",
        "What all attempts may cost together, in US dollars.",
        {"type": "number", "exclusiveMinimum": 0},
    ),
    ("x-guardian-debug", "`1` adds headers that explain who was chosen, and why.", _TEXT),
]
_TELLING = {
    "x-request-id": "The id of the request, for `/v1/requests/{request_id}`; also as `request-id`.",
    "x-guardian-specialist": "Who answered.",
    "x-guardian-endpoint": "Where.",
    "x-guardian-variant": "As which version.",
    "x-guardian-attempts": "How many endpoints were asked.",
    "x-guardian-verdict": "What the watcher found, `ok` for nothing; `watching` while a stream goes on.",
    "x-guardian-overhead-ms": "Time spent in the gateway itself.",
}

_EVENT: Json = {
    "type": "object",
    "description": "One event: a `chat.completion.chunk`, an error, or `[DONE]` at the end of a complete answer.",
    "required": ["data"],
    "properties": {"data": {"type": "string", "contentMediaType": "application/json"}},
}


@cache
def document() -> bytes:
    """Return the document, encoded; it is the same for every installation."""
    components = msgspec.json.schema_components(_TYPES, ref_template=_REF)[1]
    _tighten(components)
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "LLM Guardian Cluster",
            "version": version("llm-guardian-cluster"),
            "description": "An OpenAI-compatible gateway whose answers are watched while they are produced.",
        },
        "paths": _paths(),
        "components": {
            "schemas": components,
            "responses": {f"E{status}": _error(text) for status, text in _ERRORS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
        },
    }
    return msgspec.json.encode(described)


def _paths() -> Json:
    health = _get("Whether the process runs; asks no model.", shapes.Health, keyed=False)
    return {
        "/v1/chat/completions": {"post": _chat()},
        "/v1/embeddings": {"post": _post("Embed texts.", EmbeddingsRequest, shapes.Embeddings, _MODEL)},
        "/v1/models": {"get": _get("List the names that may be asked for.", shapes.Models)},
        "/v1/models/{model}": {"get": _named("model", "Describe one name.", shapes.Model)},
        "/v1/requests/{request_id}": {
            "get": _named("request_id", "Return the final facts of a request.", RequestRecord)
        },
        "/v1/feedback": {"post": _post("Say how good an answer was.", FeedbackBody, shapes.FeedbackTaken)},
        "/health": {"get": health},
        "/status": {"get": health},
        "/health/live": {"get": health},
        "/health/liveliness": {"get": health},
        "/health/readiness": {"get": _readiness()},
        "/metrics": {"get": _text("Metrics in Prometheus's text format, for administrators.", "text/plain")},
        "/openapi.json": {"get": _text("This document.", "application/json", keyed=False)},
    }


def _chat() -> Json:
    summary = "Answer a conversation, whole or as a stream."
    operation = _post(summary, ChatRequest, shapes.ChatCompletion, _MODEL)
    answer = operation["responses"]["200"]
    answer["content"]["text/event-stream"] = {"schema": _EVENT}
    return operation


def _post(summary: str, body: type, answer: type, errors: tuple[int, ...] = ()) -> Json:
    operation = _operation(summary, answer, (*_KEYED, *errors))
    operation["requestBody"] = {"required": True, "content": _json(body)}
    if errors:
        operation["parameters"] = [
            {"name": name, "in": "header", "description": text, "schema": schema}
            for name, text, schema in _ASKING
        ]
        operation["responses"]["200"]["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in _TELLING.items()
        }
    return operation


def _get(summary: str, answer: type, *, keyed: bool = True) -> Json:
    return _operation(summary, answer, _KEYED if keyed else (), keyed=keyed)


def _named(parameter: str, summary: str, answer: type) -> Json:
    operation = _operation(summary, answer, (*_KEYED, 404))
    operation["parameters"] = [
        {"name": parameter, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    ]
    return operation


def _readiness() -> Json:
    operation = _get("Whether new requests are welcome.", shapes.Readiness, keyed=False)
    operation["responses"]["503"] = {
        "description": "The gateway drains.",
        "content": _json(shapes.Readiness),
    }
    return operation


def _text(summary: str, kind: str, *, keyed: bool = True) -> Json:
    operation = _operation(summary, shapes.Health, _KEYED if keyed else (), keyed=keyed)
    schema = {"type": "string"} if kind.startswith("text/") else {"type": "object"}
    operation["responses"]["200"]["content"] = {kind: {"schema": schema}}
    return operation


def _operation(summary: str, answer: type, errors: tuple[int, ...], *, keyed: bool = True) -> Json:
    responses: Json = {"200": {"description": "Done.", "content": _json(answer)}}
    for status in sorted({*_ANY_ROUTE, *errors}):
        responses[str(status)] = {"$ref": f"#/components/responses/E{status}"}
    return {
        "summary": summary,
        "security": [{"bearer": []}, {"apiKey": []}] if keyed else [],
        "responses": responses,
    }


def _error(text: str) -> Json:
    return {"description": text, "content": _json(shapes.Error)}


def _json(kind: type) -> Json:
    return {"application/json": {"schema": {"$ref": _REF.format(name=kind.__name__)}}}


def _tighten(components: Json) -> None:
    """Add what is checked after decoding (see `domain.request.check`), and cannot be read off the types."""
    chat, embeddings = components["ChatRequest"]["properties"], components["EmbeddingsRequest"]["properties"]
    for properties in (chat, embeddings):
        properties["model"] |= {"minLength": 1, "examples": ["auto"]}
    for form, least in zip(embeddings["input"]["anyOf"], ("minLength", "minItems"), strict=True):
        form[least] = 1
    chat["messages"]["minItems"] = 1
    chat["n"]["anyOf"][0] |= {"minimum": 1, "maximum": MAX_CHOICES}
    said = ("score", "label", "comment")
    components["FeedbackBody"]["anyOf"] = [
        {"required": [name], "properties": {name: {"not": {"type": "null"}}}} for name in said
    ]
