"""Passes every text of an encoded value through what rewrites texts, piece by piece however large the value is.

The value is decoded and encoded again as a whole, whether a text changed or not: of a name that stands twice in an
object one reader takes the first and another the last, and only what was read may go on.
"""

from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar, cast

import msgspec

from guardian_cluster.domain.errors import InvalidRequest
from guardian_cluster.watcher.intake_names import KNOWN_NAMES
from guardian_cluster.watcher.turns import Turns

Rewrite = Callable[[str, str], Awaitable[str]]
"""Takes a text, and the name of the field that holds it (empty where none does); returns what goes on in its place."""

WHOLE_BYTES = 16_384
"""Of a value that is decoded in one go: 0.25 ms, if it is nothing but punctuation."""

MAX_VALUES = 40_000
"""In a list or object over that size: splitting one takes 1.6 ms, whatever they are."""

_COUNTED_BYTES = 65_536

MAX_DEPTH = 64
"""Of what stands in one another: schemas have ten levels. Each level of a large value is one pass over it."""

_MAX_LARGE_DEPTH = 8
_LONGEST_ESCAPE = 12

Kind = TypeVar("Kind")

_encode = msgspec.json.Encoder().encode
_raw_list = msgspec.json.Decoder(list[msgspec.Raw])
_raw_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


class Rewriting:
    """Rewrites values; `numbers` says that numbers are texts too: what stands for one is a text."""

    def __init__(self, rewrite: Rewrite, turns: Turns, *, numbers: bool = True) -> None:
        self._rewrite = rewrite
        self._turns = turns
        self._numbers = numbers

    async def value(self, encoded: bytes | msgspec.Raw, name: str = "", depth: int = 0) -> bytes:
        """Return a value, rewritten.

        Raises:
            InvalidRequest: it is no JSON, or holds too much to be looked through.
        """
        size = memoryview(encoded).nbytes
        if size <= WHOLE_BYTES:
            return _encode(await self._decoded(_decoded(encoded), name, depth))
        begins = bytes(memoryview(encoded)[:1])
        if begins == b'"':
            return await large_json(
                await self._rewrite(await large_text(encoded, self._turns), name), self._turns
            )
        if depth > _MAX_LARGE_DEPTH:
            raise _nested()
        if begins == b"[":
            each = await split_list(encoded, self._turns)
            values = [await self.value(one, name, depth + 1) for one in each]
            await self._turns.rest()  # to join them is one more pass
            return b"[%b]" % b",".join(values)
        if begins == b"{":
            fields = (await split_fields(encoded, self._turns)).items()
            pairs = {
                await self._named(named): await self.value(one, named, depth + 1) for named, one in fields
            }
            await self._turns.rest()
            return _encode({named: msgspec.Raw(one) for named, one in pairs.items()})
        written = bytes(encoded).decode()
        rewritten = await self._rewrite(written, name) if self._numbers else written
        return bytes(encoded) if rewritten == written else _encode(rewritten)

    async def _decoded(self, value: Any, name: str, depth: int) -> Any:
        if isinstance(value, str):
            return await self._rewrite(value, name) if value else value
        if depth > MAX_DEPTH:
            raise _nested()
        if isinstance(value, list):
            each = cast("list[Any]", value)
            return [await self._decoded(one, name, depth + 1) for one in each]
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value).items()
            return {
                await self._named(name): await self._decoded(one, name, depth + 1) for name, one in fields
            }
        if self._numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
            written = _encode(value).decode()
            rewritten = await self._rewrite(written, name)
            return value if rewritten == written else rewritten
        return value

    async def _named(self, field: str) -> str:
        return field if field in KNOWN_NAMES else await self._rewrite(field, "")


async def split_list(encoded: bytes | msgspec.Raw, turns: Turns) -> list[msgspec.Raw]:
    """Return the values of a list, still encoded. Raises InvalidRequest: see `Rewriting.value`."""
    return await _split(_raw_list, encoded, turns)


async def split_fields(encoded: bytes | msgspec.Raw, turns: Turns) -> dict[str, msgspec.Raw]:
    """Return the fields of an object, still encoded. Raises InvalidRequest: see `Rewriting.value`."""
    return await _split(_raw_fields, encoded, turns)


async def _split(decoder: msgspec.json.Decoder[Kind], encoded: bytes | msgspec.Raw, turns: Turns) -> Kind:
    await turns.rest()
    try:
        if memoryview(encoded).nbytes > WHOLE_BYTES and await _may_hold_many(encoded, turns):
            text = f"A list or object holds over {MAX_VALUES} values, too many to be searched as the policy wants it."
            raise InvalidRequest(text, code="too_many_values")
        return decoder.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from None


async def _may_hold_many(encoded: bytes | msgspec.Raw, turns: Turns) -> bool:
    """Return whether a list or object may hold so many values that to split it would hold up the others.

    Commas in prose are no values: there are some 60 bytes between them.
    """
    view = memoryview(encoded)
    commas = await _count(view, b",", turns)
    if commas <= MAX_VALUES:
        return False
    if bytes(view[:1]) == b"{":
        return (await _count(view, b'"', turns) - await _count(view, b'\\"', turns)) // 2 > MAX_VALUES
    if bytes(view[1:2]) == b"{":
        _Counted.left = MAX_VALUES
        try:
            _counted.decode(encoded)
        except _TooMany:
            return True
        return False
    return commas * 16 > len(view)


async def _count(view: memoryview, what: bytes, turns: Turns) -> int:
    found = 0
    for at in range(0, len(view), _COUNTED_BYTES):
        found += bytes(view[at : at + _COUNTED_BYTES]).count(what)
        await turns.rest()
    return found


class _TooMany(Exception):
    """There is more than may be."""


class _Counted(msgspec.Struct):
    """An object of which nothing is read; one decoding at a time counts, for none is interrupted."""

    left: ClassVar[int] = 0

    def __post_init__(self) -> None:
        _Counted.left -= 1
        if _Counted.left < 0:
            raise _TooMany


_counted = msgspec.json.Decoder(list[_Counted])


async def large_text(encoded: bytes | msgspec.Raw, turns: Turns) -> str:
    """Return what a JSON string of any length says, a piece at a time. Raises InvalidRequest where it is none."""
    view = memoryview(encoded)[1:-1]
    pieces: list[str] = []
    at = 0
    while at < len(view):
        piece, at = _piece(view, at)
        pieces.append(piece)
        await turns.rest()
    return "".join(pieces)


def _piece(view: memoryview, at: int) -> tuple[str, int]:
    """Return what a piece says, and where it ends: never within an escape or a character, for that is no JSON."""
    most = min(len(view), at + WHOLE_BYTES)
    for end in range(most, max(at, most - _LONGEST_ESCAPE - 1), -1):
        try:
            return _text.decode(b'"%b"' % view[at:end]), end
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    raise InvalidRequest("The body is not valid JSON: a text is no Unicode.", code="invalid_json")


async def large_json(text: str, turns: Turns) -> bytes:
    """Return a text of any length as a JSON string, a piece at a time."""
    pieces: list[bytes] = []
    for at in range(0, len(text), WHOLE_BYTES):
        pieces.append(_encode(text[at : at + WHOLE_BYTES])[1:-1])
        await turns.rest()
    return b'"%b"' % b"".join(pieces)


def _decoded(encoded: bytes | msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(encoded)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _not_json(error) from None


def _not_json(error: Exception) -> InvalidRequest:
    return InvalidRequest(f"The body is not valid JSON: {error}.", code="invalid_json")


def _nested() -> InvalidRequest:
    text = "The body is nested too deeply to be searched as the policy wants it."
    return InvalidRequest(text, code="invalid_json")
