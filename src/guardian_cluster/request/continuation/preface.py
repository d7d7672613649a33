"""What a model says before it goes on with an answer, and is no part of it: "Sure, here is the rest:"."""

import re

from guardian_cluster.request.continuation.failing import unclear

_INTERJECTION = (
    r"(?:sure(?: thing)?|certainly|of course|ok(?:ay)?|got it|understood|absolutely|no problem|alright|"
    r"(?:my )?apologies|i apologi[sz]e|(?:i'm |i am )?sorry|natürlich|gern(?:e)?|klar|selbstverständlich|"
    r"entschuldigung|verstanden|bien sûr|d'accord|désolé|claro|por supuesto|vale|certo|certamente|"
    r"好的|当然(?:可以)?|没问题|抱歉|はい|承知(?:しました|いたしました)|もちろん(?:です)?|네|물론입니다|конечно|хорошо)"
)
_GOING_ON = (
    r"continu|the rest|left off|leaves off|cut off|resum|pick(?:ing)? up|go(?:ing)? on|remaind|remaining part|"
    r"interrupt|where (?:i|we|it) (?:was|were|stopped)|fortsetz|fortgesetzt|weiter|unterbr|abgebrochen|"
    r"(?:la|voici) suite|"
    r"poursui|reprends|sigu|reanud|prosegu|继续|接着|续|中断|接下来|続き|続け|中断|계속|이어|продолж"
)
_BARE = re.compile(rf"\s*{_INTERJECTION}(?:[ ,][^.!:\n]{{0,60}})?[.!,。！:：]*\s*$", re.IGNORECASE)
_OPENER = re.compile(
    r"(?:let me|i will|i'll|i am|i'm|continuing|here|picking|resuming|going|hier|ich|voici|je|aquí|以下|下面|接下来)"
    r"[^.:\d]{0,80}\.$",
    re.IGNORECASE,
)
_REGRET = re.compile(
    r"\s*(?:(?:i'm|i am) (?:sorry|afraid|unable)|i (?:do not|don't|can't|cannot)|unfortunately|could you)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(_GOING_ON, re.IGNORECASE)
_LEAD = re.compile(r"[^:：\n]{0,140}[:：][ \t]*(?=\S)")
_DOTS = re.compile(r"\s*(?:\.{3}|…)?[ \t]*[“„«\"]?(?=\S)")
_WRAPPER = re.compile(
    r"\s*(`{3,}|~{3,})[ \t]*(markdown|md|text|txt|plaintext|plain)?[ \t]*\n?\Z", re.IGNORECASE
)
_QUOTES = '“„«"'
_MOST = 4
_LONGEST = 200


def is_preface(unit: str) -> bool:
    """Return whether a whole unit is a preface."""
    text = unit.strip().strip("*_\"'“”>[]() ")
    if re.fullmatch(r"\.{3}|…+", text):
        return True
    if not text or len(text) > _LONGEST:
        return False
    if _ABOUT.search(text) and (text[-1] in ":：…" or _BARE.match(text.split(",")[0]) or _OPENER.match(text)):
        return True
    return len(text) <= 80 and _BARE.match(text) is not None and not any(c.isdigit() for c in text)


def speaks_of_going_on(unit: str) -> bool:
    """Return whether a unit may speak of the answer that broke off to whoever asked for it."""
    return _ABOUT.search(unit) is not None or _REGRET.match(unit) is not None


def lead_of(unit: str) -> int:
    """Return where a preface on the same line as what follows it ends; 0 where there is none."""
    dots = _DOTS.match(unit)
    if dots and dots[0].strip():
        return dots.end()
    lead = _LEAD.match(unit)
    return lead.end() if lead and is_preface(lead[0]) else 0


class Prefaces:
    """What stood before a backup's first words, and what follows from it."""

    def __init__(self, *, trusts: bool) -> None:
        self.trusts = trusts
        """Whether the words follow the very signs of what was said: nobody who does so begins with a preface."""
        self.wrapper = ""
        """The fence that all the words are put into."""
        self.is_quoted = False
        self._count = 0
        self._is_wrapper_sure = True

    @property
    def has_some(self) -> bool:
        """Whether there was anything before the words."""
        return self._count > 0

    @property
    def has_room(self) -> bool:
        """Whether there may be more: nobody begins three times."""
        return self._count < _MOST

    def take(self, unit: str) -> bool:
        """Return whether a unit at the beginning is no part of the answer: a preface, or the fence around all."""
        if not self.wrapper and (wrapper := _WRAPPER.match(unit)):
            self.wrapper = wrapper[1]
            self._is_wrapper_sure = (wrapper[2] or "").lower() in ("markdown", "md")
        elif not self.has_room or not is_preface(unit):
            return False
        self._note()
        return True

    def take_lead(self, lead: str) -> None:
        """Note what stood on the same line."""
        self.is_quoted |= lead[-1] in _QUOTES
        self._note()

    def without(self, text: str) -> str:
        """Return words that nothing else shows to go on with the answer, without the white space before them.

        Raises:
            AttemptFailed: they stand in a code block or a quotation, which may be part of the answer.
        """
        if self.is_quoted or not self._is_wrapper_sure:
            raise unclear(
                "it begins with a quotation mark" if self.is_quoted else "it stands in a code block"
            )
        return text.lstrip() if self._count else text

    def _note(self) -> None:
        self._count, self.trusts = self._count + 1, False
