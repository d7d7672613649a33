"""Tells which of the things a question asks an answer speaks to."""

import re

from guardian_cluster.request.checks.question import COMMON, Question

MAX_PARTS = 12
_SPLIT = re.compile(r"(?<=[.!?\n;])\s")
_WORD = re.compile(r"[^\W_]{3,40}")
_STEM = 5
_ANSWERED = 0.5
"""Share of a part's subject words that an answer to it repeats; short answers to a single question repeat none."""
_MAX_READ = 20_000


def asked_parts(question: Question) -> list[str]:
    """Return the sentences that ask, in lower case."""
    return [each.strip() for each in _SPLIT.split(question.lowered) if each.rstrip().endswith("?")][
        :MAX_PARTS
    ]


def parts_answered(question: Question, answer: str) -> float | None:
    """Return the share of the questions that an answer speaks to, by the words of their subjects.

    A single question is answered by any answer; `None` where nothing is asked.
    """
    asked = asked_parts(question)
    if not asked:
        return None
    if len(asked) == 1:
        return float(bool(answer.strip()))
    said = answer[:_MAX_READ].lower()
    return sum(_is_answered(part, said) for part in asked) / len(asked)


def _is_answered(part: str, said: str) -> bool:
    subjects = {word[:_STEM] for word in _WORD.findall(part) if word not in COMMON}
    return not subjects or sum(stem in said for stem in subjects) >= _ANSWERED * len(subjects)
