"""What a drill has seen: each request as its user would have, and what that comes to."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from guardian_cluster.simulation.observation import Verdict
from guardian_cluster.simulation.strikes import Strike


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One request as its user saw it, and what the gateway recorded of it."""

    form: str
    verdict: Verdict
    status: int | None
    """`None` where no reply came."""
    code: str | None
    """Of the error, where there was one."""
    first_content_s: float | None
    total_s: float
    attempts: tuple[str, ...]
    """The endpoints that were asked, in order."""
    answered_by: str | None
    """The endpoint whose answer it was; of a continued one the last."""
    met: bool
    """Whether an endpoint that was struck was asked for it."""
    could_be_answered: bool
    """Whether an endpoint that was not struck could have answered it."""
    text: str

    @property
    def is_answered(self) -> bool:
        """Whether the user has the whole answer."""
        return self.verdict in ("complete", "continued")

    @property
    def said(self) -> str:
        """What the user saw, in few words."""
        if self.verdict == "refused":
            return f"{self.status} {self.code or 'without a code'}"
        return f"{_SAID[self.verdict]} {self.code}" if self.code else _SAID[self.verdict]


_SAID: dict[Verdict, str] = {
    "complete": "whole",
    "continued": "continued",
    "cut": "cut, as its finish reason says",
    "refused": "refused",
    "in_band_error": "error in the stream:",
    "silent_truncation": "SILENTLY TRUNCATED",
    "empty_as_success": "EMPTY AS SUCCESS",
    "altered": "altered words",
    "broken": "connection broken",
    "hung": "hung until the client left",
}


class Struck(msgspec.Struct, frozen=True, kw_only=True):
    """How one specialist came through one strike."""

    strike: Strike
    seen: tuple[Seen, ...]
    after: tuple[Seen, ...]
    """Requests after it had ended."""
    unused: tuple[str, ...] = ()
    """Endpoints that had recovered and were not asked again."""
    healthy: tuple[Seen, ...]
    """The same forms without a fault, to compare times with."""

    @property
    def answered(self) -> int:
        """How many requests got the whole answer."""
        return sum(each.is_answered for each in self.seen)

    @property
    def otherwise(self) -> Counter[str]:
        """What the others saw, and how many did."""
        return Counter(self._said(each) for each in self.seen if not each.is_answered)

    @property
    def lost(self) -> tuple[Seen, ...]:
        """Requests without an answer that another endpoint could have given, and those that were silently wrong.

        Where it is the model's words that are bad, they are not among them, nor is what breaks off in them.
        """
        return tuple(
            each for each in (*self.seen, *self.after) if not each.is_answered and self._counts(each)
        )

    def _said(self, seen: Seen) -> str:
        return "passed on as it is" if self.strike.alters and seen.verdict == "altered" else seen.said

    def _counts(self, seen: Seen) -> bool:
        if seen.verdict in ("silent_truncation", "empty_as_success"):
            return True
        if self.strike.alters and seen.verdict in ("altered", "cut", "in_band_error"):
            return False
        return seen.could_be_answered

    @property
    def answered_by(self) -> Counter[str]:
        """Endpoints, and how many answers each gave."""
        return Counter(
            each.answered_by for each in self.seen if each.answered_by is not None and each.is_answered
        )

    @property
    def attempts_per_request(self) -> float:
        """Attempts at endpoints, for each request."""
        return sum(len(each.attempts) for each in self.seen) / max(1, len(self.seen))

    @property
    def added_first_s(self) -> float | None:
        """By how much the first content of a stream came later than without a fault, at worst."""
        usual = {each.form: each.first_content_s for each in self.healthy}
        return _most((each.first_content_s, usual.get(each.form)) for each in self.seen if each.is_answered)

    @property
    def added_total_s(self) -> float | None:
        """By how much an answer took longer than without a fault, at worst."""
        usual = {each.form: each.total_s for each in self.healthy}
        return _most((each.total_s, usual.get(each.form)) for each in self.seen if each.is_answered)


def _most(times: Iterable[tuple[float | None, float | None]]) -> float | None:
    added = [time - usual for time, usual in times if time is not None and usual is not None]
    return max(0.0, *added) if added else None
