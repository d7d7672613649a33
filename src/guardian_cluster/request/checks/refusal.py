"""Finds an answer that declines to answer."""

from guardian_cluster.request.checks.answered import Answered
from guardian_cluster.request.checks.finding import Finding, finding
from guardian_cluster.watcher.refusal import is_refusal

CHECK = "refusal"

_BEGINNING = 240
"""Characters in which such words give a reason to look closer; later they mostly speak of something else."""

_FULL = (
    *("i cannot", "i can't", "i can not", "i'm unable", "i am unable", "i'm not able", "i am not able"),
    *("i won't", "i will not", "i must decline", "i'm afraid i", "cannot provide", "can't provide"),
    *("cannot fulfill", "can't fulfill", "cannot assist", "can't assist", "can't help with"),
    *("cannot help with", "not appropriate for me", "i refuse", "ich kann nicht", "ich kann leider"),
    *("je ne peux pas", "no puedo ayudar", "lo siento"),
)
_SORRY = (
    "i'm sorry",
    "i am sorry",
    "i apologize",
    "sorry, but",
    "as an ai",
    "as a language model",
    "unfortunately",
)


def check(answered: Answered) -> Finding:
    """Return whether the answer goes without declining. Whether a refusal is right is not judged here."""
    begins = answered.lowered[:_BEGINNING].replace("’", "'")
    full = next((said for said in _FULL if said in begins), None)
    said = full or next((said for said in _SORRY if said in begins), None)
    held = said is None or not is_refusal(answered.text)
    detail = f"declines to answer: says {said!r} at its beginning" if not held else ""
    return finding(CHECK, held, {"declines": not held, "regrets": said is not None and full is None}, detail)
