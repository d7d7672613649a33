"""`guardian config`: check guardian.toml, show what is in force and why, print the schema for editors."""

import json
from pathlib import Path

import click

from guardian_cluster.cli.options import config_option, json_option
from guardian_cluster.config import Config, check_listen_address, find_config, load_config, read_config
from guardian_cluster.errors import CheckFailed, ConfigError
from guardian_cluster.keys import FILE_NAME, KeyFile


@click.group()
def config() -> None:
    """Check and show guardian.toml."""


@config.command()
@config_option
def check(config_path: Path | None) -> None:
    """Report everything that is wrong with guardian.toml, or say ok."""
    path = find_config(config_path)
    try:
        found = load_config(path)
        check_listen_address(found, KeyFile(found.data_folder / FILE_NAME).load())
    except ConfigError as error:
        raise CheckFailed(error.problems, error.unlisted) from error
    click.echo(f"ok: {path or 'no guardian.toml, so the defaults'}\n{_summary(found)}")


@config.command()
@json_option
@config_option
def show(as_json: bool, config_path: Path | None) -> None:
    """Print each value in force and where it comes from; secrets are masked."""
    from guardian_cluster.configuration.showing import shown_values

    values = shown_values(read_config(find_config(config_path)))
    if as_json:
        facts = [{"key": each.key, "value": each.plain, "source": each.source} for each in values]
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = min(max(len(str(each)) for each in values), 60)
    for each in values:
        click.echo(f"{each!s:{width}}  # {each.source}")


@config.command()
def schema() -> None:
    """Print the JSON schema of guardian.toml."""
    from guardian_cluster.configuration.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _summary(found: Config) -> str:
    specialists = ", ".join(sorted(found.enabled_specialists()))
    return (
        f"  specialists: {specialists}\n"
        f"  aliases: {len(found.alias)}, tenants: {len(found.tenant)}\n"
        f"  listens on: {found.gateway.listen}\n"
        f"  data folder: {found.data_folder}"
    )
