"""Decides how much a segment reads like an attempt to turn a model: weights given by hand to concepts and their pairs.

Nothing here is fitted by a machine, but it is no stranger to the sets that it is measured on: examples of deepset,
jackhhao and BIPIA had been read before the words and weights were written, and the weights were revised once with
those sets' figures, and some seventy sentences of our own, in view. Its figures on them are figures of development.
"""

from collections.abc import Sequence
from typing import Final

from guardian_cluster.watcher.scoring.concepts import CONCEPTS, NUMBER

PAIRS_FROM: Final = len(CONCEPTS)
"""Marks below this number are concepts, those from here on are ordered pairs of them."""

MARKS: Final = PAIRS_FROM * (PAIRS_FROM + 1)

NEAR = 5
"""Words and signs within which two concepts are a pair."""

_SINGLE = (
    "override .4, overinf .2, unbound 1.4, role .4, prompt .3, instr .3, system .3, model .6, secret .4, reveal .2, "
    "prior .1, stop .2, instead .3, now .2, ethic .4, bound .3, harm .3, task .2, only .2, neg .1, you .2, your .3, "
    "answer .2, game .1, say .2, praise .1, edit .1, text .1"
)
_PAIRED = (
    "override prior 1.8, override all 1.3, override instr 2, override prompt 1.5, override your 1.5, override "
    "task 1.5, override text 0.8, override you 0.8, overinf prior 0.5, overinf instr 0.7, overinf your 0.6, "
    "instr overinf 0.6, instr neg 0.4, prior instr 1.2, prior prompt 1, prior task 1, all prior 0.8, all "
    "instr 0.6, your instr 1.2, your prompt 1.5, system prompt 1.2, system instr 0.6, instr prior 0.6, your "
    "task 0.8, now task 1, now instr 1, now are 0.4, now role 0.8, now you 0.5, you now 0.5, you system 0.4, "
    "reveal prompt 1.3, reveal instr 1.2, reveal secret 1.2, reveal your 0.6, reveal prior 0.8, say prior "
    "0.3, say secret 0.8, answer secret 0.5, you role 0.5, role model 1.2, role unbound 1.5, role system 0.6, "
    "you are 0.3, are now 0.5, are unbound 0.8, are model 0.5, you model 0.6, model unbound 1, neg instr 1, "
    "neg bound 0.8, neg ethic 0.8, bound instr 0.5, unbound model 1, system model 0.3, stop your 0.5, stop "
    "instr 0.5, stop task 0.5, your answer 0.6, neg answer 0.3, bound role 0.5, instead prior 0.5, instead "
    "answer 0.8, you must 0.3, must answer 0.4, you neg 0.2, harm harm 0.3, answer only 0.5, only answer 0.5, "
    "say only 0.3, model neg 0.3, you text 0.2, edit your 0.8, edit answer 0.8"
)


def _weights() -> list[float]:
    weights = [0.0] * MARKS
    for entry in _SINGLE.split(", "):
        name, weight = entry.split()
        weights[NUMBER[name]] = float(weight)
    for entry in _PAIRED.split(", "):
        first, second, weight = entry.split()
        weights[pair(NUMBER[first], NUMBER[second])] = float(weight)
    return weights


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def pair(first: int, second: int) -> int:
    """Return the mark of a concept that is followed by another."""
    return PAIRS_FROM + PAIRS_FROM * first + second


_WEIGHTS = _weights()
_COMMANDS = {NUMBER["override"]: 1.4, NUMBER["reveal"]: 0.5, NUMBER["role"]: 0.5, NUMBER["stop"]: 0.5}
"""What a verb counts beyond its concept where it is a command: "ignore it", not "I ignore it"."""

_BEFORE_A_COMMAND = _set(
    "please now and then just so also or must should will , : ! you simply kindly completely immediately bitte "
    "jetzt nun und por favor plaît et puis"
)
_ADDRESSED = frozenset({NUMBER["you"], NUMBER["your"], NUMBER["model"]})
_QUESTION = NUMBER["q"]
_QUESTIONS = frozenset(("is", "are"))
_SELF = _set("i we one my our it ich wir je yo")
_OWN = _set("my our his her their mein meine unser unsere mon ma notre mi")
_ASKS_FOR_SELF, _ASKS_ABOUT_THINGS, _OWN_AFFAIR = -1.5, -1.0, -0.7
"""Who asks what they may do, asks without addressing anyone, or speaks of what is theirs, rarely commands."""

_SHOUTED_WORDS, _SHOUTED = 4, 0.5
_PLAIN_WORDS, _THINNED_BY = 12, 40
"""A segment may say this many words for free; with forty more it counts half."""


def marks_of(concepts: Sequence[tuple[int, ...]]) -> set[int]:
    """Return the concepts of a segment and the ordered pairs of near ones; `concepts` are those of each word."""
    placed = [(place, one) for place, found in enumerate(concepts) for one in found]
    marks = {one for _, one in placed}
    for at, (place, one) in enumerate(placed):
        base, last = PAIRS_FROM + PAIRS_FROM * one, place + NEAR
        for later, other in placed[at + 1 :]:
            if later > last:
                break
            if later > place:
                marks.add(base + other)
    return marks


def weight_of(
    words: Sequence[str], concepts: Sequence[tuple[int, ...]], marks: set[int], shouted: int
) -> float:
    """Return how much a segment reads like an attempt to turn a model: about -3 to 15, most texts below 1.

    `words` are in lower case; `shouted` says how many of them are written in capitals.
    """
    weight = (
        sum(map(_WEIGHTS.__getitem__, marks)) + _command(words, concepts) + _doubt(words, concepts, marks)
    )
    if _SHOUTED_WORDS <= shouted < 0.8 * len(words):
        weight += _SHOUTED
    return weight / (1 + max(0, len(words) - _PLAIN_WORDS) / _THINNED_BY)


def _command(words: Sequence[str], concepts: Sequence[tuple[int, ...]]) -> float:
    """Return what the strongest command in the segment counts."""
    commands = [
        _COMMANDS.get(found[0], 0.0)
        for place, found in enumerate(concepts)
        if found and (place == 0 or words[place - 1] in _BEFORE_A_COMMAND)
    ]
    return max(commands, default=0.0)


def _doubt(words: Sequence[str], concepts: Sequence[tuple[int, ...]], marks: set[int]) -> float:
    """Return what speaks for a question about the asker's own affairs."""
    doubt = 0.0
    if concepts and (_QUESTION in concepts[0] or words[0] in _QUESTIONS):
        doubt += _ASKS_FOR_SELF * (not _SELF.isdisjoint(words[1:4]))
        doubt += _ASKS_ABOUT_THINGS * _ADDRESSED.isdisjoint(marks)
    return doubt + _OWN_AFFAIR * (not _OWN.isdisjoint(words))
