"""Takes out of a text what nobody sees and no script needs: what else `invisible.py` finds stays as it is.

It is not put back: a model's answer has no use for it, and who wrote it did not see it either.
"""

import re

from guardian_cluster.watcher.invisible import InvisibleDetector
from guardian_cluster.watcher.turns import Turns

_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f"
_HIDDEN = re.compile(
    f"(?P<flag>{_FLAG})|[\U000e0000-\U000e007f]|[\U000e0080-\U000e00ff\U000e01f0-\U000e0fff]"
    "|[\u202d\u202e\u206a-\u206f\ufff9-\ufffb\U0001d173-\U0001d17a]"
    "|[\ufe00-\ufe0f\u180b-\u180d\u180f\U000e0100-\U000e01ef]{3,}"
    "|[\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u2060-\u2064\u3164\ufeff\uffa0]{3,}"
)
"""Tags but those of a region's flag, overrides, what has no use, and runs."""

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\U0001d173-\U0001d17a]+"
)


async def invisible_at(text: str, turns: Turns) -> int | None:
    """Return the position behind the character that gives something hidden away, `None` where nothing is hidden."""
    if text.isascii():
        return None
    detector = InvisibleDetector()
    at = 0
    while at < len(text):
        size = turns.characters
        found = detector.feed(text[at : at + size])
        if found is not None:
            return found
        at += size
        await turns.rest()
    return None


async def all_seen(text: str, turns: Turns) -> str:
    """Return a text, in which something is hidden, without it; without all that is unseen where that is not enough."""
    kept = await _without(text, _HIDDEN, turns)
    if await invisible_at(kept, turns) is not None:
        return await _without(text, _UNSEEN, turns)
    return kept


async def _without(text: str, hidden: re.Pattern[str], turns: Turns) -> str:
    pieces: list[str] = []
    at = 0
    for match in hidden.finditer(text):
        if match.lastgroup == "flag":
            continue
        pieces.append(text[at : match.start()])
        at = match.end()
        await turns.rest()
    pieces.append(text[at:])
    return "".join(pieces)
