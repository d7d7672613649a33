"""What a library user reads off a response."""

from typing import Any

import pytest

from guardian_cluster.contract.records import RequestRecord
from guardian_cluster.request.response import ProcessedResponse

RECORD = RequestRecord(
    id="r",
    started=0.0,
    tenant="default",
    key=None,
    requested_model="m",
    streamed=False,
    specialist=None,
    endpoint=None,
    variant=None,
    outcome="ok",
    status=200,
    duration_ms=1.0,
    overhead_ms=1.0,
    rev=1,
)
PARTS = [{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}, {"text": 3}]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"choices": [{"message": {"content": "hi"}}, {"message": {"content": "ho"}}]}, "hi"),
        ({"choices": [{"message": {"content": PARTS}}]}, "one two"),
        ({"choices": [{"message": {"content": None, "tool_calls": []}}]}, ""),
        ({"choices": [{"message": None}]}, ""),
        ({"choices": [{"index": 0}]}, ""),
        ({"choices": []}, ""),
        ({"choices": None}, ""),
        ({"object": "list", "data": []}, ""),
    ],
)
def test_the_text_is_the_first_choices_words_or_empty(answer: dict[str, Any], text: str):
    assert ProcessedResponse(request_id="r", answer=answer, results=(), record=RECORD).text == text
