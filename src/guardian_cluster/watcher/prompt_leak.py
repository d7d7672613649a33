"""Finds an answer that repeats its system prompt, word for word or with words left out.

A run is words of the answer that stand in the prompt in the same order, at most two of the prompt's words
passed over between each two. It is a leak once it has four words of enough weight together: rare words tell,
common ones hardly do, so that what any assistant says of itself is none. What the user wrote may be repeated.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Self

from guardian_cluster.watcher.common_words import COMMON, FAMILIAR
from guardian_cluster.watcher.sensor import Sensor

LEAK_WEIGHT = 24
"""Three rare words, or twelve common ones: lower by a sixth, ordinary answers of one subject meet by chance."""

MIN_WORDS = 4
MAX_CHARACTERS = 12_000
MAX_WORDS = 1_700
"""Of a prompt, and of all texts the user wrote together, that are read: at most 2 ms of the event loop for the one, and
1 ms (of many short texts 1.5) for the others. What stands behind them in a prompt is not watched for."""

_MIN_TEXT = 64
"""Characters that a text of the user counts as at least: of the shortest, 188 are read."""

_RARE, _SEMI, _STOP = 8, 4, 2
_IDEOGRAPH, _LETTER = 2, 1
"""Weights of a rare, a familiar and a common word, and of a character of a script that writes no spaces."""

_GAP = 2
"""What each word that is passed over takes away."""

_REACH = 3
"""How far on in the prompt the next word may stand."""

_BEHIND = 3
"""Words before a rare one that are looked back at, and characters before the last of an anchor."""

_PLACES = 8
"""Of one word in the prompt at which a run may begin; a prompt that repeats itself has more."""

_LONGEST_RUN = 32
"""Words, or characters of scripts without spaces, of which a leak needs 24 at most. What goes on for longer
without being one passes over too much; a gate must not hold it."""

_LONGEST_WORD = 64
_LONGEST_PAUSE = 32
"""Characters between two words of a run, so that what is held back for it is bounded."""

_LOOKED_BACK = (_BEHIND + 1) * (_LONGEST_WORD + _LONGEST_PAUSE)
"""Characters in which the words are that stand before another and still count."""
_MOST_KEPT, _PIECE = 1_024, 256

_MIN_KNOWN = 12
"""Weight of a stretch that the user's own words must share with the prompt to be theirs."""

_IDEOGRAPHS = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTERS = r"\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff"
"""Thai, Lao, Tibetan, Burmese, Khmer and kana."""

_SEPARATORS = (
    r"\s\x00-/:-@\[-`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u2000-\u206f\u20a0-\u20cf"
    r"\u2190-\u2bff\u3000-\u303f\ufe30-\ufe4f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
_TOKEN = re.compile(f"[{_IDEOGRAPHS}{_LETTERS}]|[^{_SEPARATORS}{_IDEOGRAPHS}{_LETTERS}]+")
_ALONE = re.compile(f"[{_IDEOGRAPHS}{_LETTERS}]")
_PLAIN = bytes(code if code > 127 or chr(code).isalnum() else ord(" ") for code in range(256)).lower()
"""Of ASCII, letters and figures as they are folded, and blanks for all else."""
_FIRST_ALONE = "\u0e00"
_LIGHT = re.compile(f"[{_LETTERS}]")

_Run = tuple[int, int, int, int]
"""Weight, words, place in the prompt of the last of them, position in the channel of the first."""


class PromptShingles:
    """A system prompt made ready: its words in order, and where in it those stand that tell. Immutable."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self.weights = {word: _weight(word) for word in set(words) if 0 < len(word) <= _LONGEST_WORD}
        alone = {word for word in self.weights if _is_alone(word)}
        self.telling = alone.union(word for word, weight in self.weights.items() if weight == _RARE)
        self.telling_plain = frozenset(word.encode() for word in self.telling if word.isascii())
        """Those of ASCII."""
        self.anchors: dict[str, list[int]] = {}
        """Where rare words stand, and four characters in a row of scripts without spaces."""
        for place, word in enumerate(words):
            if word in self.telling:
                anchor = word if word not in alone else "".join(words[max(0, place - _BEHIND) : place + 1])
                places = self.anchors.setdefault(anchor, [])
                if len(places) < _PLACES:
                    places.append(place)

    @classmethod
    def of(cls, system_prompt: str, known: Iterable[str] = ()) -> Self | None:
        """Return a prompt made ready, without what the texts in `known` say as well; those are the user's.

        `None` where so little is left that nothing could be told from it. Of a prompt the first `MAX_CHARACTERS`
        and `MAX_WORDS` are read, and the rest is not watched for: 1,700 words, or as many characters of a script
        without spaces. Of all texts together as many are read, the first ones first.
        """
        shingles = cls(_words(system_prompt))
        return shingles.without(known) if shingles._can_tell() else None

    def without(self, known: Iterable[str]) -> Self | None:
        """Return the same prompt less what the texts say as well, itself where that is nothing."""
        shared = self._shared(known)
        if not shared:
            return self
        words = ["" if place in shared else word for place, word in enumerate(self.words)]
        less = type(self)(words)
        return less if less._can_tell() else None

    def _can_tell(self) -> bool:
        weight = sum(self.weights.get(word, 0) for word in self.words[: 2 * LEAK_WEIGHT])
        return bool(self.anchors) and (weight >= LEAK_WEIGHT or len(self.words) > 2 * LEAK_WEIGHT)

    def _shared(self, known: Iterable[str]) -> set[int]:
        """Return the places of the prompt that stand in stretches found in one of the texts."""
        left, most, grams = MAX_CHARACTERS, MAX_WORDS, set[tuple[str, str, str]]()
        for text in known:
            words = _words(text[:left])[:most]
            grams.update(zip(words, words[1:], words[2:], strict=False))
            left, most = left - max(_MIN_TEXT, len(text)), most - len(words)
            if left <= 0 or most <= 0:
                break
        own = enumerate(zip(self.words, self.words[1:], self.words[2:], strict=False))
        shared: set[int] = set()
        stretch: list[int] = []
        for place in [place for place, gram in own if gram in grams] if grams else ():
            if stretch and place > stretch[-1] + 1:
                shared.update(self._enough(stretch))
                stretch = []
            stretch.append(place)
        return shared.union(self._enough(stretch))

    def _enough(self, stretch: list[int]) -> range:
        places = range(stretch[0], stretch[-1] + 3) if stretch else range(0)
        weight = sum(self.weights.get(self.words[place], 0) for place in places)
        return places if weight >= _MIN_KNOWN else range(0)


class PromptLeakDetector(Sensor):
    """Watches one channel. Where it finds a leak depends on the text alone, not on how it was cut.

    It sleeps until a word comes that tells: till then words are only looked up, and what stood before such a word is
    read when it has come. It goes back to sleep at a word that the prompt does not have.
    """

    __slots__ = (
        "_asleep",
        "_at",
        "_before",
        "_kept",
        "_read",
        "_recent",
        "_runs",
        "_shingles",
        "_telling",
        "_telling_plain",
        "_weights",
        "_word_ended",
        "leak_from",
    )

    def __init__(self, shingles: PromptShingles) -> None:
        self.leak_from: int | None = None
        """After a finding, where in the channel the repeated passage begins."""
        self._shingles = shingles
        self._weights, self._telling = shingles.weights, shingles.telling
        self._telling_plain = shingles.telling_plain
        self._asleep: str | None = ""  # what was read last; none while it is awake
        self._before = 0  # where in the channel that begins
        self._at = 0  # and where in it the beginning of a word does, its last
        self._read = 0  # while it is awake, as are those that follow
        self._kept = ""  # the beginning of a word
        self._word_ended = 0  # the last one that the prompt has
        self._recent: deque[tuple[str, int]] = deque(maxlen=_BEHIND)  # words of the prompt, where they begin
        self._runs: list[_Run] = []

    def feed(self, text: str) -> int | None:
        """Return how many characters of the channel show that it repeats the prompt, else `None`.

        After a finding it is fed no more. A word counts once the character behind it is known.
        """
        read = self._asleep
        if read is None:
            return self._look(text)
        read += text
        if len(read) > _MOST_KEPT:
            return self._feed_long(text)
        self._asleep = read
        if text.isalnum() and text.isascii():
            return None
        tail = read[self._at :]
        if not tail.isascii():
            return self._listen(read, tail)
        words = tail.encode().translate(_PLAIN).split(b" ")
        self._at = len(read) - len(words[-1])
        return None if self._telling_plain.isdisjoint(words) else self._wake(read, tail)

    def finish(self) -> int | None:
        """Return the length of the channel if its last word, which nothing follows, makes it a leak."""
        if self._asleep is not None:
            self._wake(self._asleep, self._asleep[self._at :])
        word, self._kept = self._kept, ""
        return self._read if word and self._ends_leak(word, self._read) else None

    def suspect_from(self) -> int | None:
        """Return where in the channel a run begins that may become a leak, `None` where there is none.

        A gate that holds what stands from there on lets out the first rare word of a leak and what stood
        before it, and no more. A run lasts 32 words at most, and ends after 32 characters that are none.
        """
        if not self._runs:
            return None
        silent = self._read - self._word_ended - len(self._kept)
        if silent > _LONGEST_PAUSE or len(self._kept) > _LONGEST_WORD:
            return None
        return min((start for weight, _, _, start in self._runs if weight >= _RARE), default=None)

    @property
    def found_from(self) -> int | None:
        """Where the repeated passage begins."""
        return self.leak_from

    def _feed_long(self, text: str) -> int | None:
        """Let go of what cannot matter any more, and take in the text by pieces."""
        read = self._asleep or ""
        over = max(0, len(read) - _LOOKED_BACK)
        self._asleep, self._before, self._at = read[over:], self._before + over, max(0, self._at - over)
        pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
        return next((found for piece in pieces if (found := self.feed(piece)) is not None), None)

    def _listen(self, read: str, tail: str) -> int | None:
        """Do what `feed` does, of any script."""
        words = _TOKEN.findall(tail)
        self._at = len(read)
        if words and tail.endswith(words[-1]) and not _is_alone(words[-1]):
            self._at -= min(len(words.pop()), _LONGEST_WORD + 1)
        return None if self._telling.isdisjoint(map(str.casefold, words)) else self._wake(read, tail)

    def _wake(self, read: str, tail: str) -> int | None:
        """Take in the end of what was read, from a beginning of a word on, with the words that stood before it."""
        at = len(read) - len(tail)
        follows = at
        for found in islice(_TOKEN.finditer(read[:at][::-1]), _BEHIND):
            word, start, end = found[0][::-1].casefold(), at - found.end(), at - found.start()
            if word not in self._weights or follows - end > _LONGEST_PAUSE:
                break
            self._word_ended = max(self._word_ended, self._before + end)
            self._recent.appendleft((word, self._before + start))
            follows = start
        self._asleep, self._read = None, self._before + at
        return self._look(tail)

    def _look(self, text: str) -> int | None:
        """Take in every word, while it is awake."""
        self._read += len(text)
        kept = self._kept + text
        base, size = self._read - len(kept), len(kept)
        self._kept = ""
        for found in _TOKEN.finditer(kept):
            word, end = found[0], found.end()
            alone = word >= _FIRST_ALONE and _is_alone(word)
            if end == size and not alone:
                self._kept = word[: _LONGEST_WORD + 1]  # of one too long to tell, no more than that it is
            elif self._ends_leak(word, base + end):
                return base + end + (not alone)
        if not self._recent and text.isascii():
            self._asleep, self._before, self._at = self._kept, self._read - len(self._kept), 0
            self._kept = ""
        return None

    def _ends_leak(self, word: str, end: int) -> bool:
        """Take in a word that ends at a position of the channel; return whether it completes a leak."""
        start, word = end - len(word), word.casefold()
        if word not in self._weights:
            if self._recent:
                self._forget()
            return False
        if self._recent and start - self._word_ended > _LONGEST_PAUSE:
            self._forget()
        self._word_ended = end
        leaks = (bool(self._runs) or word in self._telling) and self._goes_on(word, start)
        self._recent.append((word, start))
        return leaks

    def _forget(self) -> None:
        self._recent.clear()
        self._runs = []

    def _goes_on(self, word: str, start: int) -> bool:
        weight, runs = self._weights[word], dict[int, _Run]()
        for run in self._runs:
            longer = self._longer(run, word, weight)
            if longer is not None and longer > runs.get(longer[2], _NONE):
                runs[longer[2]] = longer
        if word in self._telling:
            for place in self._shingles.anchors.get(_anchor(word, self._recent), ()):
                if place not in runs:
                    runs[place] = self._begun(place, weight, start)
        self._runs = list(runs.values())
        leaks = [run[3] for run in self._runs if run[0] >= LEAK_WEIGHT and run[1] >= MIN_WORDS]
        self.leak_from = min(leaks, default=None)
        return bool(leaks)

    def _longer(self, run: _Run, word: str, weight: int) -> _Run | None:
        """Return a run with one more word, `None` where it ends."""
        total, count, place, start = run
        following = self._shingles.words[place + 1 : place + 1 + _REACH]
        if word not in following or count >= _LONGEST_RUN:
            return None
        passed = following.index(word)
        return total + weight - _GAP * passed, count + 1, place + passed + 1, start

    def _begun(self, place: int, weight: int, start: int) -> _Run:
        """Return a run that ends in a word that tells, with the words before it that fit."""
        words, at, count = self._shingles.words, place, 1
        for word, begins in reversed(self._recent):
            before = words[max(0, at - _REACH) : at][::-1]
            if word not in before:
                break
            passed = before.index(word)
            at, count, start = at - passed - 1, count + 1, begins
            weight += self._weights[word] - _GAP * passed
        return weight, count, place, start


_NONE: _Run = (-_LONGEST_RUN * LEAK_WEIGHT, 0, 0, 0)


def _words(text: str) -> list[str]:
    return [found[0] for found in islice(_TOKEN.finditer(text[:MAX_CHARACTERS].casefold()), MAX_WORDS)]


def _weight(word: str) -> int:
    """Return how much a word tells. Those of other languages are judged by length as far as they are not known."""
    if _is_alone(word):
        return _LETTER if _LIGHT.match(word) else _IDEOGRAPH
    if word in COMMON or (len(word) < 4 and word.isdigit()):
        return _STOP
    return _SEMI if len(word) < 4 or word in FAMILIAR else _RARE


def _is_alone(word: str) -> bool:
    """Return whether a word is a character of a script that writes no spaces."""
    return word >= _FIRST_ALONE and _ALONE.match(word) is not None


def _anchor(word: str, before: Iterable[tuple[str, int]]) -> str:
    """Return what a run may begin at: a word; of scripts without spaces, a character and the three before it."""
    return "".join((*(each for each, _ in before), word)) if _is_alone(word) else word
