"""`guardian explain`: who would answer a question, and why; nobody is asked."""

import asyncio
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.cluster import LLMGuardianCluster
from guardian_cluster.config import find_config, load_config
from guardian_cluster.contract.snapshot import Base, Snapshot
from guardian_cluster.contract.snapshot_file import read_snapshot
from guardian_cluster.domain.errors import GuardianError
from guardian_cluster.domain.request import UserRequest
from guardian_cluster.errors import BadArgument, CheckFailed, Problem, printable
from guardian_cluster.request.explanation import ExplainedAssignment, Explanation
from guardian_cluster.request.explanation import explain as explain_routing


@click.command()
@click.argument("question")
@click.option("--model", default="auto", show_default=True, help="The name to ask for.")
@click.option("--tenant", default="default", show_default=True, help="Whose request it is.")
@json_option
@config_option
def explain(question: str, model: str, tenant: str, as_json: bool, config_path: Path | None) -> None:
    """Say who would answer QUESTION, and why. Nobody is asked, and no gateway needs to run."""
    config = load_config(find_config(config_path))
    snapshot = _snapshot(config.data_folder) or Snapshot(rev=0, base=Base(specialists=()))
    # What the gateway has learned is what it serves, not what is on offer to it.
    deployed = snapshot.base
    base = config.base(router_model=deployed.router_model, router_salt=deployed.router_salt)
    if tenant not in {each.name for each in base.tenants}:
        known = ", ".join(sorted(each.name for each in base.tenants))
        hint = f"there are: {known}"
        message = f"there is no tenant {printable(tenant)}"
        raise BadArgument(Problem("unknown-tenant", message, hint=hint, see="guardian explain --help"))
    messages = [{"role": "user", "content": question}]
    try:
        request = UserRequest(body={"model": model, "messages": messages}, tenant=tenant)
        served = Snapshot(rev=1, base=base, overlay=snapshot.overlay)
        found = asyncio.run(_explained(served, request, config.data_folder))
    except GuardianError as error:
        raise CheckFailed([Problem(error.code, error.message, see="guardian config show")]) from error
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        _show(found)


async def _explained(snapshot: Snapshot, request: UserRequest, folder: Path) -> Explanation:
    async with LLMGuardianCluster(snapshot, folder=folder) as cluster:
        return await explain_routing(cluster.request_router, request)


def _snapshot(folder: Path) -> Snapshot | None:
    """Return what is deployed, if anything is: its salt is the one that the router learned under."""
    try:
        return read_snapshot(folder)
    except (OSError, ValueError):
        return None


def _show(found: Explanation) -> None:
    console = Console(highlight=False)
    if found.complexity is not None:
        wants = ", ".join(found.requirements) or "nothing in particular"
        console.print(f"complexity {found.complexity:.2f}; asks for {wants}", markup=False)
    if found.max_cost_usd is not None:
        console.print(f"may cost {found.max_cost_usd:g} USD", markup=False)
    for number, assignment in enumerate(found.assignments, 1):
        if assignment.text is not None:
            console.print()
            console.print(Text(f"part {number}: {printable(assignment.text, 200)}", style="bold"))
        _show_assignment(console, assignment)


def _show_assignment(console: Console, assignment: ExplainedAssignment) -> None:
    console.print(f"answered by {assignment.specialist}: {assignment.reason}", markup=False)
    if assignment.then:
        console.print(f"if it fails: {', '.join(assignment.then)}", markup=False)
    if assignment.routing is None or not assignment.routing.candidates:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("specialist", "right", "of that learned", "cost in USD", "seconds", "chosen in"):
        table.add_column(name, justify="left" if name == "specialist" else "right")
    for each in assignment.routing.candidates:
        table.add_row(
            each.specialist,
            f"{each.success:.1%}",
            f"{each.trust:.0%}",
            f"{each.cost_usd:.6f}",
            f"{each.latency_s:.2f}",
            f"{each.probability:.1%}",
        )
    console.print(table)
