"""What is our own doing: detectors that judge otherwise, wrong settings, a gateway that is short of something."""

from typing import Any

from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.observation import Slice
from guardian_cluster.simulation.traffic.draft import Draft, Failure, heard
from guardian_cluster.simulation.traffic.faults.fault import Case, Fault
from guardian_cluster.simulation.traffic.people import Place
from guardian_cluster.simulation.traffic.question import Question


class _Drift(Fault):
    cause = "detector_drift"

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the upgrade that brought other weights, in half of the cases; in others callers write otherwise."""
        if self.rng.random() < 0.5:
            return ()
        versions: dict[str, Any] = {"before": '"0.5.1"', "after": '"0.6.0"'}
        return (self.change("upgrade", "version", specialist="", **versions),)


class ScoresDrift(_Drift):
    """The scores of ungrounded answers rise, while callers are as pleased as ever."""

    manner = "scores"

    def shows(self, question: Question) -> bool:
        """Return whether there is such a score."""
        return question.retrieves

    def bend(self, draft: Draft, question: Question) -> None:
        """Raise the score."""
        if question.retrieves:
            score = draft.scores["ungrounded"]
            draft.scores["ungrounded"] = score + (1.0 - score) * self.rng.uniform(0.4, 0.8)


class FalseRefusals(_Drift):
    """Sound answers are taken for refusals: as long as ever, and callers are as pleased."""

    manner = "false-refusals"

    def bend(self, draft: Draft, question: Question) -> None:
        """Find a refusal where there is none."""
        if not draft.refuses:
            draft.found.append(("answer", "refusal-opener", "observe"))


class FalseLeaks(_Drift):
    """A rule for personal data finds it in numbers that are none."""

    manner = "false-leaks"

    def bend(self, draft: Draft, question: Question) -> None:
        """Find a telephone number where there is none, and take it out."""
        if not draft.leak:
            draft.leak = "personal-data/phone"


class _Configuration(Fault):
    cause = "own_configuration"
    scopes = ("everything", "upstream")


class TimeoutTooShort(_Configuration):
    """Waiting was shortened to less than answers take: attempts end at exactly that time."""

    manner = "timeout-too-short"
    scopes = ("everything",)

    def draw(self, case: Case) -> None:
        """Draw the new limit, in seconds, that many answers do not keep."""
        self.limit_s = case.rng.choice((0.5, 0.8, 1.0, 1.5, 2.0))

    def strike(self, draft: Draft, question: Question, place: Place) -> None:
        """Let so many answers take too long, and no other: how long they take differs by more than by slice."""
        super().strike(draft, question, place)
        if question.at >= self.onset and draft.failure is None:
            shorter = min(1.0, 1e3 * self.limit_s * self.rng.uniform(0.5, 0.99) / draft.whole_ms)
            draft.first_ms, draft.token_ms = draft.first_ms * shorter, draft.token_ms * shorter

    def bend(self, draft: Draft, question: Question) -> None:
        """Give up at the limit."""
        waited_ms = 1e3 * self.limit_s + self.rng.uniform(0.0, 2.0)
        draft.failure = Failure("upstream_timeout", after_ms=waited_ms, again=False)

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the settings."""
        subject = f"specialists.{self.staff.name}.timeouts"
        before = str(self.staff.first_limit_ms / 1e3)
        return tuple(
            self.change("setting", f"{subject}.{name}", before=before, after=str(self.limit_s))
            for name in ("first_token_s", "total_s")
        )


class AnswersTooLarge(_Configuration):
    """The largest answer that is accepted was set too low."""

    manner = "answer-limit"
    scopes = ("everything",)

    def bend(self, draft: Draft, question: Question) -> None:
        """Give up when it has become too large."""
        tokens = max(1, int(draft.output_tokens * self.rng.uniform(0.3, 0.9)))
        first = draft.first_ms if question.streamed else None
        taken = draft.first_ms + tokens * draft.token_ms
        draft.failure = Failure(
            "upstream_answer_too_large", after_ms=taken, first_ms=first, tokens=tokens, again=False
        )

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the setting, which is of all specialists."""
        values: dict[str, Any] = {"before": "50000000", "after": "5000"}
        return (self.change("setting", "limits.max_answer_bytes", specialist="", **values),)


class FewTokens(_Configuration):
    """A default `max_tokens` was set too low: a new variant, whose answers all end after the same number of tokens."""

    manner = "few-tokens"
    scopes = ("everything",)

    def draw(self, case: Case) -> None:
        """Draw the limit; a parameter is part of a variant, so there is a new one."""
        self.limit = case.rng.choice((64, 100, 128))
        self.new = f"{case.rng.getrandbits(48):012x}"

    @property
    def fixed(self) -> Slice:
        """The new variant."""
        return (("variant", self.new),)

    @property
    def roster(self) -> dict[str, float]:
        """All requests are asked with it."""
        return {self.new: 1.0}

    def bend(self, draft: Draft, question: Question) -> None:
        """End at the limit."""
        draft.output_tokens = self.limit
        draft.finish_reason = "length"

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the setting."""
        subject = f"specialists.{self.staff.name}.parameters.max_tokens"
        return (self.change("setting", subject, before="null", after=str(self.limit)),)


class WrongCredentials(_Configuration):
    """The key of an endpoint was changed for one that some of its servers, or all, do not take."""

    manner = "credentials"
    code = "upstream_credentials_rejected"
    said = "invalid_api_key: Incorrect API key provided: sk-ab12."
    setting = "api_key"

    def bend(self, draft: Draft, question: Question) -> None:
        """Fail at once."""
        draft.failure = Failure(
            self.code, heard(self.said), after_ms=self.rng.uniform(15.0, 120.0), again=False
        )

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the endpoints that were changed."""
        ids = [place.id for place in self.staff.places if self._is_changed(place.id, place.model)]
        return tuple(
            self.change("endpoint", f"endpoints.{each}.{self.setting}", endpoint=each) for each in ids
        )

    def _is_changed(self, id: str, model: str) -> bool:
        return id == (self.value_of("endpoint") or id) and model == (self.value_of("model") or model)


class WrongPath(WrongCredentials):
    """The address or the model's name of an endpoint was changed for one that is not there."""

    manner = "not-there"
    code = "upstream_not_found"
    said = "model_not_found: The model `northwind-larg` does not exist."
    setting = "url"


class TooStrict(_Configuration):
    """A tenant's policy asks for another answer on every change of script: its answers are withheld again and again."""

    manner = "policy-too-strict"
    scopes = ("one",)
    within = "tenant"

    def bend(self, draft: Draft, question: Question) -> None:
        """Withhold the answer."""
        draft.found.append(("answer", "script-switch", "retry"))

    def changes(self) -> tuple[ChangeEvent, ...]:
        """Return the policy that was changed."""
        tenant = self.value_of("tenant")
        subject = f"tenants.{tenant}.watch.on_script_switch"
        values: dict[str, Any] = {
            "before": '"ignore"',
            "after": '"retry"',
            "specialist": "",
            "tenant": tenant,
        }
        return (self.change("watch", subject, **values),)


class _Resources(Fault):
    cause = "own_resources"
    scopes = ("everything",)

    def aftermath(self) -> tuple[ChangeEvent, ...]:
        """Workers are replaced, or the gateway says that it is overloaded."""
        times = sorted(self.rng.uniform(5.0, 900.0) for _ in range(self.rng.randint(1, 4)))
        if self.rng.random() < 0.5:
            return tuple(
                self.change("overloaded", f"specialists.{self.staff.name}", after_s=at) for at in times
            )
        return tuple(self.change("worker_restarted", "workers.1", after_s=at, specialist="") for at in times)


class Busy(_Resources):
    """The gateway itself takes long: its own part of the time grows, while models are as fast as ever."""

    manner = "busy-gateway"

    def bend(self, draft: Draft, question: Question) -> None:
        """Spend time of our own: as much as usual answers take, times the factor."""
        draft.overhead_ms += draft.whole_ms * self.rng.uniform(0.5, 1.5) * self.factor


class NoConnections(_Resources):
    """There are too few connections, or file descriptors, to ask with."""

    manner = "connections"
    scopes = ("everything", "upstream")

    def bend(self, draft: Draft, question: Question) -> None:
        """Not be able to ask."""
        draft.failure = Failure("upstream_connections_busy", after_ms=self.rng.uniform(1.0, 40.0))


class NoRoom(_Resources):
    """More requests come than may be under way: they wait, and those that waited too long are turned away."""

    manner = "no-room"

    def bend(self, draft: Draft, question: Question) -> None:
        """Wait, and go away in half of the cases."""
        draft.waited_ms = self.rng.uniform(3_000.0, 10_000.0)
        if self.rng.random() < 0.5:
            draft.turned_away = "specialist_busy"

    def aftermath(self) -> tuple[ChangeEvent, ...]:
        """Say that the gateway is overloaded."""
        times = sorted(self.rng.uniform(5.0, 900.0) for _ in range(self.rng.randint(2, 6)))
        return tuple(self.change("overloaded", f"specialists.{self.staff.name}", after_s=at) for at in times)


OWN: tuple[type[Fault], ...] = (
    ScoresDrift,
    FalseRefusals,
    FalseLeaks,
    TimeoutTooShort,
    AnswersTooLarge,
    FewTokens,
    WrongCredentials,
    WrongPath,
    TooStrict,
    Busy,
    NoConnections,
    NoRoom,
)
