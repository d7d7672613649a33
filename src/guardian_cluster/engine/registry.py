"""Which workflows and schedules an engine knows, and what may be asked of it about them."""

import secrets
from typing import Any

from guardian_cluster.engine import codec
from guardian_cluster.engine.engine import MAX_RUN_S, Workflow
from guardian_cluster.engine.ticking import Schedule, checked

_MOST_WAITED = 4
"""Runs before it that one which is waited for may have to wait for, each as long as it may take."""

_MAX_ID = 200


def run_id(now: float) -> str:
    """Return an id for a run that is enqueued at a Unix time: unique, and sorted by time."""
    return f"run_{int(now * 1e6):013x}{secrets.token_hex(6)}"


def checked_id(id: str) -> str:
    """Return an id that a run may have. Raises ValueError."""
    if not 0 < len(id) <= _MAX_ID or not id.isprintable() or id.isspace():
        raise ValueError(f"{id[:_MAX_ID]!r} is no id of a run: 1 to {_MAX_ID} printable characters")
    return id


class Registry:
    """The workflows and schedules of one engine."""

    def __init__(self) -> None:
        self._workflows: dict[str, Workflow[Any, Any]] = {}
        self.schedules: list[Schedule] = []

    @property
    def workflows(self) -> tuple[Workflow[Any, Any], ...]:
        """All of them."""
        return tuple(self._workflows.values())

    def register(self, workflow: Workflow[Any, Any]) -> None:
        """Make a workflow known. Raises ValueError for a name that is known, or limits that cannot be."""
        if not workflow.name or workflow.name.startswith("_"):
            raise ValueError(f"{workflow.name!r} is no name for a workflow")
        if workflow.name in self._workflows:
            raise ValueError(f"there is a workflow {workflow.name} already")
        if not 0 < workflow.limit_s <= MAX_RUN_S or workflow.at_once < 1:
            message = f"a run has at most {MAX_RUN_S:g} s, and at least one may run at a time"
            raise ValueError(f"workflow {workflow.name}: {message}")
        self._workflows[workflow.name] = workflow

    def schedule(self, workflow: str, argument: Any, *, every_s: float, name: str) -> None:
        """Make a schedule known. Raises KeyError for an unknown workflow, and ValueError."""
        given = self.argument(workflow, argument)
        if any(each.name == name for each in self.schedules):
            raise ValueError(f"there is a schedule {name} already")
        self.schedules.append(
            checked(Schedule(name=name, workflow=workflow, argument=given, every_s=every_s))
        )

    def workflow(self, name: str) -> Workflow[Any, Any]:
        """Return a workflow. Raises KeyError."""
        return self._workflows[name]

    def result(self, name: str, value: Any) -> Any:
        """Return a run's plain result as its workflow's type, or as it is where that is unknown here."""
        known = self._workflows.get(name)
        return value if known is None else codec.typed(value, known.result)

    def argument(self, workflow: str, argument: Any) -> Any:
        """Return an argument as JSON holds it. Raises KeyError, and ValueError for another type."""
        return codec.plain(argument, self._workflows[workflow].argument)

    def patience_s(self, workflow: str) -> float:
        """Return how long a run of it is waited for: others may be before it."""
        return self._workflows[workflow].limit_s * _MOST_WAITED
