"""After which silence within an answer its endpoint is taken for dead, where another could go on."""

LEAST_S = 1.5
UNKNOWN_S = 5.0
"""Of an endpoint whose pauses are not known: long for any server that works."""

TIMES = 5.0
"""How many times as long as the longest of a hundred silences."""


def stall_after_s(usual_longest_s: float, between_chunks_s: float) -> float:
    """Return it, for an endpoint with such a 99th percentile of silences (0 is not known), and at most so long."""
    silence_s = max(LEAST_S, TIMES * usual_longest_s) if usual_longest_s > 0.0 else UNKNOWN_S
    return min(silence_s, between_chunks_s)
