"""Owns the scores of one answer: it has what leaves scored sentence by sentence; a scorer that fails, fails alone."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, Self, TypeVar, cast

from guardian_cluster.contract.snapshot import WatchPolicy
from guardian_cluster.domain.request import Message
from guardian_cluster.specialists.specialist import Chunk
from guardian_cluster.watcher.failing import Failures
from guardian_cluster.watcher.ledger import Ledger
from guardian_cluster.watcher.scoring.answers import (
    UNGROUNDED,
    Begin,
    Harmfulness,
    SentenceScorer,
    Ungroundedness,
)
from guardian_cluster.watcher.scoring.ground import Ground, ground_of
from guardian_cluster.watcher.scoring.harm import shipped_harm

MAX_SCORED_CHARACTERS = 100_000
"""Of an answer, over all its choices; what goes on beyond is not scored."""

LONGEST = 200
"""Characters that are scored in one go, 0.5 ms where no word of them was met before. A longer sentence is cut."""

_SHORTEST = 24
"""A shorter sentence is read together with the next one."""

_END = re.compile(r"\n|[.?!][\"')\]*]{0,4}\s|[。？！]")


_Result = TypeVar("_Result")


class Scored(NamedTuple):
    """A score, and the choice that has it: the worst one."""

    detector: str
    value: float
    choice: int


class ScoredText:
    """What one choice says, cut into sentences. Where it is cut depends on the text alone, not on its chunks."""

    def __init__(self, scorers: Sequence[SentenceScorer]) -> None:
        self.scorers = scorers
        self._text = ""
        self._at = 0
        self._fresh: list[str] = []
        self._waiting = 0  # characters

    def take(self, text: str) -> None:
        """Take in what is said next."""
        self._fresh.append(text)
        self._waiting += len(text)

    def sentence(self, *, is_whole: bool) -> str | None:
        """Return the next sentence; `None` while it may go on, unless the text `is_whole`."""
        if self._waiting < LONGEST and not (is_whole and self._waiting):
            return None
        if self._fresh:
            self._text = self._text[self._at :] + "".join(self._fresh)
            self._at, self._fresh = 0, []
        begin = self._at
        self._at = _end(self._text, begin)
        self._waiting -= self._at - begin
        return self._text[begin : self._at]


class AnswerScores:
    """The scores of one answer.

    What leaves is given to `take`. `step` scores a sentence of it in at most some 0.5 ms; whoever must not keep others
    waiting calls it now and then, and goes through the `steps` at the end. `finish` does what is left to do at once.
    """

    def __init__(self, ledger: Ledger, failures: Failures) -> None:
        self._ledger = ledger
        self._failures = failures
        self._begins: list[Begin] = []
        self._ground: Ground | None = None
        self._room = MAX_SCORED_CHARACTERS
        self._choices: dict[int, ScoredText] = {}
        self._found: dict[int, list[Scored]] = {}
        self._is_whole = False
        self._failed: set[str] = set()

    @classmethod
    def of(
        cls, policy: WatchPolicy, messages: Callable[[], Sequence[Message]], ledger: Ledger
    ) -> Self | None:
        """Return what scores an answer to these messages; `None` where the policy asks for nothing that applies.

        Messages are asked for only where documents are looked for in them.
        """
        if policy.on_harm == "ignore" and policy.on_ungrounded == "ignore":
            return None
        scores = cls(ledger, Failures(policy.fail_closed))
        if policy.on_harm != "ignore":
            scores._begins.append(partial(Harmfulness, shipped_harm()))
        if policy.on_ungrounded != "ignore":
            scores._look_for_ground(messages)
        return scores if scores._begins else None

    def _look_for_ground(self, messages: Callable[[], Sequence[Message]]) -> None:
        texts = self._tried(UNGROUNDED, lambda: ground_of(messages()))
        if texts:
            self._ground = Ground(texts)
            self._begins.append(partial(Ungroundedness, self._ground))

    def take(self, chunks: Sequence[Chunk]) -> None:
        """Note what is said in chunks that leave: their content, of every choice."""
        for chunk in chunks:
            for choice in chunk.get("choices") or ():
                text = _content(choice)
                if text and self._room > 0:
                    self._text_of(choice.get("index", 0)).take(text[: self._room])
                    self._room -= len(text)

    def step(self) -> bool:
        """Read a slice of the documents, or score a sentence; return whether there was one."""
        if self._ground is not None:
            if self._tried(UNGROUNDED, self._ground.read_on):
                return True
            self._ground = None
        for text in self._choices.values():
            sentence = text.sentence(is_whole=self._is_whole)
            if sentence is not None:
                for scorer in text.scorers:
                    self._tried(scorer.detector, partial(scorer.read, sentence))
                return True
        return False

    def steps(self) -> Iterator[None]:
        """Score what is left of an answer that has come to its end, a sentence or the end of a choice at a time."""
        self._is_whole = True
        while self.step():
            yield
        for index in self._choices.keys() - self._found.keys():
            self._found[index] = self._conclude(index)
            yield

    def finish(self) -> list[Scored]:
        """Return the worst score of each detector over all choices; none of one that failed or has nothing to say."""
        for _ in self.steps():
            pass
        found = sorted(chain.from_iterable(self._found.values()), key=_by_value_and_choice)
        worst = {each.detector: each for each in found}
        return [each for each in worst.values() if each.detector not in self._failed]

    def _conclude(self, index: int) -> list[Scored]:
        scorers = self._choices[index].scorers
        values = [(each.detector, self._tried(each.detector, each.value)) for each in scorers]
        return [Scored(detector, value, index) for detector, value in values if value is not None]

    def _text_of(self, index: int) -> ScoredText:
        text = self._choices.get(index)
        if text is None:
            text = self._choices[index] = ScoredText([begin() for begin in self._begins])
        return text

    def _tried(self, detector: str, do: Callable[[], _Result]) -> _Result | None:
        """Do a detector's work; one that fails is counted, and does no more of it."""
        if detector in self._failed:
            return None
        try:
            return do()
        except Exception as error:  # a detector may fail in any way; the answer must not
            self._failed.add(detector)
            self._failures.action(detector, error)  # logs it; an answer may always leave without a score
            self._ledger.note_once("failed", detector, "observe", channel="content")
            return None


def _end(text: str, begin: int) -> int:
    """Return where a sentence ends: at its sign, else at a blank, else anywhere."""
    last = begin + LONGEST
    found = _END.search(text, begin + _SHORTEST, last)
    if found is not None:
        return found.end()
    if last >= len(text):
        return len(text)
    return text.rfind(" ", begin + _SHORTEST, last) + 1 or last


def _content(choice: dict[str, Any]) -> str:
    """Return the words of a choice's part; some models send them in parts."""
    part: dict[str, Any] = choice.get("message") or choice.get("delta") or {}
    content = part.get("content")
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    pieces = [piece.get("text") for piece in cast("list[dict[str, Any]]", content)]
    return "".join([piece for piece in pieces if isinstance(piece, str)])


def _by_value_and_choice(scored: Scored) -> tuple[float, int]:
    return scored.value, -scored.choice
