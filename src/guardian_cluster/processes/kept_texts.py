"""The words of requests and answers, where an operator chose to keep them: none of them gets into instructions."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

import msgspec

from guardian_cluster.storage.queries import payload_of
from guardian_cluster.storage.reader import RecordReader

MOST_BYTES = 1_000_000
"""Of a body that is read as JSON; of a longer one, with images in it mostly, only the beginning is looked at."""

MOST_TEXTS = 2_000
"""Of one question: that many messages are those of some fifty long conversations."""

_BEGINNING = 20_000


class KeptTexts:
    """What `[records] bodies` has kept in `telemetry.db`."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader

    async def of(self, record_ids: Sequence[str]) -> Sequence[str]:
        """Return what is kept of these requests and their answers. Raises CannotCreate where it cannot be read."""
        found = list[str]()
        for id in record_ids:
            payload = await self._reader.run(partial(payload_of, request_id=id))
            if payload is not None:
                found += [payload.response_text, *await asyncio.to_thread(texts_of, payload.request_body)]
            if len(found) > MOST_TEXTS:
                break
        return found[:MOST_TEXTS]


def texts_of(body: bytes) -> list[str]:
    """Return all texts in a request's body; of what is no JSON, its beginning as it is."""
    if len(body) <= MOST_BYTES:
        try:
            return list(_strings(msgspec.json.decode(body)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return [body[:_BEGINNING].decode("utf-8", "replace")]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in cast("Mapping[str, Any]", value).values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _strings(each)
