"""Feeds a sensor piece by piece, as its lane does."""

from collections.abc import Iterable

from guardian_cluster.watcher.sensor import Sensor


def fed(sensor: Sensor, pieces: Iterable[str]) -> int | None:
    """Return where a sensor finds something, which must lie in the piece that shows it; `None` is nowhere."""
    read = 0
    for piece in pieces:
        found = sensor.feed(piece)
        read += len(piece)
        if found is not None:
            assert read - len(piece) < found <= read
            return found
    return None
