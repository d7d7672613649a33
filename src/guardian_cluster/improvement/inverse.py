"""Decides what undoes a change: the change turned round, from its record alone."""

import msgspec

from guardian_cluster.domain.improvement import Change, DocumentChange


def inverse(change: Change) -> Change:
    """Return the change that undoes this one; the inverse of that is this one again."""
    if isinstance(change, DocumentChange):
        return msgspec.structs.replace(change, withheld=not change.withheld)
    return msgspec.structs.replace(change, before=change.after, after=change.before)
