"""Decides whether a stream that ended without saying so had come to its end: all the choices asked for, finished."""

from typing import Any

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.specialists.specialist import Chunk


class Finishing:
    """Notes which choices of a stream have finished."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._finished: set[int] = set()

    def take(self, batch: list[Chunk]) -> None:
        """Note what finishes in a batch."""
        for chunk in batch:
            choices: list[dict[str, Any]] = chunk.get("choices") or []
            for number, choice in enumerate(choices):
                index = choice.get("index", number)
                if choice.get("finish_reason") and 0 <= index < self._wanted:
                    self._finished.add(index)

    def check(self) -> None:
        """Look at a stream that ended without `[DONE]`.

        Raises:
            AttemptFailed: a choice that was asked for has not finished.
        """
        if len(self._finished) < self._wanted:
            raise AttemptFailed(
                f"The model's answer ended after {len(self._finished)} of {self._wanted} choices.",
                code="upstream_incomplete",
            )


def finishing_of(request: UserRequest) -> Finishing | None:
    """Return what notes the ends of a stream of several choices.

    Of one choice the watcher knows; of several it knows those that it has seen, and another may not have begun.
    """
    wanted = int(request.chat.n or 1)
    return Finishing(wanted) if wanted > 1 else None
