"""The arm with guardians: what is run beside the cluster, and what it knows from before."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from benchmarks.recovery_world.done import Done
from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.own_guardians import OwnGuardians


@asynccontextmanager
async def guarded(cluster: LLMGuardianCluster, done: Done, known: Path) -> AsyncGenerator[None]:
    """Have guardians and recovery look after a cluster while this is open, and note what they did.

    `known` is the folder in which others have kept what they learned while all was well; it stays as it is.
    """
    with TemporaryDirectory(prefix="guardian-recovery-") as folder:
        copytree(known, folder, dirs_exist_ok=True)
        async with _looked_after(cluster, done, Path(folder)):
            yield


@asynccontextmanager
async def _looked_after(cluster: LLMGuardianCluster, done: Done, folder: Path) -> AsyncGenerator[None]:
    async with cluster.guardians(folder) as guardians:
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
