"""Where runs and their effects are kept: in files, or in a PostgreSQL."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.kill_sweep_world.effects import Effects


class Place(NamedTuple):
    """Where runs and effects are kept."""

    runs: str
    effects: str
    folder: str = ""
    """Where there are data folders for those workflows that need one."""

    @property
    def is_file(self) -> bool:
        """Whether that is SQLite."""
        return "://" not in self.runs

    @property
    def database(self) -> Path | str:
        """What the engine is given."""
        return Path(self.runs) if self.is_file else self.runs

    def open_effects(self) -> Effects:
        """Return the effects."""
        return Effects(Path(self.effects) if self.is_file else self.effects)
