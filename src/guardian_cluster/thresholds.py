"""The file of threshold actions in a data folder: `thresholds.json`, changed under a lock like that of the keys.

The control process writes what it learned, a person's command what was decided, and the deployment reads what is in
force (docs/design/thresholds.md).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from guardian_cluster.contract.snapshot import DetectorThreshold, Frozen
from guardian_cluster.contract.threshold_action import Scope, ThresholdAction
from guardian_cluster.domain.improvement import ThresholdChange
from guardian_cluster.errors import BadArgument, CannotCreate, ConfigError, Problem, printable
from guardian_cluster.learning.threshold_ledger import (
    Actions,
    Adoption,
    Undecidable,
    adopted,
    applied,
    holds,
    in_force,
    released,
    undone,
)
from guardian_cluster.locked_file import LockedFile

FILE_NAME = "thresholds.json"
SEE = "guardian thresholds --help"
_MAX_BYTES = 16_000_000


class _Kept(Frozen, frozen=True, kw_only=True):
    version: Literal[1] = 1
    actions: tuple[ThresholdAction, ...] = ()


class ThresholdFile:
    """The threshold actions of one data folder."""

    def __init__(self, folder: Path, *, lock_timeout_s: float = 10.0) -> None:
        self.path = folder / FILE_NAME
        self._file = LockedFile(self.path, most_bytes=_MAX_BYTES, lock_timeout_s=lock_timeout_s)

    def load(self) -> Actions | None:
        """Return all actions, those applied last at the end; `None` where nothing was ever learned.

        Raises:
            ConfigError: the file cannot be read or is damaged.
        """
        try:
            content = self._file.read()
        except OSError as error:
            raise self._damaged(f"cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise self._damaged(str(error)) from error
        return None if content is None else self._decoded(content)

    def thresholds(self) -> tuple[DetectorThreshold, ...] | None:
        """Return the thresholds in force, in order; `None` where nothing was ever learned. Raises as `load`."""
        actions = self.load()
        if actions is None:
            return None
        return tuple(
            DetectorThreshold(**scope._asdict(), value=action.after)
            for scope, action in sorted(in_force(actions).items())
        )

    def change(self, decide: Callable[[Actions], Actions]) -> Actions:
        """Replace the actions by what is decided about them, and return that; no other process comes between.

        Raises:
            ConfigError: as `load`.
            CannotCreate: the file cannot be locked or written.
        """
        try:
            with self._file.locked():
                before = self.load() or ()
                after = decide(before)
                if after != before:
                    self._file.write(msgspec.json.format(msgspec.json.encode(_Kept(actions=after)), indent=1))
        except TimeoutError as error:
            raise CannotCreate(Problem("thresholds-locked", str(error), see=SEE)) from error
        except OSError as error:
            message = f"{self.path} cannot be written: {error.strerror}"
            hint = "set another place with [data] folder in guardian.toml"
            raise CannotCreate(Problem("thresholds-unwritable", message, hint=hint, see=SEE)) from error
        return after

    def apply(self, id: str, *, who: str, at: float) -> ThresholdAction:
        """Put an action in force at Unix time `at`. Raises BadArgument where that cannot be, and as `change`."""
        return self._decide(lambda actions: applied(actions, id, who=who, at=at), id)

    def undo(self, id: str, *, who: str, at: float) -> ThresholdAction:
        """Undo an action, or turn a proposal down. Raises BadArgument where that cannot be, and as `change`."""
        return self._decide(lambda actions: undone(actions, id, who=who, at=at), id)

    def adopt(self, change: ThresholdChange, *, improvement_id: str, who: str, at: float) -> None:
        """Put the threshold of an improvement in force, once.

        Raises BadArgument where another one is in force than when it was proposed, or where it takes a threshold away,
        and as `change`.
        """
        if change.after is None:
            hint = "guardian thresholds lists all that there are; undo ID takes one away"
            said = "an improvement cannot take a threshold away"
            raise BadArgument(Problem("thresholds-unknown", said, hint=hint, see=SEE))
        scope = Scope(change.detector, change.specialist, change.tenant)
        adoption = Adoption(scope, change.before, change.after, improvement_id)
        try:
            self.change(lambda actions: adopted(actions, adoption, who=who, at=at))
        except Undecidable as error:
            hint = "reject the improvement; a new one follows where there is still reason for it"
            raise BadArgument(
                Problem("thresholds-changed", printable(str(error), 300), hint=hint, see=SEE)
            ) from error

    def release(self, improvement_id: str, *, who: str, at: float) -> None:
        """Undo the threshold that came of an improvement, if one did and is not undone. Raises as `change`."""
        self.change(lambda actions: released(actions, improvement_id, who=who, at=at))

    def holds(self, improvement_id: str) -> bool:
        """Tell whether there is a threshold that came of an improvement and is not undone. Raises as `load`."""
        return holds(self.load() or (), improvement_id)

    def _decide(self, decide: Callable[[Actions], Actions], id: str) -> ThresholdAction:
        try:
            actions = self.change(decide)
        except Undecidable as error:
            hint = "guardian thresholds lists all that there are; a newer proposal takes an older one's place"
            said = printable(str(error), 100)
            raise BadArgument(Problem("thresholds-unknown", said, hint=hint, see=SEE)) from error
        return next(each for each in actions if each.id == id)

    def _decoded(self, content: bytes) -> Actions:
        try:
            actions = msgspec.json.decode(content, type=_Kept).actions
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._damaged(f"is damaged: {printable(str(error), 200)}") from error
        if len({action.id for action in actions}) < len(actions):
            raise self._damaged("is damaged: two actions have the same id")
        return actions

    def _damaged(self, what: str) -> ConfigError:
        hint = "restore it from a backup, or move it away and have thresholds learned anew"
        return ConfigError(Problem("thresholds-unreadable", what, place=str(self.path), hint=hint, see=SEE))
