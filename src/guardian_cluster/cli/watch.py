"""`guardian watch`: what each detector says of a text, what the policy would do, and what would leave."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.cli.watch_table import Watched, show
from guardian_cluster.cli.watched_text import read_text, text_of
from guardian_cluster.config import Config, find_config, load_sections
from guardian_cluster.contract.snapshot import DetectorThreshold, WatchPolicy
from guardian_cluster.contract.snapshot_file import read_snapshot
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.domain.request import ChatRequest, JsonSchema, Message, ResponseFormat
from guardian_cluster.errors import EXIT_OK, BadArgument, Problem, printable
from guardian_cluster.watcher.explaining import Explained, explain_answer, explain_input
from guardian_cluster.watcher.schema import MAX_SCHEMA_BYTES

EXIT_FOUND = 1
"""The policy does something about the text, so `guardian watch FILE && publish FILE` publishes what is clean."""

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("text", metavar="TEXT|FILE|-")
@click.option("--text", "is_text", is_flag=True, help="Take the argument as text, whatever files there are.")
@click.option("--input", "is_input", is_flag=True, help="Watch it as what goes to a model, not as an answer.")
@click.option("--tenant", default="default", show_default=True, help="Whose policy it is watched by.")
@click.option("--system", type=_FILE, metavar="FILE", help="The system prompt, which must not leak.")
@click.option(
    "--context", "documents", type=_FILE, multiple=True, metavar="FILE", help="A document it is to rest on."
)
@click.option("--schema", type=_FILE, metavar="FILE", help="The JSON schema that it is to follow.")
@click.option("--expect-json", is_flag=True, help="It is to be JSON, of whatever schema.")
@json_option
@config_option
def watch(
    text: str,
    is_text: bool,
    is_input: bool,
    tenant: str,
    system: Path | None,
    documents: tuple[Path, ...],
    schema: Path | None,
    expect_json: bool,
    as_json: bool,
    config_path: Path | None,
) -> int:
    """Say what each detector finds in a text, what the policy does about it, and what would leave.

    The text is the argument itself, a file's, or with - what stands on standard input; put -- before one that begins
    with a dash. Detectors that the policy ignores are run too. Of what is found four characters at most are shown, but
    the text that would leave is shown as it would.

    The exit status is 0 where the policy does nothing but note, 1 where it acts, 2 where the command is wrong.
    """
    if is_input and (system or documents or schema or expect_json):
        raise click.UsageError("--input goes without --system, --context, --schema and --expect-json.")
    place = _place(config_path, tenant)
    content = text_of(text, is_text=is_text)
    if is_input:
        explained = _explained_input(place, content)
    else:
        request = _request(system, documents, _form(schema, expect_json=expect_json))
        explained = explain_answer(place.policy, request, content, time.process_time, place.thresholds)
    found = Watched(policy=place.named, kind="input" if is_input else "answer", explained=explained)
    if as_json:
        # In ASCII: what a text hides from its reader must not reach the terminal this way either.
        click.echo(json.dumps({"acts": explained.acts, **msgspec.to_builtins(found)}, indent=2))
    else:
        show(found)
    return EXIT_FOUND if explained.acts else EXIT_OK


class _Place(msgspec.Struct, frozen=True):
    """Where a text is watched: by which policy, and with what was learned there."""

    named: str
    policy: WatchPolicy
    thresholds: Sequence[DetectorThreshold]


def _place(config_path: Path | None, tenant: str) -> _Place:
    path = find_config(config_path)
    config, _ = load_sections(["data", "watch", "tenant"], path)
    policy, source = _policy(config, tenant), path or "no guardian.toml, so the defaults"
    return _Place(f"tenant {tenant} ({source})", policy, _thresholds(config.data_folder, tenant))


def _explained_input(place: _Place, text: str) -> Explained:
    rng = random.SystemRandom()
    return asyncio.run(explain_input(place.policy, text, SystemClock(), rng, place.thresholds))


def _policy(config: Config, tenant: str) -> WatchPolicy:
    base = config.base()
    found = next((each for each in base.tenants if each.name == tenant), None)
    if found is None:
        known = ", ".join(sorted(each.name for each in base.tenants))
        message = f"there is no tenant {printable(tenant)}"
        raise BadArgument(
            Problem("unknown-tenant", message, hint=f"there are: {known}", see="guardian watch --help")
        )
    return base.watch if found.watch is None else found.watch


def _thresholds(folder: Path, tenant: str) -> Sequence[DetectorThreshold]:
    """Return what was learned from the tenant's traffic, if there is a snapshot to tell."""
    try:
        snapshot = read_snapshot(folder)
    except (OSError, ValueError):
        return ()
    return [each for each in snapshot.overlay.thresholds if each.tenant in (tenant, "")] if snapshot else ()


def _request(system: Path | None, documents: Sequence[Path], form: ResponseFormat | None) -> ChatRequest:
    """Return the request that the text is taken to answer."""
    prompt = [Message(role="system", content=read_text(system))] if system is not None else []
    given = [Message(role="tool", content=read_text(document)) for document in documents]
    return ChatRequest(model="watched", messages=[*prompt, *given], stream=True, response_format=form)


def _form(path: Path | None, *, expect_json: bool) -> ResponseFormat | None:
    if path is None:
        return ResponseFormat(type="json_object") if expect_json else None
    content, named = read_text(path), printable(str(path), 200)
    if len(content.encode()) > MAX_SCHEMA_BYTES:
        hint = "a gateway does not check larger ones"
        raise _bad_schema(f"the schema {named} has more than {MAX_SCHEMA_BYTES:,} bytes", hint)
    try:
        schema: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _bad_schema(f"the schema {named} is not JSON", printable(str(error), 200)) from None
    if not isinstance(schema, (dict, bool)):
        raise _bad_schema(f"the schema {named} is no JSON schema", "one is an object, true or false")
    return ResponseFormat(
        type="json_schema", json_schema=JsonSchema(schema=cast("dict[str, Any] | bool", schema))
    )


def _bad_schema(message: str, hint: str) -> BadArgument:
    return BadArgument(Problem("watch-bad-schema", message, hint=hint, see="guardian watch --help"))
