"""Keeps the words of a request where the operator chose so, without the texts that any rule of its policy names.

Those of rules that only observe are taken out too: they reach the caller, but no record.
"""

import random

import msgspec

from guardian_cluster.contract.records import Payload
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.domain.clock import Clock
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.request.ports import ReportSink
from guardian_cluster.request.words import Words
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.redaction import Redaction

MAX_REPORT_BYTES = 490_000
"""Of request and answer together: a report of over 500 KB is dropped (see telemetry), and both would be lost."""

MAX_KEPT_BYTES = 300_000
"""Of an answer, before and after redaction; what goes on beyond this is cut off in the record, to leave room in
the report. Redacted, this much prose takes 1 ms."""

MAX_REQUEST_BYTES = 100_000
"""A larger request is not kept, nor redacted: that takes 2 ms for this much prose, but 100 ms where a hostile
caller sends nothing but escapes or tiny values, and all others wait meanwhile."""


class BodyPolicy:
    """Decides which requests are kept with their words: none, a sample, or all."""

    def __init__(self, policy: RecordPolicy, rng: random.Random) -> None:
        self._policy = policy
        self._rng = rng

    def begin(self, request: UserRequest, redaction: Redaction) -> "KeptBody | None":
        """Return what collects the words of a request; `None` where they are not to be kept."""
        if self._policy.bodies == "off":
            return None
        if self._policy.bodies == "sampled" and self._rng.random() >= self._policy.sample_rate:
            return None
        return KeptBody(request, redaction)


class KeptBody:
    """Collects one request's words as they leave."""

    def __init__(self, request: UserRequest, redaction: Redaction) -> None:
        self._request = request
        self._redaction = redaction
        self._words = Words(MAX_KEPT_BYTES)

    def take(self, batch: list[Chunk]) -> None:
        """Note what the first choice says in chunks that leave."""
        self._words.take(batch)

    def report(self, sink: ReportSink, clock: Clock) -> None:
        """Send what was collected."""
        said = self._redaction.of_answer(self._words.text, whole=self._words.is_whole)
        encoded = said.encode("utf-8", "replace")[:MAX_KEPT_BYTES]
        sink.report(
            Payload(
                request_id=self._request.id,
                tenant=self._request.tenant,
                recorded=clock.now(),
                request_body=self._asked(MAX_REPORT_BYTES - len(encoded)),
                response_text=encoded.decode("utf-8", "ignore"),
            )
        )

    def _asked(self, room_bytes: int) -> bytes:
        """Return the request redacted; empty where it is too large, before as after redaction."""
        fields = self._request.body
        encoded = [value for value in fields.values() if isinstance(value, msgspec.Raw)]
        if sum(memoryview(value).nbytes for value in encoded) > MAX_REQUEST_BYTES:
            return b""  # not even copied
        body = msgspec.json.encode(fields)
        if len(body) > MAX_REQUEST_BYTES:
            return b""
        redacted = self._redaction.of_json(body.decode("utf-8", "replace")).encode()
        return redacted if len(redacted) <= room_bytes else b""
