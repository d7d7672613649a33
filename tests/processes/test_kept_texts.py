"""The words that an operator chose to keep, as the safety monitor asks for them."""

from pathlib import Path

import msgspec
from sample_records import NOON, request_record

from guardian_cluster.contract.link import Batch, BatchId
from guardian_cluster.contract.records import Payload
from guardian_cluster.contract.snapshot import RecordPolicy
from guardian_cluster.processes.kept_texts import MOST_BYTES, KeptTexts, texts_of
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.reader import RecordReader
from guardian_cluster.storage.records import write_batch


async def test_texts_of_requests_and_answers_are_found_by_id_where_they_were_kept(tmp_path: Path) -> None:
    body = msgspec.json.encode({"messages": [{"role": "user", "content": [{"text": "My cat\nis Mo."}]}]})
    payload = Payload(
        request_id="r1", tenant="acme", recorded=NOON, request_body=body, response_text="Hello Mo."
    )
    engine = open_database(tmp_path / FILE_NAME, now=NOON)
    with engine.begin() as connection:
        batch = Batch(id=BatchId("boot", 1), requests=(request_record("r1"),), payloads=(payload,))
        write_batch(connection, batch, now=NOON, policy=RecordPolicy(bodies="all"))
    engine.dispose()
    reader = RecordReader(tmp_path / FILE_NAME)

    found = await KeptTexts(reader).of(("r1", "r2"))
    await reader.close()

    assert found == ["Hello Mo.", "user", "My cat\nis Mo."]


def test_a_body_that_is_no_json_or_very_long_is_looked_at_as_it_is() -> None:
    assert texts_of(b"\xff no json") == ["\ufffd no json"]
    assert texts_of(b"[" * 100_000) == ["[" * 20_000]
    assert texts_of(b'"' + b"x" * MOST_BYTES + b'"') == ['"' + "x" * 19_999]
