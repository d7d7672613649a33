"""What a caller may say about an answer, and how it is read."""

from typing import Annotated

import msgspec

from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.domain.request import explain

MAX_FEEDBACK_BYTES = 65_536
"""Enough for the longest comment, every character of it escaped."""


ID = r"^[!-~]*(?![\s\S])"
"""Of a request: ours have letters, figures and `_`; nobody's have spaces or what a terminal would obey.

Nothing may follow: a `$` would let a line end through, and `\\Z` is no pattern of JSON Schema."""

_KEPT_CONTROLS = frozenset("\n\t")


class FeedbackBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `POST /v1/feedback` takes."""

    request_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=ID)]
    score: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    label: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    comment: Annotated[str, msgspec.Meta(max_length=4_000)] | None = None


_feedback = msgspec.json.Decoder(FeedbackBody)


def read_feedback(body: bytes) -> FeedbackBody:
    """Read a body; its words come without characters that a terminal would obey.

    Raises:
        InvalidRequest: it is not JSON, not feedback, or says nothing.
    """
    try:
        said = _feedback.decode(body)
    except msgspec.ValidationError as error:
        raise explain(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    if said.score is None and said.label is None and said.comment is None:
        raise InvalidRequest("Say something: `score` (0 to 1), `label` or `comment`.", param="score")
    return msgspec.structs.replace(said, label=_printable(said.label), comment=_printable(said.comment))


def _printable(text: str | None) -> str | None:
    if text is None or text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in _KEPT_CONTROLS else "\ufffd" for sign in text)
