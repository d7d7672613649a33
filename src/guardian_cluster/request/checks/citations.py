"""Looks whether what an answer quotes or refers to stands in what it was given."""

import re
from collections.abc import Sequence

from guardian_cluster.domain.request import Message
from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.watcher.scoring.ground import numbers_passages

CHECK = "citations"

MAX_SOURCE_CHARACTERS = 40_000
"""Of all sources together: 40 KB are made ready in 0.2 ms. Of more nothing is denied."""

_MAX_CITED = 20
_MARK = re.compile(r"\[(\d{1,3})\](?!\()")
_QUOTED = re.compile(r"[“\"„»]([^“”\"„»«\n]{20,400})[”\"“«]")
_SAME_SIGNS = str.maketrans("“”„»«’‘–—\u00a0", '"""""\'\'-- ')
_EDGES = " .,;:!?…'\""


def sources_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return the texts that were given to answer from: all messages where one of them numbers passages, else none."""
    texts = [message.text() for message in messages if not message.unread_bytes()]
    marked = [text for text in texts if "[1]" in text]
    if not marked or sum(map(len, texts)) > MAX_SOURCE_CHARACTERS:
        return ()
    return tuple(texts) if any(map(numbers_passages, marked)) else ()


def check(answered: Answered) -> Finding:
    """Return whether each mark `[n]` has its source and each longer quotation stands in a source or the question."""
    if not answered.sources:
        return finding(CHECK, None, {})
    marks = _MARK.findall(answered.looked_at)[:_MAX_CITED]
    there = {mark for text in answered.sources for mark in _MARK.findall(text)} if marks else set[str]()
    missing = [each for each in marks if each not in there]
    invented, quoted = _invented(answered)
    features = {
        "cites": bool(marks or quoted),
        "missing_source": bool(missing),
        "invented_quotation": len(invented) / len(quoted) if quoted else 0.0,
    }
    detail = ""
    if missing:
        detail = f"refers to [{missing[0]}], which is none of the passages that were given"
    elif invented:
        detail = f"quotes {invented[0][:80]!r}, which stands in no source"
    held = None if not (marks or quoted) else not (missing or invented)
    return finding(CHECK, held, features, answered.note(detail) if detail else "")


def _invented(answered: Answered) -> tuple[list[str], list[str]]:
    """Return the quotations that stand nowhere, and all of them."""
    quoted = _QUOTED.findall(answered.looked_at)[:_MAX_CITED]
    if not quoted:
        return [], []
    given = _plain(" ".join((*answered.sources, answered.question.looked_at)))
    return [each for each in quoted if not _stands(each, given)], quoted


def _stands(quotation: str, given: str) -> bool:
    """Return whether each part of a quotation stands in a text; parts are joined by an ellipsis."""
    parts: Sequence[str] = _plain(quotation).replace("[...]", "...").replace("…", "...").split("...")
    return all(part.strip(_EDGES) in given for part in parts)


def _plain(text: str) -> str:
    return " ".join(text.translate(_SAME_SIGNS).lower().split())
