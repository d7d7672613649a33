"""What comes out of the request workflow."""

from typing import Any

import msgspec

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.domain.verdict import MonitoringReport
from guardian_cluster.specialists.specialist import Chunk


class ExecutionMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """How an execution went."""

    specialist: str
    endpoint: str
    variant: str
    attempts: int
    duration_ms: float
    waited_ms: float
    """The part of the duration spent waiting for models."""


class SpecialistResult(msgspec.Struct, frozen=True, kw_only=True):
    """What one specialist contributed, and what its watcher says of it."""

    assignment_id: str
    result: Chunk
    monitoring_report: MonitoringReport
    execution_metadata: ExecutionMetadata


class ProcessedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request."""

    request_id: str
    answer: Chunk
    """The `chat.completion` (or embeddings list) in OpenAI's shape."""
    results: tuple[SpecialistResult, ...]
    record: RequestRecord

    @property
    def text(self) -> str:
        """The words of the first choice, its text parts joined; empty where it has none.

        It has none where the model called a tool, or where the answer is one of embeddings.
        """
        choices: list[dict[str, Any]] = self.answer.get("choices") or [{}]
        message: dict[str, Any] = choices[0].get("message") or {}
        content: str | list[dict[str, Any]] | None = message.get("content")
        if isinstance(content, list):
            texts = [part.get("text") for part in content]
            return "".join(text for text in texts if isinstance(text, str))
        return content or ""
