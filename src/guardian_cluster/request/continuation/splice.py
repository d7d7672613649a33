"""Where the words of a backup begin to be new: what it says again of an answer that broke off does not leave.

A backup may go on at once, repeat the last word or the last paragraph, begin with a preface, start again in the same or
in other words. Its words are read by units (sentences, lines) until one thing is certain:

1. the end of what was said stands among them: they go on right after it;
2. they repeat its last words, or go on in the middle of its last sentence, by their form;
3. unit after unit says again what was said, up to its end: they go on with the unit after;
4. what they say was not said.

Else the continuation fails: a wrong splice is worse than an error. docs/design/continuation.md says how each is told.
"""

import re
from functools import cached_property

from guardian_cluster.request.continuation.account import Account, Finding, last_signs
from guardian_cluster.request.continuation.asking import Manner
from guardian_cluster.request.continuation.failing import unclear
from guardian_cluster.request.continuation.forms import goes_on, is_foreign, item_again
from guardian_cluster.request.continuation.halves import is_word_of_one
from guardian_cluster.request.continuation.joint import (
    bare_marker,
    begins_block,
    between,
    spaced,
    tail_of,
    whole_words,
    without_marker,
    words_after,
)
from guardian_cluster.request.continuation.marks import after_marks
from guardian_cluster.request.continuation.ordinals import marker_again
from guardian_cluster.request.continuation.outlet import Outlet
from guardian_cluster.request.continuation.overlap import overlap
from guardian_cluster.request.continuation.preface import Prefaces, lead_of, speaks_of_going_on
from guardian_cluster.request.continuation.repetition import Repetition
from guardian_cluster.request.continuation.rows import fits_row, row_again, rule_again
from guardian_cluster.request.continuation.signs import Signs, is_wide, places_of, signs_of, weight_of
from guardian_cluster.request.continuation.units import Unit, ends, unit_of

_MOST_WAITING = 4
"""Units that say nothing to tell them by, such as headings, before one must."""
_MOST_UNIT = 1_000
"""Characters of marks without a word, such as the rule of a table, before a unit."""
_MOST_MARKS = 200
"""Between two words that are repeated, and the next."""
_ROOM = 8_000
"""Characters that may be said again on top of twice what was said, in other words that are longer."""
_AROUND = ' "”’»*_'
_CLAUSE_END = re.compile(r" *(?:\n|[.!?,;:)\]。！？，、；：）])")
_SURE_OVERLAP = 10
"""Weight of the signs at the beginning that repeat the end of what was said by no chance, whatever follows them."""
_SURE_ELSEWHERE = 20
"""The same where a mark or a new line stands before them: another sentence may begin with the same name."""
_LEAST_OVERLAP = 5
"""Of less, nothing follows."""
_LEAST_FRAGMENT = 5
"""Weight of the signs of a sentence that broke off, which stand nowhere before in the answer."""
_CAPITAL = re.compile(r"(?:\W|\d{1,3}[.)])*[^\W\d_a-zß-öø-ÿа-я]")
_BEGUN_MARKER = re.compile(r"(?<=\n)[ \t]*\d{1,3}[.)]?\Z")
_MAY_BE_MARKER = re.compile(r"\W*\d{0,4}[.)]?\Z")
_NEXT_SIGN = re.compile(r"(?m)^[ \t>]*\(?\d{1,4}[.)](?=\s)|([^\W_])")
_SAFE = re.compile(r"[\s。，、！？；：](?=[^\s。，、！？；：]*\Z)")


class Splice:
    """Takes a backup's words and gives those that are new after what was `said`.

    Any cutting of the words into pieces gives the same text. Only units that are not judged yet are held.
    """

    def __init__(self, said: str, manner: Manner) -> None:
        """Begin to read a backup's words; in the manner `prefill`, one that goes on from the very last sign.

        That is taken to be so as long as nothing speaks against it.
        """
        self._said = said
        self._signs = signs_of(_BEGUN_MARKER.sub("", said))
        self._repetition = Repetition(self._signs, last_signs(said))
        self._tail = tail_of(said)
        self._marks = said[self._signs.start(len(self._signs.text)) :]
        self._prefaces = Prefaces(trusts=manner == "prefill")
        self._held = ""
        self._dropped: int = 0
        self._begin: int = 0  # in the held text, of the unit that is not complete
        self._scanned: int = 0  # where the last unit ended that was looked at
        self._searched: int = 0
        self._at = -1  # the last unit of what was said that was said again
        self._is_first = True
        self._waiting: list[Unit] = []  # they say nothing to tell them by
        self._is_rest = (
            False  # what waits may be the rest of the sentence, in words that were said before as well
        )
        self._is_doubtful = False  # what waits may have been said
        self._resumes = False  # the end of what was said was found; the marks after it are awaited
        self._is_verified = False  # the end of what was said stood among the words, and named its place
        self._has_new = False
        self._outlet: Outlet | None = None

    @cached_property
    def _account(self) -> Account:
        return Account(self._said)

    @cached_property
    def _words(self) -> frozenset[str]:
        return whole_words(self._said)

    @property
    def is_decided(self) -> bool:
        """Whether it is told where the new words begin; all that follow leave."""
        return self._outlet is not None

    @property
    def is_at_end(self) -> bool:
        """Whether the words so far repeat the end of what was said, and nothing new follows.

        Once they have ended, that means that the answer was complete: who repeats its end knows where to go on.
        """
        return self._is_verified and not self._has_new

    def take(self, text: str) -> str:
        """Return what is new and may leave.

        Raises:
            AttemptFailed: `continuation_unclear`, it cannot be told where the new words begin.
        """
        if self._outlet is None:
            self._held += text
            return self._noted(self._go_on(is_whole=False))
        return self._noted(self._outlet.take(text))

    def finish(self) -> str:
        """Return what is new of what is still held, at the end of the backup's words.

        Raises:
            AttemptFailed: as `take`; also where nothing was new but the answer had not come to the end of a sentence.
        """
        out = "" if self._outlet is not None else self._go_on(is_whole=True)
        if self._outlet is None and self._is_rest:
            out = self._rest(is_whole=True)
        if self._outlet is not None:
            return self._noted(out + self._outlet.finish())
        if self._at < 0 or self._at < self._account.last or self._tail != "ended" or self._is_doubtful:
            raise unclear("nothing in it is new")
        return spaced(self._said, self._held[self._waiting[0].begin :]) if self._waiting else ""

    def _noted(self, new: str) -> str:
        self._has_new = self._has_new or bool(new and not new.isspace())
        return new

    def _go_on(self, *, is_whole: bool) -> str:
        if self._resumes:
            return self._after_repetition(is_whole=is_whole)
        done = self._judge_units(is_whole=is_whole)
        if done is None and not is_whole:
            done = self._early()
        return done or ""

    def _judge_units(self, *, is_whole: bool) -> str | None:
        """Judge the units that are complete; return what leaves once it is clear."""
        for end in ends(self._held, self._scanned, is_whole=is_whole):
            if self._dropped + end > 2 * len(self._said) + _ROOM or end - self._begin > _MOST_UNIT:
                raise unclear("it says again more than was said")
            self._scanned = end
            unit = unit_of(self._held, self._begin, end)
            if (place := self._repetition.end_in(unit)) is not None:
                return self._resume(unit.begin + place, is_whole=is_whole, is_verified=True)
            may_be_preface = self._is_first and not (unit.text[0].islower() and self._said[-1:].isalpha())
            if may_be_preface and self._prefaces.take(unit.text):
                self._begin = end
                continue
            unit = self._without_lead(unit)
            is_short = self._is_first and not is_whole and self._repetition.is_short(unit)
            if not unit.signs or is_short:
                continue  # marks alone, and words that are too few to compare, belong to what follows them
            done = self._judge(unit, is_whole=is_whole)
            if done is not None:
                return done
            self._is_first, self._begin = False, end
        self._drop()
        return None

    def _drop(self) -> None:
        """Forget the units that will not leave."""
        keep = self._waiting[0].begin if self._waiting else self._begin
        self._held, self._begin, self._searched = self._held[keep:], self._begin - keep, 0
        self._scanned -= keep
        if keep:
            self._waiting = [
                unit_of(self._held, unit.begin - keep, unit.end - keep) for unit in self._waiting
            ]
        self._dropped += keep

    def _without_lead(self, unit: Unit) -> Unit:
        """Return a first unit without a preface, and a quotation mark, on the same line."""
        while self._is_first and self._prefaces.has_room and (lead := lead_of(unit.text)):
            self._prefaces.take_lead(unit.text[:lead])
            self._begin += lead
            unit = unit_of(self._held, self._begin, unit.end)
        return unit

    def _judge(self, unit: Unit, *, is_whole: bool) -> str | None:
        place = self._repetition.end_in(unit)
        if place is None and self._is_first:
            place = self._repetition.whole_in(unit)
        if place is None:
            place = self._repetition.take(unit, begins=self._is_first)
        if place is not None:
            return self._resume(unit.begin + place, is_whole=is_whole, is_verified=True)
        if self._is_rest and not self._repetition.is_under_way:
            return self._rest(is_whole=is_whole)
        if self._repetition.is_sure() and not self._is_first:
            return self._again(self._account.unit_at(self._repetition.reached))
        finding = self._account.find(unit, self._at)
        if self._is_first:
            cut = marker_again(self._said, unit.text.lstrip())
            if cut is not None and finding.kind not in ("said", "mixed"):
                return self._let_out(self._held[unit.begin :].lstrip()[cut:])
            done = self._first(unit, finding, is_whole=is_whole)
            if done is not None or self._is_rest:
                return done
        if finding.kind == "said":
            return self._again(finding.at)
        return (
            self._after_again(unit, finding)
            if self._at >= 0
            else self._direct(unit, finding, is_whole=is_whole)
        )

    def _first(self, unit: Unit, finding: Finding, *, is_whole: bool) -> str | None:
        """Judge what only the first unit can be: the rest of a sentence, with the last words before it or without."""
        if not finding.is_certain and (speaks_of_going_on(unit.text) or is_foreign(self._signs, unit)):
            raise unclear("it may speak of the answer instead of going on with it")
        is_verbatim = finding.is_verbatim and self._repetition.is_under_way
        if not is_verbatim:
            repeated = self._overlap(unit, finding, is_whole=is_whole)
            if repeated is not None:
                return repeated
        is_block = begins_block(self._said, unit.text.lstrip())
        if is_block or self._tail == "ended" or not self._goes_on(unit, finding):
            return None
        if self._account.has(unit) or _BEGUN_MARKER.search(self._said):
            return None
        if is_verbatim:
            self._waiting, self._is_rest = [unit], True
            return None
        return self._direct(unit, finding, is_whole=is_whole)

    def _rest(self, *, is_whole: bool) -> str:
        """Let out what waits: what follows does not go on as what was said did, so it is the rest of a sentence."""
        if not self._waiting:
            raise unclear("it says again what was said, but not to its end")
        unit = self._waiting[0]
        repeated = self._overlap(unit, Finding("neutral"), is_whole=is_whole)
        return self._accept(unit) if repeated is None else repeated

    def _goes_on(self, unit: Unit, finding: Finding) -> bool:
        text = unit.text.lstrip("\n") if self._prefaces.has_some else unit.text
        if _has_more(text) and self._begins_old(text):
            return False
        return goes_on(self._said, text, finding, trusts=self._prefaces.trusts)

    def _begins_old(self, text: str) -> bool:
        """Whether all sentences but the last stand in what was said: who repeats the last words begins so."""
        places = list(ends(text, 0, is_whole=True))
        signs = signs_of(text[: places[-2]]).text
        if text[0].isspace() or weight_of(signs) < _LEAST_OVERLAP:
            return False
        return any(self._signs.is_first(place) for place in places_of(signs, self._signs.text))

    def _early(self) -> str | None:
        """Look for the end of what was said in a unit that is not complete, up to its last whole word."""
        safe = _SAFE.search(self._held, max(self._begin, self._searched))
        if safe is None:
            return None
        self._searched = safe.end()
        place = self._repetition.end_in(unit_of(self._held, self._begin, safe.end()))
        if place is None:
            return None
        return self._resume(self._begin + place, is_whole=False, is_verified=True)

    def _resume(self, cut: int, *, is_whole: bool, is_verified: bool = False) -> str:
        """Go on after words that were repeated."""
        self._is_verified = is_verified
        self._held, self._resumes = self._held[cut:], True
        return self._after_repetition(is_whole=is_whole)

    def _after_repetition(self, *, is_whole: bool) -> str:
        """Let out what is new, once it is known which marks follow the words that were repeated."""
        start = self._held[:_MOST_MARKS]
        if not is_whole and len(start) < _MOST_MARKS and _MAY_BE_MARKER.fullmatch(start):
            return ""
        match = next((match for match in _NEXT_SIGN.finditer("x" + start, 1) if match[1]), None)
        place = match.start() - 1 if match else len(start)
        rest = self._held[place:]
        if not place and self._marks and rest[:1].isalnum() and not is_wide(rest[0]):
            raise unclear("a word that was complete goes on")
        is_begun = bare_marker(self._said)
        if is_begun and not self._said.rstrip().endswith("#"):
            return self._let_out(("" if self._said[-1].isspace() else " ") + without_marker(rest))
        rest = without_marker(rest) if is_begun else rest
        new = after_marks(self._said, self._marks, self._held[:place]) + rest
        begun = _BEGUN_MARKER.search(self._said)
        if begun and begun[0].strip() not in self._held[: place + len(begun[0])]:
            raise unclear("a marker may go on")
        if begun and rest.startswith(begun[0].strip()):
            new = spaced(self._said, rest[len(begun[0].strip()) :])
        return self._let_out(new if self._marks else spaced(self._said, new))

    def _again(self, at: int) -> None:
        """Note that a unit says again what was said."""
        if at < self._at - 1:
            raise unclear("it says again what was said in another order")
        self._at = max(self._at, at)
        self._waiting, self._is_doubtful = [], False

    def _after_again(self, unit: Unit, finding: Finding) -> str | None:
        """Judge a unit after others that said again what was said."""
        if finding.kind == "mixed":
            raise unclear("it mixes what was said with what was not")
        number = None if finding.is_certain else self._account.next_like(unit, self._at)
        if number is not None:
            return self._again(number)
        if self._at < self._account.last:
            if finding.is_certain:
                raise unclear("it leaves out a part of what was said")
            self._is_doubtful = True
            return None
        if self._tail != "ended":
            raise unclear("the sentence that broke off is put in other words")
        return self._next(unit, finding)

    def _direct(self, unit: Unit, finding: Finding, *, is_whole: bool) -> str | None:
        """Judge a unit of which nothing before said anything again."""
        text = unit.text
        body = text.lstrip()
        if cut := rule_again(self._said, text) or row_again(self._said, text):
            self._marks = ""
            return self._resume(unit.begin + cut, is_whole=is_whole)
        if bare_marker(self._said):
            return self._after_marker(unit, finding)
        if not self._waiting and self._is_exact(text, finding):
            return self._accept(unit)
        if self._waiting or self._tail == "ended":
            return self._next(unit, finding)
        if _BEGUN_MARKER.search(self._said):
            raise unclear("a marker may go on")
        starts_line = "\n" in text[: len(text) - len(body)] and not self._prefaces.has_some
        if starts_line or begins_block(self._said, body):
            if self._tail == "within" and not (starts_line and self._prefaces.trusts):
                raise unclear("it leaves out the rest of a sentence")
            return self._next(unit, finding)
        if not self._goes_on(unit, finding):
            raise unclear("it may put the sentence that broke off in other words")
        if not fits_row(self._said, text):
            raise unclear("the row of a table that broke off has other cells")
        return self._accept(unit)

    def _is_exact(self, text: str, finding: Finding) -> bool:
        """Whether a first unit begins with the white space that follows the last sign: no message of its own does."""
        if self._prefaces.has_some or not self._is_first or finding.kind == "said" or not text[0].isspace():
            return False
        spaces = text[: len(text) - len(text.lstrip())]
        return (self._prefaces.trusts or "\n" not in spaces) and fits_row(self._said, text)

    def _after_marker(self, unit: Unit, finding: Finding) -> str:
        """Go on after the marker of an item or heading that says nothing yet; the unit may have it again."""
        if finding.kind not in ("new", "neutral"):
            raise unclear("it mixes what was said with what was not")
        text = self._held[unit.begin :]
        text = text.lstrip() if self._prefaces.has_some else text
        is_spaced = self._said[-1].isspace()
        if self._prefaces.is_quoted or not (is_spaced or text[0].isspace()):
            raise unclear("a marker may go on")
        return self._let_out(spaced(self._said, without_marker(text.lstrip()) if is_spaced else text))

    def _next(self, unit: Unit, finding: Finding) -> str | None:
        """Judge a unit that may be the one after what was said."""
        if finding.kind == "said":
            raise unclear("it mixes what was said with what was not")
        self._is_doubtful |= finding.kind in ("unclear", "mixed")
        if finding.kind == "new":
            return self._accept(unit)
        if len(self._waiting) >= _MOST_WAITING:
            raise unclear("nothing in it tells whether it is new")
        self._waiting.append(unit)
        return None

    def _overlap(self, unit: Unit, finding: Finding, *, is_whole: bool) -> str | None:
        """Go on after words at the beginning that repeat the last ones of what was said, or half of one."""
        signs = signs_of(unit.text)
        item = item_again(self._said, unit)
        words, is_capital = self._words | words_after(unit.text), unit.text.lstrip()[:1].isupper()
        length = item or overlap(self._signs, self._said, signs, words, is_capital=is_capital)
        lead = unit.text[: signs.start(0)]
        if not item and _CLAUSE_END.match(lead.lstrip() if self._prefaces.has_some else lead):
            weight = weight_of(signs.text[: length or 0])
            length = length if weight >= _SURE_ELSEWHERE else None if weight >= _LEAST_OVERLAP else 0
        is_fragment = self._repeats_fragment(unit, finding)
        length = len(self._fragment.signs) if is_fragment else length
        if length is None and (finding.kind != "said" or self._tail != "ended"):
            raise unclear("its first word may repeat the last one, or not")
        if not length:
            return None
        if self._said[-1].isspace() and length < len(signs.text) and _goes_on_in_word(signs, length):
            raise unclear("a word that was complete goes on")
        cut = signs.start(length - 1) + 1
        if self._is_heading(signs.text[:length]) and not unit.text[cut:].lstrip(_AROUND).startswith("\n"):
            raise unclear("what follows a heading may begin with its words")
        mark = self._marks.strip(" ")[:1]
        if mark and not unit.text[cut:].lstrip(_AROUND).startswith(mark):
            return None  # a new sentence that begins with the words that the last one ended with
        new = unit_of(self._held, unit.begin + cut, unit.end)
        rest = self._account.find(new, -1)
        is_old = self._account.has_numbers(new) and not rest.is_verbatim
        is_sure = weight_of(signs.text[:length]) >= _SURE_OVERLAP and not is_old
        is_novel = is_fragment and self._account.has_novel(new)
        if item or is_sure or is_novel or rest.kind in ("new", "neutral"):
            return self._resume(unit.begin + cut, is_whole=is_whole)
        if finding.kind == "said" and self._tail == "ended" and not mark:
            return None
        raise unclear("it mixes what was said with what was not")

    def _is_heading(self, signs: str) -> bool:
        line = self._said.rpartition("\n")[2]
        return line.startswith("#") and signs_of(line).text == signs

    @cached_property
    def _fragment(self) -> Unit:
        """The sentence that broke off, from its first word on."""
        begin = max(0, len(self._said) - _MOST_UNIT)
        for end in ends(self._said, begin, is_whole=False):
            begin = end
        return unit_of(self._said, begin, len(self._said))

    def _repeats_fragment(self, unit: Unit, finding: Finding) -> bool:
        """Whether a unit has the sentence again that broke off, from its first word on.

        That is so where both begin alike with a capital, which no half of a word has, and the unit is not told to say
        what was said before. Who begins alike and goes on otherwise says the sentence in other words, which is as well.
        """
        signs = self._fragment.signs
        if self._tail != "within" or not signs or not unit.signs.startswith(signs) or signs.isdigit():
            return False
        begins_wide, body = is_wide(signs[0]), unit.text.strip()
        begin_alike = begins_wide or (_CAPITAL.match(self._fragment.text) and _CAPITAL.match(body))
        is_same_block = begins_block("", body) == begins_block("", self._fragment.text.lstrip())
        if not begin_alike or _has_more(body) or not is_same_block:
            return False
        if not _same_words(self._fragment.text, unit.text):
            return False
        is_itself = finding.at == self._account.last and not finding.is_verbatim
        if finding.kind == "new":
            return len(signs) > 1 or not (begins_wide or is_word_of_one(signs))
        is_named = self._signs.text.find(signs) == len(self._signs.text) - len(signs)
        is_open = finding.kind in ("neutral", "unclear") or is_itself
        return is_open and is_named and weight_of(signs) >= _LEAST_FRAGMENT

    def _accept(self, unit: Unit) -> str:
        """Let out a unit with what waits before it, and what follows."""
        if self._is_doubtful:
            raise unclear("it mixes what was said with what was not")
        text = self._held[(self._waiting[0] if self._waiting else unit).begin :]
        if self._at < 0:
            text = self._prefaces.without(text)
        text = spaced(self._said, text)
        joint = between(self._said, text, self._words | words_after(unit.text), trusts=self._prefaces.trusts)
        if joint is None:
            raise unclear("a word may go on, or another begin")
        return self._let_out(joint + text)

    def _let_out(self, new: str) -> str:
        self._held = ""
        self._outlet = Outlet(self._prefaces.wrapper)
        return self._outlet.take(new)


def _goes_on_in_word(signs: Signs, length: int) -> bool:
    return not signs.is_first(length) and not is_wide(signs.text[length])


def _same_words(fragment: str, text: str) -> bool:
    """Return whether a text that begins with the signs of another has its words, too: "It springs" has not "Its"."""
    mine, theirs = signs_of(fragment), signs_of(text)
    return all(mine.is_first(number) == theirs.is_first(number) for number in range(len(mine.text)))


def _has_more(text: str) -> bool:
    """Return whether a unit has more than one sentence: the first may be too short to be compared alone."""
    return next(ends(text, 0, is_whole=True), len(text)) < len(text)
