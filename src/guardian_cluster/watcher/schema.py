"""Whether a finished answer has the JSON form that the request asked for."""

from typing import Any

import msgspec

from guardian_cluster.domain.request import ResponseFormat

MAX_SCHEMA_BYTES = 65_536
MAX_ANSWER_CHARACTERS = 1_000_000
"""Larger ones are not verified: checking is done on the event loop, 1 MB in some milliseconds."""


class FormatCheck:
    """Checks answers against one `response_format`.

    Schemas come from callers: nothing is ever fetched for a reference, patterns run on a linear-time engine, and a schema that
    is itself wrong, or too large to be checked cheaply, makes no verdict: the model's own endpoint judges it.
    """

    def __init__(self, wanted: ResponseFormat) -> None:
        self._must_be_json = wanted.type in ("json_object", "json_schema")
        self._validator = _compile(wanted.json_schema.schema) if wanted.json_schema is not None else None

    def violation(self, text: str) -> str | None:
        """Return the rule an answer breaks, `json` or `schema`; `None` where it breaks none."""
        if not self._must_be_json or len(text) > MAX_ANSWER_CHARACTERS:
            return None
        try:
            answer = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            return "json"
        if self._validator is not None and not self._validator.is_valid(answer):
            return "schema"
        return None


def _compile(schema: dict[str, Any] | bool | None) -> Any:
    if schema is None or len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        return None
    # Imported where it is needed: 20 ms and 15 MB that requests without a schema do not pay.
    import jsonschema_rs  # noqa: PLC0415

    try:
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        return None
