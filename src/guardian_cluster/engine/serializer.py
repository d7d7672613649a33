"""How DBOS writes what it keeps of ours: as JSON."""

from typing import Any

import msgspec
from dbos import Serializer

from guardian_cluster.engine import codec
from guardian_cluster.engine.engine import StepFailed


class JsonSerializer(Serializer):
    """Keeps plain values, and errors as text: what is read from the database is never run."""

    def name(self) -> str:
        """Return what marks the rows that it wrote."""
        return "guardian_json"

    def serialize(self, data: Any) -> str:
        """Return a value or an error as JSON."""
        if isinstance(data, BaseException):
            failed = data if isinstance(data, StepFailed) else None
            kind, text = (failed.kind, failed.text) if failed is not None else codec.told(data)
            kept = {"error": {"step": failed.step if failed is not None else "", "kind": kind, "text": text}}
        else:
            kept = {"value": data}
        return msgspec.json.encode(kept).decode()

    def deserialize(self, serialized_data: str) -> Any:
        """Return what was serialized; an error as StepFailed."""
        kept = msgspec.json.decode(serialized_data)
        error = kept.get("error")
        return kept["value"] if error is None else StepFailed(error["step"], error["kind"], error["text"])
