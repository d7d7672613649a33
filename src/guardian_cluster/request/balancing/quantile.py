"""A quantile of what came lately, kept in one number."""


class Quantile:
    """Steps up by a share where a sample is above it and down where it is below: it rests where the odds even out.

    Robbins and Monro (1951), in parts of its own value: durations differ by orders of magnitude.
    """

    __slots__ = ("_down", "_up", "value")

    def __init__(self, probability: float, step: float) -> None:
        """Track that quantile; a `step` of .1 is about the last 20 samples, one of .01 the last 200."""
        self._up = 1.0 + step * probability
        self._down = 1.0 - step * (1.0 - probability)
        self.value = 0.0
        """0 before the first sample."""

    def add(self, sample: float) -> None:
        """Take a sample above 0."""
        if self.value <= 0.0:
            self.value = sample
        else:
            self.value *= self._up if sample > self.value else self._down
