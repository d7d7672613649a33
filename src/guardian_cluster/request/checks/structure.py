"""Looks whether an answer has the JSON form that the request or the question asked for."""

import re

import msgspec

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.code import blocks_of
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.watcher.schema import FormatCheck

CHECK = "structure"
_ASKS_JSON = re.compile(r"\b(?:as|in|return|output|valid|respond with|only) (?:a |an )?(?:valid )?json\b")
_MAX_READ = 100_000


def asks_for_json(question: str) -> bool:
    """Return whether a question in lower case asks for JSON in words."""
    return _ASKS_JSON.search(question) is not None


def check(answered: Answered) -> Finding:
    """Return whether the answer is JSON and holds its schema, where either was asked for."""
    if answered.wanted is not None and answered.wanted.type != "text":
        rule = FormatCheck(answered.wanted).violation(answered.text)
        said = {"json": "the answer is not JSON", "schema": "the answer breaks the schema that was asked for"}
        features = {"not_json": rule == "json", "breaks_schema": rule == "schema"}
        return finding(CHECK, rule is None, features, said.get(rule or "", ""))
    if not asks_for_json(answered.question.lowered) or len(answered.text) > _MAX_READ:
        return finding(CHECK, None, {})
    block = next(
        (each.text for each in blocks_of(answered.text) if each.language in ("json", "")), answered.text
    )
    fault = _fault(block)
    features = {"not_json": fault is not None, "breaks_schema": False}
    return finding(CHECK, fault is None, features, f"JSON was asked for: {fault}" if fault else "")


def _fault(text: str) -> str | None:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        return str(error)
    return None
