"""The arm with guardians: what is run beside the cluster."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from benchmarks.recovery_world.done import Done
from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.own_guardians import OwnGuardians


@asynccontextmanager
async def guarded(cluster: LLMGuardianCluster, done: Done) -> AsyncGenerator[None]:
    """Have guardians and recovery look after a cluster while this is open, and note what they did."""
    async with cluster.guardians() as guardians:
        yield
        await _note(guardians, done)
        done.in_force = frozenset(each.id for each in cluster.snapshot.overlay.moves)


async def _note(guardians: OwnGuardians, done: Done) -> None:
    done.incidents = await guardians.incidents()
    done.actions = await guardians.actions()
    done.deliveries = await guardians.deliveries()
    events = [id for incident in done.incidents for id in incident.event_ids]
    found = [await guardians.recovered(id) for id in events]
    done.results = [each for each in found if each is not None]
    for result in done.results:
        done.notes.append(
            f"{result.failure_event_id}: {result.recovery_strategy.type} {result.recovery_strategy.cause} "
            f"{[plan.kind for plan in result.recovery_strategy.plans]} {result.validation_result.state} "
            f"{result.recovery_duration:.1f} s, {result.recovery_strategy.why}"
        )
