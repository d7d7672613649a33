"""`guardian ingest`: put documents into memory, list them, and forget them."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardian_cluster.cli.moments import moment
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import find_config, load_sections
from guardian_cluster.configuration.name_checks import NAME_RULE, is_name
from guardian_cluster.configuration.sections import DEFAULT_TENANT
from guardian_cluster.documents.block import Unreadable, Wordless
from guardian_cluster.documents.finding import MOST_FILES, Found, find_files
from guardian_cluster.documents.reading import origin_of, read_document
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.errors import EXIT_CHECK_FAILED, EXIT_OK, BadArgument, CannotCreate, Problem, printable
from guardian_cluster.storage.memory_store import location_of
from guardian_cluster.storage.memory_values import FILE_NAME, MemoryUnavailable

if TYPE_CHECKING:
    from guardian_cluster.storage.memory_database import Engine


def _tenant_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not is_name(name):
        raise click.BadParameter(NAME_RULE)
    return name


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--tenant",
    default=DEFAULT_TENANT,
    show_default=True,
    callback=_tenant_name,
    help="Whose documents they are.",
)
@click.option("--prune", is_flag=True, help="Also forget what was in these folders and is not any more.")
@click.option("--list", "listing", is_flag=True, help="List the tenant's documents.")
@click.option(
    "--forget", "forgotten", multiple=True, metavar="NAME", help="Forget this document; repeatable."
)
@click.option(
    "--data", "data_folder", type=click.Path(path_type=Path), metavar="FOLDER", help="Use memory.db in this."
)
@click.option("--memory", "address", metavar="URL", help="Use this PostgreSQL: postgresql://user@host/name.")
@json_option
@config_option
def ingest(
    paths: tuple[Path, ...],
    tenant: str,
    prune: bool,
    listing: bool,
    forgotten: tuple[str, ...],
    data_folder: Path | None,
    address: str | None,
    as_json: bool,
    config_path: Path | None,
) -> int:
    """Put files and folders into memory, from which the specialist `recall` answers.

    A file that was read before is replaced where it has changed. One that cannot be read is named and passed over; the
    exit status is then 3.
    """
    _check_arguments(paths, listing=listing, prune=prune, forgotten=forgotten)
    with _memory(_location(data_folder, address, config_path)) as engine:
        if listing:
            return _list(engine, tenant, as_json=as_json)
        if forgotten:
            return _forget(engine, tenant, forgotten)
        result = _ingest(engine, tenant, paths, prune=prune)
    click.echo(json.dumps(asdict(result), indent=2) if as_json else result.summary())
    return EXIT_CHECK_FAILED if result.failed else EXIT_OK


@dataclass(slots=True)
class Result:
    """What became of the files; names as memory has them, paths where there is none."""

    added: list[str] = field(default_factory=list[str])
    """New, or replaced because they had changed."""
    unchanged: int = 0
    pruned: list[str] = field(default_factory=list[str])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    """Path -> why; nothing is wrong with them."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Path -> why; they should have been read."""
    passages: int = 0

    def summary(self) -> str:
        """Return a line for a person."""
        parts = [
            f"{len(self.added):,} ingested ({self.passages:,} passages)",
            f"{self.unchanged:,} unchanged",
        ]
        others = {"pruned": self.pruned, "passed over": self.skipped, "failed": self.failed}
        return ", ".join([*parts, *(f"{len(value):,} {name}" for name, value in others.items() if value)])


def _check_arguments(
    paths: tuple[Path, ...], *, listing: bool, prune: bool, forgotten: tuple[str, ...]
) -> None:
    if sum(map(bool, (paths, listing, forgotten))) != 1:
        raise click.UsageError("Give paths to read, or --list, or --forget NAME.")
    if prune and not paths:
        raise click.UsageError("--prune goes with the folders that were read.")
    for path in paths:
        # An absent folder is more often one that is not mounted than one whose documents shall be forgotten.
        if not os.path.lexists(path):
            hint = "to forget documents: guardian ingest --forget NAME"
            message = f"there is no {printable(str(path), 200)}"
            raise BadArgument(Problem("ingest-no-path", message, hint=hint, see="guardian ingest --help"))


def _location(data_folder: Path | None, address: str | None, config_path: Path | None) -> Path | str:
    """Return where memory is: as the options say, else as the gateway's configuration does."""
    if data_folder is not None:
        return data_folder / FILE_NAME
    if address is not None:
        return address
    # Documents put into another memory than the gateway's would be lost to it; the rest of the file is not needed.
    config, _ = load_sections(["data", "memory"], find_config(config_path))
    location = location_of(config.memory, config.data_folder)
    assert location is not None  # there is a folder
    return location


@contextmanager
def _memory(location: Path | str) -> "Generator[Engine]":
    from guardian_cluster.storage.memory_database import open_memory

    engine = open_memory(location)
    try:
        yield engine
    except MemoryUnavailable as error:
        hint = "what was ingested before stays; run the command again"
        raise CannotCreate(
            Problem("memory-failed", str(error), hint=hint, see="docs/design/memory.md")
        ) from None
    finally:
        engine.dispose()


def _ingest(engine: "Engine", tenant: str, paths: tuple[Path, ...], *, prune: bool) -> Result:
    from guardian_cluster.storage.documents import prune_documents
    from guardian_cluster.storage.memory_database import transaction

    result = Result()
    present: set[str] = set()
    for found in find_files(paths):
        if len(present) == MOST_FILES:
            message = f"there are more than {MOST_FILES:,} files; name smaller folders"
            raise BadArgument(Problem("ingest-too-many", message, see="guardian ingest --help"))
        present.add(origin_of(found.path))
        _take(engine, tenant, found, result)
    folders = [origin_of(path) for path in paths if path.is_dir()]
    if prune and folders:
        with transaction(engine, writes=True) as connection:
            result.pruned = prune_documents(connection, tenant, folders, present)
    return result


def _take(engine: "Engine", tenant: str, found: Found, result: Result) -> None:
    """Read one file and keep it, in a transaction of its own: others need not wait, nor be read again."""
    from guardian_cluster.storage.documents import digest_of, put_document
    from guardian_cluster.storage.memory_database import transaction

    if found.format is None:
        return _pass_over(found, found.reason, result, failed=found.named)
    with transaction(engine, writes=False) as connection:
        known = digest_of(connection, tenant, origin_of(found.path))
    try:
        document = read_document(found.path, found.format, known=known)
    except Unreadable as error:
        return _pass_over(found, str(error), result, failed=found.named or not isinstance(error, Wordless))
    if document is None:
        result.unchanged += 1
        return None
    with transaction(engine, writes=True) as connection:
        result.added.append(put_document(connection, tenant, document, now=SystemClock().now()))
    result.passages += len(document.passages)
    return None


def _pass_over(found: Found, reason: str, result: Result, *, failed: bool) -> None:
    path = printable(str(found.path), 300)
    (result.failed if failed else result.skipped)[path] = reason
    click.echo(f"{'error' if failed else 'note'}: {path} {reason}", err=True)


def _list(engine: "Engine", tenant: str, *, as_json: bool) -> int:
    from guardian_cluster.storage.documents import list_documents
    from guardian_cluster.storage.memory_database import transaction

    with transaction(engine, writes=False) as connection:
        documents = list_documents(connection, tenant)
    if as_json:
        click.echo(json.dumps([_facts(asdict(each)) for each in documents], indent=2))
    elif not documents:
        click.echo(f"tenant {tenant} has no documents; add some with: guardian ingest PATH", err=True)
    for each in () if as_json else documents:
        click.echo(f"{moment(each.ingested)}  {each.passages:6,} passages  {each.name}  ({each.origin})")
    return EXIT_OK


def _forget(engine: "Engine", tenant: str, names: tuple[str, ...]) -> int:
    from guardian_cluster.storage.documents import forget_document
    from guardian_cluster.storage.memory_database import transaction

    for name in names:
        with transaction(engine, writes=True) as connection:
            if not forget_document(connection, tenant, name):
                message = f"tenant {tenant} has no document {printable(name, 200)}"
                raise BadArgument(Problem("ingest-unknown", message, see="guardian ingest --list"))
        click.echo(f"forgot {printable(name, 200)}", err=True)
    return EXIT_OK


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "modified": moment(values["modified"]), "ingested": moment(values["ingested"])}
