"""Every error a caller can meet, with the status, type and code the caller sees.

GuardianError                  500  our own fault
├── InvalidRequest             400  the request is not understood
├── Unauthorized               401  no key, or a wrong one
├── NotAllowed                 403  the key may not do this
├── NotFound                   404  no such model, path or request
├── MethodNotAllowed           405
├── RequestTimeout             408  the request's body did not arrive in time
├── TooLarge                   413  the body is over the limit
├── LimitExceeded              429  a rate, budget or concurrency limit
├── HeadersTooLarge            431
├── RequestBlocked             400  the request holds what may not go to a model
├── AnswerBlocked              400  a watcher withheld the answer, and nowhere else to ask
├── NoSpecialist               503  nothing can serve this request
├── GatewayStopping            503  the gateway ends before the answer does
├── DeadlineExceeded           504  the request's own deadline passed
└── AttemptFailed              502  one try at one endpoint failed; another may succeed
"""

from typing import Any, ClassVar


class GuardianError(Exception):
    """Something to tell the caller: what happened, to which object, what to do next."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.param = param
        self.retry_after_s = retry_after_s
        self.should_retry = should_retry

    @property
    def http_status(self) -> int:
        """The status of the response."""
        return self.status

    def body(self) -> dict[str, Any]:
        """Return the error in OpenAI's shape."""
        return {"error": self._described_as(self.type)}

    def _described_as(self, kind: str) -> dict[str, Any]:
        return {"message": self.message, "type": kind, "param": self.param, "code": self.code}


class InvalidRequest(GuardianError):
    """The request is not understood as it stands."""

    status, type, default_code = 400, "invalid_request_error", "invalid_request"


class Unauthorized(GuardianError):
    """There is no key, or it is not one of ours."""

    status, type, default_code = 401, "authentication_error", "invalid_api_key"


class NotAllowed(GuardianError):
    """The key is known and may not do this."""

    status, type, default_code = 403, "permission_error", "not_allowed"


class NotFound(GuardianError):
    """What was asked for does not exist here."""

    status, type, default_code = 404, "not_found_error", "not_found"


class MethodNotAllowed(GuardianError):
    """The path exists, the method does not; `allowed` are those that do."""

    status, type, default_code = 405, "invalid_request_error", "method_not_allowed"

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class RequestTimeout(GuardianError):
    """The request did not arrive in time."""

    status, type, default_code = 408, "invalid_request_error", "request_timeout"


class TooLarge(GuardianError):
    """The body is larger than the gateway takes."""

    status, type, default_code = 413, "invalid_request_error", "request_too_large"


class LimitExceeded(GuardianError):
    """A limit of the key, the tenant or the gateway is used up for now."""

    status, type, default_code = 429, "rate_limit_error", "rate_limit_exceeded"


class HeadersTooLarge(GuardianError):
    """There are more or longer headers than the gateway takes."""

    status, type, default_code = 431, "invalid_request_error", "headers_too_large"


class RequestBlocked(GuardianError):
    """The request holds what its policy lets go to no model; the message says of which kind, and where."""

    status, type, default_code = 400, "invalid_request_error", "request_blocked"


class AnswerBlocked(GuardianError):
    """A watcher withheld the answer and there was nowhere else to ask."""

    status, type, default_code = 400, "invalid_request_error", "answer_blocked"


class NoSpecialist(GuardianError):
    """Nothing that is configured and healthy can serve the request."""

    status, default_code = 503, "no_specialist"


class GatewayStopping(GuardianError):
    """The gateway ends before the answer does."""

    status, default_code = 503, "gateway_stopping"


class DeadlineExceeded(GuardianError):
    """The time for the whole request is over."""

    status, type, default_code = 504, "timeout", "deadline_exceeded"


class AttemptFailed(GuardianError):
    """One try at one endpoint failed.

    `upstream` is the error object the endpoint sent, where it sent one; `upstream_status` the status it came
    with; `elsewhere` tells whether another endpoint may do better, `again` whether the same one may, `rests`
    whether it is the endpoint's fault, so that others are asked before it for a while. `said` is what the endpoint
    itself said of it, for records alone: it may be the operator's business, and hostile.
    """

    status, default_code = 502, "upstream_error"

    def __init__(
        self,
        message: str,
        *,
        code: str,
        elsewhere: bool = True,
        again: bool = True,
        rests: bool = True,
        upstream_status: int | None = None,
        upstream: dict[str, Any] | None = None,
        retry_after_s: float | None = None,
        status: int | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)
        self.said = said
        self.elsewhere = elsewhere
        self.again = again and elsewhere
        self.rests = rests and elsewhere
        self.upstream_status = upstream_status
        self.upstream = upstream
        self._status = status

    @property
    def http_status(self) -> int:
        """The endpoint's own status where the caller may see it, else 502."""
        return self._status or self.status

    def body(self) -> dict[str, Any]:
        """Return the endpoint's own error object where it sent one, else ours, of the type that fits the status."""
        return {"error": self.upstream or self._described_as(type_of(self.http_status))}


def type_of(status: int) -> str:
    """Return the type that OpenAI's errors have with a status that a caller sees."""
    if status in (408, 504):
        return "timeout"
    if status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if status < 500 else "server_error"
