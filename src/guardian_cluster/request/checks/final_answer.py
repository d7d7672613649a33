"""Looks whether there is a final answer, whether it is one, and whether it is what was computed."""

import re

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.request.checks.quantities import same
from guardian_cluster.request.checks.question import COMMON

CHECK = "final_answer"
_WORD = re.compile(r"[^\W\d_]{3,40}")
_STEM = 5
"""Letters of a word that are compared: `apples` and `apple`, `remaining` and `remains` agree."""


def check(answered: Answered) -> Finding:
    """Return whether the answer comes to one number, which its calculation led to, on what was asked."""
    final = None if answered.final is None else same(answered.final)
    results = [same(each.claimed) for each in answered.equations if each.claimed is not None]
    given = {same(each.value) for each in answered.question.quantities}
    differs = len(set(map(same, answered.stated))) > 1
    unsaid = bool(answered.stated) and final not in set(map(same, answered.numbers))
    features = {
        "missing": final is None,
        "differs": differs,
        "unsaid": unsaid,
        "not_computed": final is not None and bool(results) and final not in results,
        "not_last": final is not None and bool(answered.steps) and final != answered.steps[-1].result,
        "given": final in given,
        "off_subject": 1.0 - covered(answered),
        "ignores": 1.0 - mentioned(answered),
        "last_line": min(len(answered.last_line), 400) / 400,
    }
    detail = ""
    if final is None:
        detail = "a number was asked for, and none is given"
    elif differs:
        detail = f"the answer is stated as {answered.stated[0]:g} and as {answered.stated[-1]:g}"
    elif unsaid:
        detail = f"{final:g} is stated as the answer, and the text before does not come to it"
    held = not (final is None or differs or unsaid)
    return finding(CHECK, held, features, answered.note(detail) if detail else "")


def covered(answered: Answered) -> float:
    """Return the share of the asking sentence's subject words that the last line speaks of."""
    wanted = {word[:_STEM] for word in _WORD.findall(answered.question.asking) if word not in COMMON}
    if not wanted:
        return 1.0
    return sum(stem in answered.last_line for stem in wanted) / len(wanted)


def mentioned(answered: Answered) -> float:
    """Return the share of the question's subject words that the answer mentions at all."""
    words = {word[:_STEM] for word in _WORD.findall(answered.question.lowered) if word not in COMMON}
    if not words:
        return 1.0
    return sum(stem in answered.lowered for stem in words) / len(words)
