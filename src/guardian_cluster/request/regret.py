"""Decides what a caller may see of an endpoint's words of regret: they are as much its own as its answers."""

from typing import Any

from guardian_cluster.domain.errors import AttemptFailed
from guardian_cluster.specialists import failures
from guardian_cluster.watcher.redaction import Redaction


def redact(failure: AttemptFailed, redaction: Redaction) -> None:
    """Take out of a failure what may not leave."""
    failure.message = _clean(failure.message, failures.MESSAGE_LIMIT, redaction)
    if failure.upstream is not None:
        failure.upstream = {
            name: _clean(
                said, failures.MESSAGE_LIMIT if name == "message" else failures.NAME_LIMIT, redaction
            )
            for name, said in failure.upstream.items()
        }


def _clean(said: str | None, limit: int, redaction: Redaction) -> Any:
    """Redact an endpoint's words and cut them to their limit; a rule's text may lie across an earlier cut."""
    if said is None:
        return None
    was_cut = len(said) >= limit + failures.MARGIN
    clean = redaction.of_text(said)
    return (clean[: -failures.MARGIN] if was_cut else clean)[:limit]
