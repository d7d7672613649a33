"""What goes wrong at endpoints: errors, quota, hangs, slowness, answers that break off.

In a record these are the outcomes of attempts. A gateway asks elsewhere after most of them, so the request itself often
ends well, at another endpoint, which the record then names.
"""

from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.simulation.traffic.draft import Draft, Failure, heard
from guardian_cluster.simulation.traffic.faults.fault import Case, Fault
from guardian_cluster.simulation.traffic.question import Question


class _Errors(Fault):
    cause = "upstream_errors"
    code = "upstream_error"
    said: tuple[str, ...] = ("",)
    slowest_ms = 900.0

    def draw(self, case: Case) -> None:
        """Each outage has one message."""
        self.message = heard(case.rng.choice(self.said))

    def bend(self, draft: Draft, question: Question) -> None:
        """Fail before the first token."""
        draft.failure = Failure(self.code, self.message, after_ms=self.rng.uniform(20.0, self.slowest_ms))

    def aftermath(self) -> tuple[ChangeEvent, ...]:
        """Leave an endpoint that fails most of the time out for a while, and try it again."""
        if self.share < 0.7 or not self.value_of("endpoint") or len(self.where) > 1:
            return ()
        endpoint = self.value_of("endpoint")
        subject = f"endpoints.{endpoint}"
        at = self.rng.uniform(20.0, 90.0)
        back = at + self.rng.uniform(20.0, 60.0)
        return (
            self.change("endpoint_ejected", subject, after_s=at, endpoint=endpoint),
            self.change("endpoint_readmitted", subject, after_s=back, endpoint=endpoint),
        )


class InternalErrors(_Errors):
    """Status 500: the model's server fails inside, with a message and a request id."""

    manner = "internal-error"
    said = (
        "The server had an error processing your request (request id req_8f2a71).",
        "Internal server error: CUDA error: an illegal memory access was encountered",
        "internal_error: worker 12 died unexpectedly",
    )


class BadGateway(_Errors):
    """Status 502: the proxy before the model's server does not reach it; the body is a page."""

    manner = "bad-gateway"
    said = (
        "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
        "upstream connect error or disconnect/reset before headers. reset reason: connection termination",
    )


class Unavailable(_Errors):
    """Status 503: the server says that it is overloaded or that the model is being loaded."""

    manner = "unavailable"
    said = (
        "Service temporarily unavailable",
        "The model is currently overloaded. Please retry later",
        "Loading model",
    )


class Unreachable(_Errors):
    """Nobody listens, or the connection breaks before a word: the endpoint says nothing at all."""

    manner = "unreachable"

    def draw(self, case: Case) -> None:
        """Refuse the connection, or break it off."""
        super().draw(case)
        self.code = case.rng.choice(("upstream_unreachable", "upstream_disconnected"))


class _Quota(Fault):
    cause = "quota"
    said: tuple[str, ...] = ()
    again = False

    def draw(self, case: Case) -> None:
        """Each provider has one message."""
        self.message = heard(case.rng.choice(self.said))

    def bend(self, draft: Draft, question: Question) -> None:
        """Fail at once."""
        after_ms = self.rng.uniform(30.0, 250.0)
        draft.failure = Failure("upstream_rate_limited", self.message, after_ms=after_ms, again=self.again)


class QuotaWithoutTime(_Quota):
    """Status 429 without Retry-After."""

    manner = "without-retry-after"
    said = (
        "Rate limit reached for requests. Limit: 500 / min.",
        "Too Many Requests",
        "You exceeded your current quota.",
    )


class QuotaWithTime(_Quota):
    """Status 429 with Retry-After: the endpoint is left alone until then, so that some requests find nobody to ask."""

    manner = "with-retry-after"
    again = True
    said = (
        "Rate limit reached for lantern-70b in organization org-8a on tokens per min (TPM): Limit 30000, Used 29871.",
        "Request was throttled. Expected available in 12 seconds.",
    )

    def bend(self, draft: Draft, question: Question) -> None:
        """Fail at once, or be turned away where nobody else is left to ask."""
        if len(self.staff.places) == 1 and self.rng.random() < 0.3:
            draft.turned_away = "upstream_rate_limited"
        super().bend(draft, question)


class Unpaid(Fault):
    """Status 402, or 429 for an account that is used up: no waiting helps."""

    cause = "quota"
    manner = "used-up"

    def draw(self, case: Case) -> None:
        """Either way of saying so."""
        self.code, self.message = case.rng.choice(
            (
                (
                    "upstream_unpaid",
                    "insufficient_balance: Your account balance is too low. Add credits to continue.",
                ),
                (
                    "upstream_rate_limited",
                    "You exceeded your current quota, please check your plan and billing details.",
                ),
            )
        )

    def bend(self, draft: Draft, question: Question) -> None:
        """Fail at once."""
        draft.failure = Failure(
            self.code, heard(self.message), after_ms=self.rng.uniform(30.0, 200.0), again=False
        )


class Silent(Fault):
    """A connection is taken and nothing comes, until the gateway gives up."""

    cause = "hang"
    manner = "silent"

    def bend(self, draft: Draft, question: Question) -> None:
        """Wait in vain for the first token."""
        limit = self.staff.first_limit_ms if question.streamed else self.staff.whole_limit_ms / 2
        draft.failure = Failure(
            "upstream_timeout", after_ms=limit * self.rng.uniform(1.0, 1.002), again=False
        )


class SilentMidway(Fault):
    """A stream begins and falls silent; answers in one piece do not come at all."""

    cause = "hang"
    manner = "silent-midway"

    def bend(self, draft: Draft, question: Question) -> None:
        """Wait in vain for the next token."""
        if not question.streamed:
            limit = self.staff.whole_limit_ms / 2
            draft.failure = Failure("upstream_timeout", after_ms=limit, again=False)
            return
        tokens = max(1, int(draft.output_tokens * self.rng.random()))
        waited = draft.first_ms + tokens * draft.token_ms + 30_000.0
        draft.failure = Failure(
            "upstream_timeout", after_ms=waited, first_ms=draft.first_ms, tokens=tokens, again=False
        )


class SlowAll(Fault):
    """Every answer takes longer: the first token and each one after it."""

    cause = "slow"
    manner = "all-of-it"

    def draw(self, case: Case) -> None:
        """Strike all of the slice, by a factor."""
        self.share = 1.0

    def bend(self, draft: Draft, question: Question) -> None:
        """Slow it down."""
        draft.first_ms *= self.factor
        draft.token_ms *= self.factor


class SlowQueue(SlowAll):
    """Requests queue at the endpoint: the first token is late, then all goes as usual."""

    manner = "before-the-first-token"

    def bend(self, draft: Draft, question: Question) -> None:
        """Delay its beginning: by so much that an answer in one piece is late as well."""
        draft.first_ms = draft.first_ms * self.factor + 0.5 * (self.factor - 1.0) * draft.whole_ms


class SlowSometimes(Fault):
    """A share of the answers is eight times as slow: one replica of several, or a cold cache."""

    cause = "slow"
    manner = "some-of-them"

    def bend(self, draft: Draft, question: Question) -> None:
        """Slow one down a lot."""
        draft.first_ms *= 8.0
        draft.token_ms *= 8.0


class BrokenOff(Fault):
    """Answers break off: a lost connection, or a stream without its end. Some are gone on with elsewhere."""

    cause = "truncated_stream"
    manner = "connection-lost"

    def draw(self, case: Case) -> None:
        """Lost, or ended too early."""
        self.code = case.rng.choice(("upstream_disconnected", "upstream_incomplete"))

    def bend(self, draft: Draft, question: Question) -> None:
        """Break off somewhere."""
        tokens = max(1, int(draft.output_tokens * self.rng.random()))
        draft.failure = Failure(
            self.code,
            after_ms=draft.first_ms + tokens * draft.token_ms,
            first_ms=draft.first_ms if question.streamed else None,
            tokens=tokens,
        )


class CutShort(Fault):
    """The server ends answers early and says so: finish reason `length`, after ever another number of tokens."""

    cause = "truncated_stream"
    manner = "finish-length"

    def bend(self, draft: Draft, question: Question) -> None:
        """End early."""
        draft.output_tokens = max(1, int(draft.output_tokens * self.rng.uniform(0.1, 0.7)))
        draft.finish_reason = "length"


UPSTREAM: tuple[type[Fault], ...] = (
    InternalErrors,
    BadGateway,
    Unavailable,
    Unreachable,
    QuotaWithoutTime,
    QuotaWithTime,
    Unpaid,
    Silent,
    SilentMidway,
    SlowAll,
    SlowQueue,
    SlowSometimes,
    BrokenOff,
    CutShort,
)
