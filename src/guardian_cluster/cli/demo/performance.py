"""A performance: sets up a demo in its folder, plays its scenes, ends all it started, and sums up the records."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec

from guardian_cluster.cli.demo import installation
from guardian_cluster.cli.demo.client import Client
from guardian_cluster.cli.demo.events import (
    Ingested,
    Model,
    Ready,
    Scene,
    Setting,
    Simulated,
    Summed,
)
from guardian_cluster.cli.demo.models import CAST, PACE, STRONGEST, Models, running_models
from guardian_cluster.cli.demo.processes import ingest, running_gateway
from guardian_cluster.cli.demo.records import read_records, until_recorded, until_taken
from guardian_cluster.cli.demo.scenes import SCENES, Play
from guardian_cluster.cli.demo.stage import Narrator, SceneFailedError, Stage
from guardian_cluster.cli.demo.summary import summarize


async def perform(narrator: Narrator, folder: Path, scenes: Sequence[Play] = SCENES) -> tuple[str, ...]:
    """Play `scenes` in an empty `folder`, and return the names of those in which something did not happen.

    Whatever ends it, cancelling included, nothing it started runs on.

    Raises:
        CommandError: the gateway or the ingestion did not start.
        BrokenPipeError: nobody reads the log any more.
    """
    async with running_models() as models:
        urls = {name: [server.url for server in servers] for name, servers in models.servers.items()}
        installation.write(folder, urls, models.pager)
        _tell_what_is_not_real(narrator, folder)
        done = await ingest(folder)
        narrator.tell(Ingested(documents=done.added, passages=done.passages))
        async with running_gateway(folder) as gateway:
            await until_taken(folder)
            narrator.tell(Ready(url=gateway.url, pid=gateway.pid))
            played = await _play(scenes, Client(gateway.url), models, narrator, folder)
            await until_recorded(folder, played.requests)
    records = await asyncio.to_thread(read_records, folder)
    missing = set(played.requests) - {record.id for record in records}
    summary = summarize(records, STRONGEST.name, STRONGEST.price)
    narrator.tell(Summed(summary=summary, missing=tuple(sorted(missing))))
    return (*played.unmet, *(["records"] if missing else []))


class Played(msgspec.Struct, frozen=True):
    """What came of the scenes."""

    unmet: list[str]
    """The names of those in which something expected did not happen."""
    requests: list[str]
    """The ids of all that were answered."""


async def _play(
    scenes: Sequence[Play], client: Client, models: Models, narrator: Narrator, folder: Path
) -> Played:
    played = Played([], [])
    for number, scene in enumerate(scenes, 1):
        narrator.tell(Scene(number=number, name=scene.name, title=scene.title))
        stage = Stage(scene.name, client, models, narrator, folder)
        try:
            await scene.play(stage)
        except SceneFailedError as error:
            stage.check("the scene can be played to its end", held=False, found=str(error))
        played.requests.extend(stage.requests)
        if not stage.holds:
            played.unmet.append(scene.name)
    return played


def _tell_what_is_not_real(narrator: Narrator, folder: Path) -> None:
    names = " and ".join(cast.name for cast in CAST)
    narrator.tell(Simulated(what="models", how=f"{names} answer from a script, on 127.0.0.1"))
    pace = (
        f"{PACE.first_token_s:g} s to the first word, then {PACE.characters_per_chunk} characters "
        f"every {PACE.between_chunks_s:g} s"
    )
    narrator.tell(Simulated(what="pace", how=pace))
    narrator.tell(Simulated(what="prices", how="invented; nothing is charged"))
    narrator.tell(Simulated(what="pager", how="takes calls as PagerDuty does, on 127.0.0.1; nobody is woken"))
    for cast in CAST:
        narrator.tell(
            Model(
                name=cast.name,
                tier=cast.tier,
                endpoints=cast.servers,
                input_usd=cast.price.input_usd,
                output_usd=cast.price.output_usd,
            )
        )
    for key, value, default in installation.settings(folder):
        narrator.tell(Setting(key=key, value=value, default=default))
