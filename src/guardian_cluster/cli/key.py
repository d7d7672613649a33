"""`guardian key`: make, list and revoke the keys that clients show."""

import json
import math
from pathlib import Path

import click

from guardian_cluster.cli.columns import aligned
from guardian_cluster.cli.moments import moment
from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import Config, find_config, load_sections
from guardian_cluster.configuration.name_checks import NAME_RULE, is_name
from guardian_cluster.configuration.sections import DEFAULT_TENANT
from guardian_cluster.contract.snapshot import ApiKey, Limits, Role
from guardian_cluster.domain.clock import SystemClock
from guardian_cluster.keys import FILE_NAME, KeyFile


def _tenant_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not is_name(name):
        raise click.BadParameter(NAME_RULE)
    return name


def _finite(_context: click.Context, _option: click.Parameter, number: float | None) -> float | None:
    if number is not None and not math.isfinite(number):  # FloatRange lets both through
        raise click.BadParameter("must be a finite number")
    return number


@click.group()
def key() -> None:
    """Make, list and revoke keys."""


@key.command()
@click.option(
    "--tenant",
    default=DEFAULT_TENANT,
    show_default=True,
    callback=_tenant_name,
    help="Whose limits the key shares.",
)
@click.option("--role", type=click.Choice(["client", "admin"]), default="client", show_default=True)
@click.option("--model", "models", multiple=True, metavar="NAME", help="Allow this model alone; repeatable.")
@click.option("--requests-per-minute", type=click.IntRange(min=1), metavar="N")
@click.option("--tokens-per-minute", type=click.IntRange(min=1), metavar="N")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    callback=_finite,
    metavar="USD",
    help="For a month.",
)
@config_option
def new(
    tenant: str,
    role: Role,
    models: tuple[str, ...],
    requests_per_minute: int | None,
    tokens_per_minute: int | None,
    budget: float | None,
    config_path: Path | None,
) -> None:
    """Make a key and print it: once, because only its hash is kept."""
    config = _config(config_path)
    limits = Limits(
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        budget_usd_per_month=budget,
    )
    keys = _key_file(config)
    made = keys.add(created=SystemClock().now(), tenant=tenant, role=role, models=models, limits=limits)
    for note in _doubts(config, tenant, models):
        click.echo(f"note: {note}", err=True)
    click.echo(f"Shown once, so keep it; its hash is in {keys.path}", err=True)
    click.echo(made)


@key.command("list")
@json_option
@config_option
def list_keys(as_json: bool, config_path: Path | None) -> None:
    """List the keys by their public parts."""
    file = _key_file(_config(config_path))
    keys = file.load()
    if as_json:
        click.echo(json.dumps([_facts(each) for each in keys], indent=2))
    elif keys:
        rows = [["ID", "TENANT", "ROLE", "MODELS", "LIMITS", "CREATED", "REVOKED"], *map(_row, keys)]
        click.echo(aligned(rows))
    else:
        click.echo(f"no keys in {file.path}; make one with: guardian key new", err=True)


@key.command()
@click.argument("identity", metavar="ID")
@config_option
def revoke(identity: str, config_path: Path | None) -> None:
    """Revoke the key with this public part, or this whole key."""
    file = _key_file(_config(config_path))
    revoked = file.revoke(identity, at=SystemClock().now())
    click.echo(f"revoked {revoked.id} of tenant {revoked.tenant} ({moment(revoked.revoked)})", err=True)


def _config(path: Path | None) -> Config:
    """Return the configuration as far as keys need it, and note where the rest has problems."""
    config, problems = load_sections(["data"], find_config(path))
    if problems:
        what = "a problem" if problems == 1 else f"{problems:,} problems"
        click.echo(
            f"note: the configuration has {what} that keys do not depend on; see: guardian config check",
            err=True,
        )
    return config


def _key_file(config: Config) -> KeyFile:
    return KeyFile(config.data_folder / FILE_NAME)


def _doubts(config: Config, tenant: str, models: tuple[str, ...]) -> list[str]:
    """Return what may be a mistake but need not be: the file can still be written to fit the key."""
    known = {"auto", *config.alias, *config.enabled_specialists()}
    doubts = [f"there is no specialist or alias {model!r} yet" for model in models if model not in known]
    if tenant not in (DEFAULT_TENANT, *config.tenant):
        doubts.append(f"there is no [tenant.{tenant}] yet, so the tenant has no limits of its own")
    return doubts


def _facts(each: ApiKey) -> dict[str, object]:
    return {
        "id": each.id,
        "tenant": each.tenant,
        "role": each.role,
        "models": list(each.models),
        "requests_per_minute": each.limits.requests_per_minute,
        "tokens_per_minute": each.limits.tokens_per_minute,
        "budget_usd_per_month": each.limits.budget_usd_per_month,
        "created": moment(each.created),
        "revoked": moment(each.revoked) if each.revoked is not None else None,
    }


def _row(each: ApiKey) -> list[str]:
    limits = each.limits
    words = [
        f"{limits.requests_per_minute} requests/min" if limits.requests_per_minute else "",
        f"{limits.tokens_per_minute} tokens/min" if limits.tokens_per_minute else "",
        f"${limits.budget_usd_per_month:g}/month" if limits.budget_usd_per_month else "",
    ]
    limit = ", ".join(filter(None, words)) or "none"
    models = ",".join(each.models) or "all"
    return [each.id, each.tenant, each.role, models, limit, moment(each.created), moment(each.revoked)]
