"""Decides whether instructions may change as proposed without a person: by sentences of ours, or as once deployed.

What a model makes of any other text nobody can tell from it, in whatever language or script it is.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from guardian_cluster.contract.snapshot import Base
from guardian_cluster.domain.improvement import Concern, InstructionChange
from guardian_cluster.domain.window import Window
from guardian_cluster.guardians.reviewing.own_sentences import OWN_SENTENCES
from guardian_cluster.guardians.reviewing.paths import variants_of

_BLANK = " \t"


class Deployed(NamedTuple):
    """What was deployed of a specialist's instructions, so that somebody has decided it."""

    now: frozenset[str]
    """The texts of its variants."""
    earlier: frozenset[str]
    """Whole texts that stood there before a change, as its event says."""


def undecided(change: InstructionChange, base: Base, window: Window) -> Iterator[Concern]:
    """Yield what of new instructions nobody has decided so far; nothing where the whole is a text of before."""
    before, after = change.before or "", change.after or ""
    deployed = deployed_texts(change.specialist, base, window)
    if after in deployed.now | deployed.earlier:
        return
    known = OWN_SENTENCES.union(*map(lines, deployed.now))
    new = sum(line not in known for line in lines(after))
    if new:
        said = f"new lines that no guardian has for its own and no variant has: {new}"
        yield Concern(rule="injection", said=said)
    if not _holds_in_order(before, after):
        yield Concern(rule="policy", said="lines of the instructions would go, or stand in another order")


def deployed_texts(specialist: str, base: Base, window: Window) -> Deployed:
    """Return the instructions that a specialist has, and those that it had before changes in the window."""
    subject = f"specialists.{specialist}.instructions"
    written = (each.before for each in window.changes if each.subject == subject)
    now = frozenset(variant.instructions or "" for variant in variants_of(specialist, base))
    return Deployed(now, frozenset(text for each in written if (text := _read(each)) is not None))


def lines(text: str) -> list[str]:
    """Return the lines as an editor shows them; other signs that end a line stay in it, for nobody sees them."""
    found = (line.strip(_BLANK) for line in text.replace("\r\n", "\n").split("\n"))
    return [line for line in found if line]


def _holds_in_order(before: str, after: str) -> bool:
    left = iter(lines(after))
    return all(line in left for line in lines(before))


def _read(written: str) -> str | None:
    """Return the text that an event has; `None` where it does not hold all of it."""
    try:
        return msgspec.json.decode(written.encode(), type=str) if written else ""
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
