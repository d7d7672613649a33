"""Model servers that know one long answer, and go on with it in one of the ways in which models do when asked to."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from guardian_cluster.simulation.answer import Answer
from guardian_cluster.simulation.long_answers import LongAnswer, progress
from guardian_cluster.simulation.request import ModelRequest, content_text

PREFACES = (
    "Sure, here is the continuation:\n\n",
    "Certainly! Continuing from where I left off:\n\n",
    "Of course. Here's the rest of the answer:\n\n",
    "Apologies for the interruption. Let me continue:\n\n",
    "...",
    "Continuing: ",
    "Hier ist die Fortsetzung:\n\n",
    "当然，以下是继续的内容：\n\n",
)
REFUSALS = (
    "I'm sorry, but I do not see any earlier answer to go on with.",
    "Could you tell me what you would like me to continue?",
)


@dataclass(frozen=True)
class Break:
    """Where an answer broke off: what was said, and what is left of it in the same words."""

    answer: LongAnswer
    said: str
    piece: int
    """The piece in which it ends."""
    count: int
    """Characters of that piece that were said."""
    wording: int

    @property
    def rest(self) -> str:
        """What is left in the same words."""
        return self.rest_of_piece + self.after(0)

    @property
    def rest_of_piece(self) -> str:
        """What is left of the piece that broke off."""
        pieces = self.answer.pieces
        return pieces[self.piece].wordings[self.wording][self.count :] if self.piece < len(pieces) else ""

    def after(self, wording: int, back: int = 0) -> str:
        """Return what follows that piece, in a wording; with so many facts before it, and itself, once more."""
        if not back:
            return "".join(self.answer.parts(wording)[self.piece + 1 :])
        facts = [at for at, piece in enumerate(self.answer.pieces) if piece.mark and at <= self.piece]
        begin = facts[-back] if len(facts) >= back else 0
        return "".join(self.answer.parts(wording)[begin:])


Going = Callable[[Break, random.Random], str]


def _exactly(where: Break, rng: random.Random) -> str:
    return where.rest


def _without_space(where: Break, rng: random.Random) -> str:
    return where.rest.lstrip()


def _with_double_space(where: Break, rng: random.Random) -> str:
    return (
        (" " if not where.rest[:1].isspace() or where.rest[0] == " " else "\n") + where.rest
        if (where.said[-1:].isspace() or where.rest[:1].isspace())
        else where.rest
    )


def _from(place: int, where: Break) -> str:
    return (where.said + where.rest)[max(place, 0) :]


def _begun_word(where: Break, rng: random.Random) -> str:
    end = len(where.said.rstrip())
    word = re.search(r"[^\W_]+\Z", where.said[:end])
    return _from(word.start() if word and len(word[0]) < 25 else end, where)


def _last_words(where: Break, rng: random.Random) -> str:
    words = [match.start() for match in re.finditer(r"\S+", where.said)]
    if len(words) < 4 and where.said[-2:] > "\u2e80":  # a script without spaces between words
        return _from(len(where.said) - rng.randint(6, 20), where)
    return _from(words[-min(rng.randint(2, 9), len(words))], where)


def _anchor(where: Break, rng: random.Random) -> str:
    words = [match.start() for match in re.finditer(r"\S+", where.said)]
    far = words[-8] if len(words) >= 8 else 0
    return _from(max(far, len(where.said) - 200) if len(where.said) > 60 else 0, where)


def _sentence(where: Break, rng: random.Random) -> str:
    ends = [
        m.end() for m in re.finditer(r"[.!?]\s+|。|\n+(?:- |\d+\. )?", where.said[: len(where.said.rstrip())])
    ]
    return _from(ends[-1] if ends else 0, where)


def _paragraph(where: Break, rng: random.Random) -> str:
    return _from(where.said.rstrip().rfind("\n") + 1, where)


def _restarted(where: Break, rng: random.Random) -> str:
    return where.said + where.rest


def _restarted_reworded(where: Break, rng: random.Random) -> str:
    return where.answer.text(rng.randint(1, 2))


def _repeated_reworded(where: Break, rng: random.Random) -> str:
    return where.after(rng.randint(1, 2), rng.randint(1, 3)).lstrip()


def _going_on_reworded(where: Break, rng: random.Random) -> str:
    return where.rest_of_piece + where.after(rng.randint(1, 2))


def _anchored_reworded(where: Break, rng: random.Random) -> str:
    new = where.rest_of_piece + where.after(rng.randint(1, 2))
    return _anchor(where, rng)[: -len(where.rest) or None] + new


def _renumbered(where: Break, rng: random.Random) -> str:
    first = [int(number) for number in re.findall(r"(?m)^(\d+)\. ", where.rest)]
    less = (first[0] - 1) if first else 0
    return re.sub(r"(?m)^(\d+)\. ", lambda found: f"{int(found[1]) - less}. ", where.rest).lstrip()


def _refused(where: Break, rng: random.Random) -> str:
    return rng.choice(REFUSALS)


GOING: dict[str, Going] = {
    "exactly": _exactly,
    "without space": _without_space,
    "double space": _with_double_space,
    "begun word": _begun_word,
    "last words": _last_words,
    "anchor": _anchor,
    "sentence": _sentence,
    "paragraph": _paragraph,
    "restarted": _restarted,
    "restarted reworded": _restarted_reworded,
    "repeated reworded": _repeated_reworded,
    "going on reworded": _going_on_reworded,
    "anchored reworded": _anchored_reworded,
    "renumbered": _renumbered,
    "refused": _refused,
}
"""How a model goes on."""


def _other_case(text: str, rng: random.Random) -> str:
    return text.lower() if rng.random() < 0.5 else text.title() if text.isascii() else text.lower()


def _other_space(text: str, rng: random.Random) -> str:
    spaces = (" ", "  ") if "|" in text else (" ", "  ", "\n")  # in a row of a table, a line is no space
    return re.sub(" +" if "|" in text else r"[ \n]+", lambda _: rng.choice(spaces), text)


def _quoted(text: str, rng: random.Random) -> str:
    return f"“{text}"


def _emphasised(text: str, rng: random.Random) -> str:
    return re.sub(r"(\w{5,})", lambda found: f"**{found[1]}**" if rng.random() < 0.4 else found[1], text)


ALTERED: dict[str, Callable[[str, random.Random], str]] = {
    "as it stands": lambda text, rng: text,
    "in another case": _other_case,
    "with other spaces": _other_space,
    "quoted": _quoted,
    "emphasised": _emphasised,
}
"""What it does to the words that it says again."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one model goes on with answers."""

    going: str
    altered: str = "as it stands"
    preface: str = ""
    is_fenced: bool = False

    def words(self, where: Break, rng: random.Random) -> str:
        """Return what it says when it is asked to go on."""
        text = GOING[self.going](where, rng)
        again = len(text) - len(where.rest) if where.rest and text.endswith(where.rest) else 0
        while again > 0 and (text[again - 1].isalnum() and text[again : again + 1].isalnum()):
            again -= 1  # no word is altered in part
        if text[:again].strip():
            text = ALTERED[self.altered](text[:again], rng) + text[again:]
        text = self.preface + text
        return f"```\n{text}\n```" if self.is_fenced else text


def drawn_manner(rng: random.Random) -> Manner:
    """Draw how a model goes on; half of all do so without a preface, a fence or other liberties."""
    going = rng.choice(list(GOING))
    if rng.random() < 0.5:
        return Manner(going)
    return Manner(
        going,
        altered=rng.choice(list(ALTERED)),
        preface=rng.choice(PREFACES) if rng.random() < 0.4 else "",
        is_fenced=rng.random() < 0.15,
    )


def break_of(answer: LongAnswer, said: str) -> Break:
    """Return where an answer broke off, whoever said it."""
    piece, wording, count = progress(answer, said)
    if wording < 0:  # what was said is not of this answer: nothing is left to go on with
        piece, wording, count = len(answer.pieces), 0, 0
    return Break(answer, said, piece, count, wording)


@dataclass(frozen=True, slots=True)
class Continues:
    """Says one long answer; asked to go on with it, does so in its manner.

    It is asked by the words so far as the last message, of the assistant, or followed by one of the user.
    """

    answer: LongAnswer
    manner: Manner
    seed: int = 0
    wording: int = 0
    """In which it is said when it is asked plainly."""

    def __call__(self, request: ModelRequest) -> Answer:
        """Return the answer, or how it goes on."""
        said = said_so_far(request)
        if not said:
            return Answer(text=self.answer.text(self.wording))
        rng = random.Random(f"{self.seed} {len(said)}")
        return Answer(text=self.manner.words(break_of(self.answer, said), rng))


def said_so_far(request: ModelRequest) -> str:
    """Return the words that a model is asked to go on with; an empty string where it is asked plainly."""
    for message in request.messages[-2:][::-1]:
        if message.get("role") == "assistant":
            return content_text(message.get("content"))
    return ""
