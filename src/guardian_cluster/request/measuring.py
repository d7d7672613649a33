"""What a message holds, as far as packing needs it: about how many tokens, which tool calls, which words.

Messages are looked at as they were sent, in JSON, and only in part where they are large: whoever packs a
conversation does it while others wait.
"""

from collections.abc import Iterable

import msgspec

from guardian_cluster.request.needs import CHARACTERS_PER_TOKEN

INSTRUCTIONS = frozenset({"system", "developer"})
"""The roles of messages that say how to answer, rather than being part of what is said."""

IMAGE_TOKENS = 1_100
"""For one image: OpenAI counts 765 for a square of a thousand pixels at full detail and 1,105 for a tall large
one, others about as much. Its bytes, in base64 or behind an address, say nothing about it."""

SAMPLED_BYTES = 49_152
"""A larger text is estimated from a third of this at its beginning, middle and end: 40 µs instead of 1 ms a MB."""

COMPARED_BYTES = 2_048
"""Of a message, for the words that it shares with a question: what it is about shows in its beginning."""

MAX_TERMS = 24
"""Of a question, each of which is looked for in many messages; the longest ones, for they tell most."""

_TWO_BYTES = bytes(range(0xC0, 0xE0))
_MORE_BYTES = bytes(range(0xE0, 0xF8))
_NOT_TWO = bytes(sorted(set(range(256)) - set(_TWO_BYTES)))
_NOT_MORE = bytes(sorted(set(range(256)) - set(_MORE_BYTES)))
_ASCII = map(chr, range(128))
_WORDS = bytes.maketrans(
    bytes(range(128)), "".join(c.lower() if c.isalnum() else " " for c in _ASCII).encode()
)
"""Small letters for large ones and spaces for marks; what is not ASCII stays as it is."""


class Call(msgspec.Struct, frozen=True):
    """A tool call, by the name that its result has."""

    id: str | None = None


class Function(msgspec.Struct, frozen=True):
    """A function call of the older kind."""

    name: str | None = None


class Plain(msgspec.Struct, frozen=True, gc=False):
    """A message of which only who says it is read."""

    role: str = ""
    content: msgspec.Raw = msgspec.Raw(b"null")


class Sent(Plain, frozen=True, gc=False):
    """A message as sent, as far as packing reads it."""

    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None
    function_call: Function | None = None
    name: str | None = None


class Part(msgspec.Struct, frozen=True):
    """One part of a message's content."""

    type: str = ""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A message and what was found in it."""

    role: str
    message: msgspec.Raw
    tokens: int
    number: int = 0
    """In its conversation; 0 for a message that is in none yet."""
    calls: tuple[str, ...] = ()
    """The names of the calls whose results must follow."""
    answers: str | None = None
    """The name of the call that it is the result of."""

    @property
    def is_instruction(self) -> bool:
        """Whether it says how to answer."""
        return self.role in INSTRUCTIONS


_sent = msgspec.json.Decoder(Sent)
_plain = msgspec.json.Decoder(Plain)
_parts = msgspec.json.Decoder(list[msgspec.Raw])
_part = msgspec.json.Decoder(Part)


def piece_of(message: bytes | msgspec.Raw, number: int = 0, tokens: int | None = None) -> Piece:
    """Read a message; its tokens are estimated where nobody has before.

    A message that is none is taken for a plain one: what it is worth, the model says.
    """
    try:
        sent = _sent.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        sent = _nothing_but_words(message)
    raw = message if isinstance(message, msgspec.Raw) else msgspec.Raw(message)
    calls, answers = (), None
    if sent.role == "assistant" and (sent.tool_calls or sent.function_call):
        calls = _calls(sent)
    elif sent.role == "tool":
        answers = f"call {sent.tool_call_id}"
    elif sent.role == "function":
        answers = f"function {sent.name}"
    counted = message_tokens(raw, sent.content) if tokens is None else tokens
    return Piece(sent.role, raw, counted, number, calls, answers)


def _nothing_but_words(message: bytes | msgspec.Raw) -> Sent:
    try:
        plain = _plain.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Sent()
    return Sent(role=plain.role, content=plain.content)


def _calls(sent: Sent) -> tuple[str, ...]:
    calls = [f"call {call.id}" for call in sent.tool_calls or ()]
    if sent.function_call is not None:
        calls.append(f"function {sent.function_call.name}")
    return tuple(calls)


def message_tokens(message: msgspec.Raw, content: msgspec.Raw) -> int:
    """Estimate the tokens of a message; the JSON around its words stands for the marks that models put there."""
    if bytes(memoryview(content)[:1]) != b"[":
        return tokens_of(message)
    around = memoryview(message).nbytes - memoryview(content).nbytes
    try:
        parts = _parts.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return tokens_of(message)
    return -(-around // CHARACTERS_PER_TOKEN) + sum(map(_part_tokens, parts))


def _part_tokens(part: msgspec.Raw) -> int:
    """Estimate one part: words by their length, images as images, and no other medium as more than one."""
    try:
        kind = _part.decode(part).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = "text"
    if kind == "text":
        return tokens_of(part)
    return IMAGE_TOKENS if "image" in kind else min(tokens_of(part), IMAGE_TOKENS)


def tokens_of(text: bytes | msgspec.Raw) -> int:
    """Estimate the tokens of a text in UTF-8.

    Four characters to a token hold for Latin letters alone: of others, those of two bytes (Cyrillic, Greek,
    Arabic, accents) make about half a token each, those of more (Chinese, Japanese, Korean, Thai, emoji) one.
    """
    view = memoryview(text)
    size = view.nbytes
    if size <= SAMPLED_BYTES:
        return _estimate(bytes(view))
    third = SAMPLED_BYTES // 3
    middle = (size - third) // 2
    sample = b"".join((view[:third], view[middle : middle + third], view[-third:]))
    return _estimate(sample) * size // len(sample)


def _estimate(text: bytes) -> int:
    if text.isascii():
        return -(-len(text) // CHARACTERS_PER_TOKEN)
    two = len(text.translate(None, _NOT_TWO))
    more = len(text.translate(None, _NOT_MORE))
    four = text.count(b"\xf0")
    latin = len(text) - 2 * two - 3 * more - four
    return more - (-two // 2) - (-latin // CHARACTERS_PER_TOKEN)


class Terms(msgspec.Struct, frozen=True):
    """What a question is about: its longest words, and pairs of characters where no spaces divide words."""

    spelled: tuple[bytes, ...]
    """Words with a space at each end, and pairs without."""

    def shared_with(self, *messages: msgspec.Raw) -> list[bytes]:
        """Return those that any of the messages holds."""
        text = _plain_text(*messages)
        return [term for term in self.spelled if term in text]


def terms_of(questions: Iterable[msgspec.Raw]) -> Terms:
    """Read off questions what they are about."""
    terms: dict[bytes, None] = {}
    for word in _plain_text(*questions).split():
        if _is_unspaced(word):
            terms.update(dict.fromkeys(_pairs(word)))
        else:
            terms[b" %b " % word] = None
    return Terms(tuple(sorted(terms, key=len, reverse=True)[:MAX_TERMS]))


def _is_unspaced(word: bytes) -> bool:
    return not word.isascii() and len(word.translate(None, _NOT_MORE)) > 1


def _pairs(word: bytes) -> list[bytes]:
    characters = word.decode("utf-8", "ignore")
    return [characters[n : n + 2].encode() for n in range(len(characters) - 1)]


def _plain_text(*messages: msgspec.Raw) -> bytes:
    """Return the beginnings of what messages say, their ASCII letters small and all marks spaces.

    The names of its fields remain: they are in every message, and tell none from another.
    """
    text = b" ".join([b"", *(memoryview(message)[:COMPARED_BYTES] for message in messages), b""])
    if b"\\" in text:
        text = _unescaped(text) if b"\\u" in text else text.replace(b"\\n", b" ").replace(b"\\t", b" ")
    return text.translate(_WORDS)


def _unescaped(text: bytes) -> bytes:
    """Undo the escapes of characters in a beginning of JSON."""
    pieces = text.split(b"\\u")
    spelled = [pieces[0].decode("utf-8", "ignore")]
    for piece in pieces[1:]:
        try:
            spelled.append(chr(int(piece[:4], 16)))
        except ValueError:
            spelled.append(" ")
        spelled.append(piece[4:].decode("utf-8", "ignore"))
    return "".join(spelled).encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
