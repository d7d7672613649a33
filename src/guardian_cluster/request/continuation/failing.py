"""The failure of a continuation that does not show where it goes on."""

from guardian_cluster.domain.errors import AttemptFailed

UNCLEAR = "continuation_unclear"
"""Its code: what was said is not affected, and the endpoint is well."""


def unclear(why: str) -> AttemptFailed:
    """Return the failure of a continuation that does not show where it goes on."""
    return AttemptFailed(
        f"It is unclear where the continuation of the answer begins: {why}.",
        code=UNCLEAR,
        again=False,
        rests=False,
    )
