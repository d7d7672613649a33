"""What `guardian improvement` and `guardian safety` share: the state of a data folder, open for one decision."""

import asyncio
import getpass
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

import click
import msgspec

from guardian_cluster.config import find_config, load_sections
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.improvement import Change, Concern, QueuedImprovement
from guardian_cluster.errors import printable
from guardian_cluster.improvement.decisions import Decisions
from guardian_cluster.improvement.describing import described
from guardian_cluster.improvement.memory_store import MemoryImprovements
from guardian_cluster.improvement.ports import ImprovementStore
from guardian_cluster.thresholds import ThresholdFile

_Result = TypeVar("_Result")

TIME_S = 30.0
"""For all of one command: a decision takes some 20 ms, and waits 5 s for another process's transaction."""

_SHOWN = 60
"""Characters of a value in a table; the whole is in what `show` and --json print."""

_SURROGATES = re.compile("[\ud800-\udfff]")


class Deciding(NamedTuple):
    """What one command works on."""

    store: ImprovementStore
    decisions: Decisions
    folder: Path


def with_state(config_path: Path | None, work: Callable[[Deciding], Awaitable[_Result]]) -> _Result:
    """Do something with the state of the configured data folder, whether a gateway runs on it or not.

    Where nothing was ever proposed, no file is made. Raises CommandError.
    """
    config, _ = load_sections(["data"], find_config(config_path))
    return asyncio.run(_with_state(config.data_folder, work))


async def _with_state(folder: Path, work: Callable[[Deciding], Awaitable[_Result]]) -> _Result:
    from guardian_cluster.storage.state import StateStore
    from guardian_cluster.storage.state_database import FILE_NAME

    clock = SystemClock()
    async with AsyncExitStack() as resources, asyncio.timeout(TIME_S):
        store: ImprovementStore = MemoryImprovements()
        if (folder / FILE_NAME).exists():
            kept = await asyncio.to_thread(StateStore.open, folder / FILE_NAME, clock)
            resources.push_async_callback(kept.close)
            store = kept
        decisions = Decisions(store, ThresholdFile(folder), clock)
        return await work(Deciding(store, decisions, folder))


def me() -> str:
    """Return the name of the person at the terminal."""
    try:
        return keepable(getpass.getuser())
    except (KeyError, OSError, ImportError):
        return "somebody"


def keepable(text: str) -> str:
    """Return a text without what was no UTF-8 at the command line: Python hands that on as surrogates.

    No state can keep those. The type of arguments and options with words.
    """
    return _SURROGATES.sub("\ufffd", text)


id_argument = click.argument("identity", metavar="ID", type=keepable)
specialist_option = click.option(
    "--specialist", type=keepable, default="", metavar="NAME", help="Those of this specialist alone."
)


def say(item: QueuedImprovement, line: str, *, as_json: bool) -> None:
    """Say what became of an improvement: as JSON where that was asked for, else in one line beside the output."""
    if as_json:
        print_json(item)
    else:
        click.echo(line, err=True)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print what is known of one thing: on each line a name, and a text that is made printable."""
    click.echo("\n".join(f"{name:12} {printable(text, 4_000)}" for name, text in facts))


def print_json(value: object) -> None:
    """Print a value of `domain` as JSON, in which what a terminal would obey is escaped."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    click.echo("".join(sign if sign.isprintable() or sign == "\n" else _escaped(sign) for sign in text))


def _escaped(sign: str) -> str:
    """Return a sign as JSON escapes it: one above U+FFFF as a pair."""
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def shown(change: Change) -> str:
    """Return a change in words, safe to print."""
    subject, before, after = (printable(each, 120) for each in described(change))
    return f"{subject} from {before} to {after}"


def cells(change: Change) -> list[str]:
    """Return a change as cells of a table: what, before, after."""
    return [printable(each, _SHOWN) for each in described(change)]


def concerns(found: Sequence[Concern]) -> str:
    """Return what is held against an improvement, on one line."""
    return "; ".join(f"{each.rule}: {printable(each.said, 200)}" for each in found)


def said_of(item: QueuedImprovement, what: str) -> str:
    """Return a line about a decision that was made."""
    return f"{what} {item.improvement.id}: {shown(item.improvement.change)}"
