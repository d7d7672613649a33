"""The moves of the playbook, one file each: when one applies, what it concerns, and for how long.

A planner is pure: it looks at a situation and returns a plan, or `None` where its move would not help or is not safe.
It need not think of undoing: what stands in the overlay is in force, and undone when it stands there no longer.
"""

from collections.abc import Callable, Mapping

from guardian_cluster.domain.action import MoveKind
from guardian_cluster.domain.recovery import PlannedMove
from guardian_cluster.recovery.moves import (
    backup,
    concurrency,
    drain,
    pool,
    reroute,
    restart,
    shed,
    timeouts,
    variant,
)
from guardian_cluster.recovery.situation import Situation

Planner = Callable[[Situation], PlannedMove | None]

PLANNERS: Mapping[MoveKind, Planner] = {
    "drain": drain.plan,
    "reroute": reroute.plan,
    "backup": backup.plan,
    "concurrency": concurrency.plan,
    "variant": variant.plan,
    "timeouts": timeouts.plan,
    "pool": pool.plan,
    "probe": pool.plan_probe,
    "restart": restart.plan,
    "shed": shed.plan,
}
