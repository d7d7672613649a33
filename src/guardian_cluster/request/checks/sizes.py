"""Measures a question and its answer; judges nothing, for a long question is only harder and not wrong."""

import math
import re

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding

CHECK = "sizes"
_NAME = re.compile(r"[a-z,] ([A-Z][a-z]{1,20})\b")


def check(answered: Answered) -> Finding:
    """Return how long both are, and how much the question compares."""
    question = answered.question
    lowered = question.lowered
    rates = lowered.count("each") + lowered.count("every") + lowered.count(" per ")
    features = {
        "calculation": question.is_calculation,
        "question": min(1.0, math.log1p(len(question.text)) / 8),
        "answer": min(1.0, math.log1p(len(answered.text)) / 8),
        "lines": min(sum(1 for line in answered.looked_at.splitlines() if line.strip()), 12) / 12,
        "sentences": min(lowered.count(".") + lowered.count("?"), 12) / 12,
        "comparisons": min(lowered.count(" than "), 3) / 3,
        "rates": min(rates, 4) / 4,
        "conditions": " if " in lowered,
        "names": min(len(set(_NAME.findall(question.looked_at))), 5) / 5,
        "marked": "####" in answered.looked_at or "boxed{" in answered.looked_at,
    }
    return finding(CHECK, None, features)
