"""Long answers made of facts that can be put in several ways, and a judge of what became of one.

An answer is a row of pieces: fixed text, and facts of which any wording is right. A text is sound when it is such a
row; the judge reads it as one, and knows nothing of how it came about.
"""

import random
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from guardian_cluster.simulation.long_answer_templates import TEMPLATES, FactTemplate, Template

Form = Literal["prose", "headed", "bullets", "numbered", "table", "with code"]

FORMS: tuple[Form, ...] = ("prose", "headed", "bullets", "numbered", "table", "with code")
_CODE = '```python\nfor name in {names}:\n    print(name, "is listed")\n```'
_SPACES = re.compile(r"[ \n]+")
_BLOCK = re.compile(r"(?:- |\d+\. |#|\||```)")
_ORDINAL = re.compile(r"\d{1,3}\. ")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer: its wordings, and what marks it where it is a fact."""

    wordings: tuple[str, ...]
    mark: str = ""

    def said(self, wording: int) -> str:
        """Return it in one of its wordings."""
        return self.wordings[wording % len(self.wordings)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer. Facts are named by their number, from 0."""

    lost: tuple[int, ...]
    doubled: tuple[int, ...]
    out_of_order: tuple[int, ...]
    sound_up_to: int
    """Characters of the text that read as the answer's; all of them where it is sound."""
    is_sound: bool
    """Whether the text reads as the whole answer from its beginning to its end: nothing doubled, lost or broken."""
    has_open_fence: bool

    @property
    def is_bad(self) -> bool:
        """Whether a reader was given something wrong as if it were whole."""
        return not self.is_sound


@dataclass(frozen=True)
class LongAnswer:
    """What a model knows to say to one question."""

    name: str
    form: Form
    pieces: tuple[Piece, ...]

    @cached_property
    def facts(self) -> tuple[Piece, ...]:
        """The pieces that are facts."""
        return tuple(piece for piece in self.pieces if piece.mark)

    def text(self, wording: int = 0) -> str:
        """Return all of it; each fact in the wording of that number, counted on by its place."""
        return "".join(self.parts(wording))

    def parts(self, wording: int = 0) -> list[str]:
        """Return it piece by piece; wording 0 is the first of each."""
        return [piece.said(wording and wording + at % 2) for at, piece in enumerate(self.pieces)]


def verdict_of(answer: LongAnswer, text: str) -> Verdict:
    """Judge a text that should be the whole answer, whoever said which part of it in which words."""
    text = text.rstrip()
    places = [[found.start() for found in _mark(fact.mark).finditer(text)] for fact in answer.facts]
    firsts = [place[0] for place in places if place]
    order = [at for at, place in enumerate(places) if place]
    late = tuple(at for at, before, here in zip(order[1:], firsts, firsts[1:], strict=False) if here < before)
    read = _read(answer, text)
    return Verdict(
        lost=tuple(at for at, place in enumerate(places) if not place),
        doubled=tuple(at for at, place in enumerate(places) if len(place) > 1),
        out_of_order=late,
        sound_up_to=read,
        is_sound=read == len(text) > 0 and _is_complete(answer, text),
        has_open_fence=sum(line.startswith("```") for line in text.split("\n")) % 2 == 1,
    )


def _mark(mark: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\d){re.escape(mark)}(?!\d)" if mark.isdigit() else re.escape(mark))


def progress(answer: LongAnswer, text: str) -> tuple[int, int, int]:
    """Read a beginning of the answer; return the number of the piece it ends in, its wording, and the characters of it.

    The piece is beyond the last where all was read.
    """
    place = 0
    for number, piece in enumerate(answer.pieces):
        for wording in piece.wordings:
            step = _step(wording, text, place)
            if step is not None:
                place = step
                break
        else:
            rest = text[place:]
            for at, wording in enumerate(piece.wordings):
                if wording.startswith(rest):
                    return number, at, len(rest)
            return number, -1, len(rest)
    return len(answer.pieces), 0, len(text) - place


def _step(wording: str, text: str, place: int) -> int | None:
    """Return where a wording ends that stands at a place, whatever an item's number and however many empty lines."""
    body = wording.lstrip()
    if len(body) == len(wording):
        return place + len(wording) if text.startswith(wording, place) else None
    spaces = _SPACES.match(text, place)
    end = spaces.end() if spaces else place
    given = text[place:end]
    lead = wording[: len(wording) - len(body)]
    if "\n" in lead and _BLOCK.match(body) and "\n" not in given:
        return None
    if not given and (place == len(text) or not text[place - 1 : place] > "\u2e80"):
        return None
    if "\n" not in given and len(given) > 1:
        return None
    ordinal, actual = _ORDINAL.fullmatch(body), _ORDINAL.match(text, end)
    if ordinal and actual:
        return actual.end()
    return end + len(body) if text.startswith(body, end) else None


def _read(answer: LongAnswer, text: str) -> int:
    number, wording, count = progress(answer, text)
    if number == len(answer.pieces):
        return len(text) - count
    return len(text) if wording >= 0 else len(text) - count


def _is_complete(answer: LongAnswer, text: str) -> bool:
    number, _, count = progress(answer, text)
    return number == len(answer.pieces) and not count


def long_answers(
    count: int, seed: int, *, held_out: bool = False, templates: tuple[Template, ...] = TEMPLATES
) -> list[LongAnswer]:
    """Return answers drawn by a seed from the templates that are held out, or from the others."""
    chosen = [template for template in templates if template.held_out == held_out]
    return [_drawn(chosen[at % len(chosen)], random.Random(f"{seed} {at}"), at) for at in range(count)]


def _drawn(template: Template, rng: random.Random, at: int) -> LongAnswer:
    forms: list[Form] = [
        form for form in FORMS if form != "table" or any(fact.label for fact in template.facts)
    ]
    form = rng.choice(forms)
    subjects = rng.sample(template.subjects, rng.randint(2, len(template.subjects)))
    values = _Values(template, rng)
    intro = Piece((rng.choice(template.intro),))
    pieces = (intro, *_body(template, form, subjects, values, rng))
    return LongAnswer(f"{template.name} {at} ({form})", form, pieces)


class _Values:
    """Draws what marks a fact, each once."""

    def __init__(self, template: Template, rng: random.Random) -> None:
        self._rng = rng
        self._numbers = rng.sample([*range(12, 99), *range(101, 999), *range(1000, 9999, 7)], 60)
        self._persons = rng.sample(template.persons, len(template.persons))
        self._things = rng.sample(template.things, len(template.things))

    def next(self, fact: FactTemplate) -> str | None:
        """Return a mark; `None` where there is no more of the kind."""
        pool = {"number": self._numbers, "person": self._persons, "thing": self._things}[fact.value]
        return str(pool.pop()) if pool else None


def _body(
    template: Template, form: Form, subjects: list[str], values: _Values, rng: random.Random
) -> list[Piece]:
    if form == "table":
        return _table(template, subjects, values)
    pieces: list[Piece] = []
    item = 0
    for at, subject in enumerate(subjects):
        if form == "headed":
            pieces.append(Piece((f"\n\n## {subject}",)))
        drawn = rng.sample(template.facts, rng.randint(3, len(template.facts)))
        for number, fact in enumerate(drawn):
            value = values.next(fact)
            if value is None:
                continue
            item += 1
            first = template.space if number else "\n\n"
            lead = {"bullets": "\n- ", "numbered": f"\n{item}. "}.get(form, first)
            pieces += [
                Piece((lead if item > 1 or form not in ("bullets", "numbered") else "\n" + lead,)),
                _fact(fact, subject, value),
            ]
        if form == "with code" and at == 0:
            pieces.append(Piece(("\n\n" + _CODE.format(names=subjects),)))
    return pieces


def _fact(fact: FactTemplate, subject: str, value: str) -> Piece:
    said = tuple(wording.format(s=subject, v=value) for wording in fact.wordings)
    return Piece(tuple(text[0].upper() + text[1:] for text in said), value)


def _table(template: Template, subjects: list[str], values: _Values) -> list[Piece]:
    facts = [fact for fact in template.facts if fact.label]
    head = "| Name | " + " | ".join(fact.label for fact in facts) + " |"
    pieces = [Piece((f"\n\n{head}\n|{' --- |' * (len(facts) + 1)}",))]
    for subject in subjects:
        pieces.append(Piece((f"\n| {subject} |",)))
        for fact in facts:
            value = values.next(fact) or "-"
            pieces += [Piece((f" {value}",), value), Piece((" |",))]
    return pieces
