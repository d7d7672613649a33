"""Decides what an endpoint's failure means: for the caller, and for whether to try elsewhere."""

import email.utils
from datetime import UTC
from typing import Any, cast

import msgspec

from guardian_cluster.domain.errors import AttemptFailed, type_of

MAX_RETRY_AFTER_S = 120.0
"""The OpenAI clients give up at once when told to wait longer (measured with openai 3.54)."""

MESSAGE_LIMIT = 2_000
"""Characters of an endpoint's error message that are passed on."""

NAME_LIMIT = 200
"""The same for its type, parameter and code."""

SAID_BYTES = 2_000
"""Of a body that is no JSON, such as a proxy's page, from which it is told what the endpoint said."""

MARGIN = 512
"""Kept beyond the limits until rules have been looked for: no rule is longer, so none is lost at the final cut."""


def from_status(status: int, headers: "dict[str, str | None]", body: bytes, *, now: float) -> AttemptFailed:
    """Return the failure that a response with an error status is.

    What the operator alone can mend, such as an endpoint's 401, must never look like the caller's fault, so it
    becomes 502.
    """
    seen = status if status in CLIENT_STATUSES else 502
    error = error_object(body, type_of(seen))
    message = str(error["message"]) if error else f"The model's endpoint answered with status {status}."
    said = words_of_error(error) if error else body[:SAID_BYTES].decode("utf-8", "replace")
    if (fault := operators_fault(status, message)) is not None:
        text, code = fault
        return AttemptFailed(text, code=code, again=False, upstream_status=status, said=said)
    code = "upstream_rate_limited" if status == 429 else "upstream_error"
    wait_s = retry_after_s(headers, now=now)
    return AttemptFailed(
        message,
        code=code,
        elsewhere=status not in CALLERS_FAULT,
        again=may_pass(status, wait_s),
        upstream_status=status,
        upstream=error,
        retry_after_s=wait_s,
        status=seen,
        said=said,
    )


CLIENT_STATUSES = frozenset({400, 408, 409, 413, 422, 429, 500, 502, 503, 504})
"""Statuses passed on as they are: each maps to one exception of the OpenAI clients."""

CALLERS_FAULT = frozenset({400, 413, 422})
"""What is wrong with the request is wrong with it everywhere. All else may be better at another endpoint."""


def may_pass(status: int, wait_s: float | None) -> bool:
    """Return whether the same endpoint may do better when it is asked again."""
    if status == 429:
        return wait_s is not None  # it has had enough, and until when is its to say
    return status in (408, 409, 425) or status >= 500


def operators_fault(status: int, message: str) -> tuple[str, str] | None:
    """Return what an operator has to mend at an endpoint, and its code; `None` where that is not known."""
    if status in (401, 403):
        text = f"The endpoint rejected the gateway's own credentials (status {status}): check its api_key."
        return text, "upstream_credentials_rejected"
    if status == 402:
        return f"The endpoint wants to be paid first (status {status}): check its account.", "upstream_unpaid"
    if status in (404, 405, 410):
        return f"The endpoint does not know its model or path: {message}", "upstream_not_found"
    if 300 <= status < 400:
        text = f"The endpoint redirects (status {status}), and redirects are not followed: check its url."
        return text, "upstream_redirected"
    return None


def from_answer(answer: "dict[str, Any]") -> AttemptFailed | None:
    """Return the failure hidden in an answer with status 200, or `None` when it is an answer."""
    error = answer.get("error")
    if error:
        found = normalise(error)
        return AttemptFailed(
            found["message"],
            code="upstream_error",
            upstream=found,
            upstream_status=200,
            said=words_of_error(found),
        )
    return None


def words_of_error(error: "dict[str, Any]") -> str:
    """Return what an error object in OpenAI's shape says, its code first: for some servers it says all there is."""
    code, message = error["code"], error["message"]
    return f"{code}: {message}" if code else message


def error_object(body: bytes, kind: str = "server_error") -> dict[str, Any] | None:
    """Return the error object of a body in OpenAI's shape, or in one of the shapes that model servers use instead."""
    try:
        parsed = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(parsed, dict):
        return None
    fields = cast("dict[str, Any]", parsed)
    for name in ("error", "detail", "message"):
        if fields.get(name):
            return normalise(fields[name] if name != "message" else fields, kind)
    return None


def normalise(error: Any, otherwise: str = "server_error") -> dict[str, Any]:
    """Bring an endpoint's error into OpenAI's shape; its type is `otherwise` where it names none."""
    fields = cast("dict[str, Any]", error) if isinstance(error, dict) else {"message": error}
    message = fields.get("message")
    text = message if isinstance(message, str) else msgspec.json.encode(message or error).decode()
    kind, param, code = fields.get("type"), fields.get("param"), fields.get("code")
    return {
        "message": text[: MESSAGE_LIMIT + MARGIN],
        "type": kind[: NAME_LIMIT + MARGIN] if isinstance(kind, str) else otherwise,
        "param": param[: NAME_LIMIT + MARGIN] if isinstance(param, str) else None,
        "code": str(code)[: NAME_LIMIT + MARGIN] if isinstance(code, (str, int)) else None,
    }


def retry_after_s(
    headers: "dict[str, str | None]", *, now: float, most_s: float = MAX_RETRY_AFTER_S
) -> float | None:
    """Return how long the endpoint asks to wait: `retry-after-ms`, else `retry-after` (RFC 9110: seconds or a date)."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    wait = _number(milliseconds, 1000.0)
    if wait is None:
        wait = _number(value, 1.0)
    if wait is None and value:
        wait = _until(value, now)
    return None if wait is None else min(max(wait, 0.0), most_s)


def _number(value: str | None, divisor: float) -> float | None:
    try:
        seconds = float(value) / divisor if value else None
    except ValueError:
        return None
    return seconds if seconds is not None and seconds == seconds else None  # NaN is not equal to itself


def _until(value: str, now: float) -> float | None:
    try:
        date = email.utils.parsedate_to_datetime(value)
        # One that names no zone has none here: dates of HTTP are in GMT (RFC 9110, section 5.6.7).
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
