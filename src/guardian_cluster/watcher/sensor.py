"""A sensor: watches one channel as it grows, and says where it finds something."""


class Sensor:
    """The base of the detectors of growing text. Where one finds something depends on the text, not on its pieces."""

    reach: int | None = None
    """Characters of the channel after which it finds nothing any more; `None` is no such end."""
    rule: str | None = None
    """What was found, of a sensor that knows several things."""

    def feed(self, text: str) -> int | None:
        """Return how many characters of the channel show a finding, else `None`. After one it is fed no more."""
        raise NotImplementedError

    def finish(self) -> int | None:
        """Return the length of the channel where its end shows a finding, else `None`."""
        return None

    def suspect_from(self) -> int | None:
        """Return from where in the channel nothing may leave for now, for it may turn out to be a finding."""
        return None

    @property
    def found_from(self) -> int | None:
        """After a finding, from where nothing of the channel may leave, as far as it has not; `None` is nowhere."""
        return None
