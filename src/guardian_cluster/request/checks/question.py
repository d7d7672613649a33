"""What the checks know of a question before an answer exists: its quantities, and what it asks for."""

import re
from dataclasses import dataclass
from functools import cached_property

from guardian_cluster.request.checks.languages import language_of
from guardian_cluster.request.checks.quantities import Quantity, quantities_of
from guardian_cluster.request.checks.tokens import Token, tokens_of
from guardian_cluster.request.checks.unit_words import units_in

LOOKED_AT = 4_096
"""Characters that are read of a question and of an answer: a calculation of that length takes below 2 ms."""

_SENTENCE_END = re.compile(r"[.!?\n]\s+")
_WORD = re.compile(r"[^\W\d_]{2,40}")

ASKING_FOR = {
    "number": (
        "how many",
        "how much",
        "how old",
        "how long",
        "how far",
        "how tall",
        "what percent",
        "calculate",
        "how fast",
        "how big",
        "how large",
        "how heavy",
        "how high",
        "what number",
        "determine",
        "find the",
    ),
    "value": ("what is", "what was", "what will", "what were", "what are"),
    "rest": ("left", "remain", "remaining", "remains", "leftover", "change"),
    "total": ("total", "altogether", "combined", "together", "all", "overall"),
    "each": ("each", "per", "every", "apiece"),
    "average": ("average", "mean"),
    "difference": ("more", "less", "fewer", "difference", "than", "extra"),
    "percent": ("percent", "percentage"),
    "money": ("cost", "pay", "spend", "spent", "paid", "price", "dollars", "money", "earn", "profit", "save"),
    "before": (
        "originally",
        "original",
        "initially",
        "initial",
        "start",
        "started",
        "began",
        "beginning",
        "before",
    ),
    "time": ("hours", "minutes", "days", "weeks", "months", "years", "long", "old", "age"),
}
"""Words of the asking sentence that say which kind of quantity is wanted."""

COMMON = frozenset(
    [
    "how", "many", "much", "the", "a", "an", "of", "is", "are", "does", "do", "did", "in", "to",
    "and", "he", "she", "they", "it", "his", "her", "if", "for", "have", "has", "what", "will",
    "was", "on", "at", "that", "there", "all", "would", "be", "by", "with", "their", "this", "each",
    "who", "which", "when", "where", "why", "can", "could", "should", "you", "your", "me", "my",
    "i", "we", "our", "as", "from", "or", "so", "than", "then", "were", "had", "not", "no", "any",
    "some", "its",
    ]
)  # fmt: skip
"""Words that say nothing of the subject."""


@dataclass(frozen=True)
class Question:
    """One question, read once; nothing of it is computed before a check needs it."""

    text: str

    @cached_property
    def looked_at(self) -> str:
        """The text, or the beginning and the end of a long one."""
        return head_and_tail(self.text)

    @cached_property
    def lowered(self) -> str:
        """What is looked at, in lower case."""
        return self.looked_at.lower()

    @cached_property
    def units(self) -> frozenset[str]:
        """The units of measurement it speaks of."""
        return units_in(self.lowered)

    @cached_property
    def tokens(self) -> list[Token]:
        """Its numbers and words."""
        return tokens_of(self.looked_at)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """What it states in numbers."""
        return quantities_of(self.tokens)

    @cached_property
    def language(self) -> str | None:
        """In which language it is asked, where that is clear."""
        return language_of(self.looked_at)

    @cached_property
    def asking(self) -> str:
        """The sentence that asks, in lower case: the last with a question mark, else the last of all."""
        sentences = [each.strip() for each in _SENTENCE_END.split(self.lowered + " ") if each.strip()]
        end = self.lowered.rfind("?")
        if end < 0:
            return sentences[-1] if sentences else ""
        starts = [match.end() for match in _SENTENCE_END.finditer(self.lowered, 0, end)]
        return self.lowered[starts[-1] if starts else 0 : end + 1]

    @cached_property
    def asking_words(self) -> frozenset[str]:
        """The words of the sentence that asks."""
        return frozenset(_WORD.findall(self.asking))

    @cached_property
    def wants(self) -> frozenset[str]:
        """Which kinds of quantity, of `ASKING_FOR`, the asking sentence speaks of."""
        words = self.asking_words
        kinds = {kind for kind, said in ASKING_FOR.items() if not words.isdisjoint(said)}
        phrases = (
            kind for kind in ("number", "value") if any(said in self.asking for said in ASKING_FOR[kind])
        )
        return frozenset((*kinds, *phrases))

    @cached_property
    def is_calculation(self) -> bool:
        """Whether it states quantities and asks for another."""
        return len(self.quantities) >= (1 if "number" in self.wants else 2) and bool(self.wants)


def head_and_tail(text: str) -> str:
    """Return a text, or the first and the last half of `LOOKED_AT` characters of a longer one."""
    if len(text) <= LOOKED_AT:
        return text
    half = LOOKED_AT // 2
    return f"{text[:half]}\n{text[-half:]}"
