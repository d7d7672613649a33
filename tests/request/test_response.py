"""What a library user reads off a response."""

from typing import Any

import pytest
from sample_records import request_record

from guardian_cluster.request.response import ProcessedResponse

RECORD = request_record()
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
