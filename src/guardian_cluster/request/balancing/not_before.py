"""How long an endpoint that asked for a pause is left alone."""

LONGEST_PAUSE_S = 120.0
"""A server that asks for more is believed no further: a mistaken header must not take an endpoint away for a day."""


def pause_s(asked_s: float | None) -> float:
    """Return how long to leave it alone; 0 where it asked for nothing that makes sense."""
    if asked_s is None or not asked_s > 0.0:  # what is not a number is not above 0 either
        return 0.0
    return min(asked_s, LONGEST_PAUSE_S)
