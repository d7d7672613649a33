"""Whether a finished answer has the JSON form that the request asked for."""

from collections import OrderedDict
from typing import Any

import msgspec

from guardian_cluster.domain.request import ResponseFormat
from guardian_cluster.watcher.schema_effort import Effort

MAX_ANSWER_CHARACTERS = 1_000_000
"""Longer answers are not verified: reading 1 MB of JSON takes half a millisecond of the event loop."""

MAX_VALUES = 5_000
"""Answers that may hold more values are not held against a schema, for building them takes 0.1 µs each."""

MAX_SCHEMA_BYTES = 32_768

_REGEX_BYTES = 5_000
"""Size of a compiled pattern: counted repetitions of repetitions take milliseconds to compile."""

_SCHEMAS = 64
"""Schemas kept compiled. Programs send the same few again and again; compiling one takes 0.1 to 2 ms."""


class Schema:
    """A caller's schema made ready; `validator` is `None` where it is not checked."""

    def __init__(self, schema: Any) -> None:
        self._effort = Effort(schema)
        self._validator = _compile(schema) if self._effort.is_bounded else None

    def is_broken_by(self, answer: Any) -> bool:
        """Return whether an answer breaks the schema, and finding that out is cheap."""
        if self._validator is None or not self._effort.is_cheap(answer):
            return False
        return not self._validator.is_valid(answer)


class FormatCheck:
    """Checks answers against one `response_format`.

    Schemas come from callers, and checking holds the event loop. So nothing is ever fetched for a reference,
    and a schema that is itself wrong, or that could take more than some 2 ms to compile or to check, makes no
    verdict: the model's own endpoint judges it.
    """

    def __init__(self, wanted: ResponseFormat) -> None:
        self.must_be_json = wanted.type in ("json_object", "json_schema")
        self._schema = wanted.json_schema.schema if wanted.json_schema is not None else None

    def violation(self, text: str) -> str | None:
        """Return the rule an answer breaks, `json` or `schema`; `None` where none that is checked."""
        if not self.must_be_json or len(text) > MAX_ANSWER_CHARACTERS:
            return None
        try:
            msgspec.json.decode(text, type=msgspec.Raw)  # reads all of it and builds nothing
        except (msgspec.DecodeError, UnicodeEncodeError):
            return "json"
        except RecursionError:
            return None
        schema = None if self._schema is None or _values(text) > MAX_VALUES else ready(self._schema)
        try:
            return "schema" if schema is not None and schema.is_broken_by(msgspec.json.decode(text)) else None
        except msgspec.ValidationError:  # a number beyond the 64 bits of a float
            return None


_ready: OrderedDict[bytes, Schema] = OrderedDict()


def ready(schema: dict[str, Any] | bool) -> Schema | None:
    """Return a schema made ready, from the last ones where it is among them; `None` where it is too large."""
    encoded = msgspec.json.encode(schema)
    if len(encoded) > MAX_SCHEMA_BYTES:
        return None
    known = _ready.pop(encoded, None)
    _ready[encoded] = known or Schema(schema)
    if len(_ready) > _SCHEMAS:
        _ready.popitem(last=False)
    return _ready[encoded]


def _values(text: str) -> int:
    """Return how many values JSON text may hold, punctuation in its strings counted as well."""
    return 1 + text.count(",") + text.count("[") + text.count("{")


def _compile(schema: dict[str, Any] | bool) -> Any:
    # Imported where it is needed: 20 ms and 15 MB that requests without a schema do not pay.
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(
            schema,
            offline=True,
            validate_formats=False,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=_REGEX_BYTES),
        )
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        return None
