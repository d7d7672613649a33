"""What a demo installs in its folder: guardian.toml and a handbook, and what of it is not as by default."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from guardian_cluster.cli.demo.models import CAST, STRONGEST, Cast
from guardian_cluster.config import read_config
from guardian_cluster.configuration.showing import DEFAULT, shown_values
from guardian_cluster.simulation.alerting import PagerDutyServer

CONFIG_NAME = "guardian.toml"
HANDBOOK_NAME = "handbook.md"
DATA_NAME = "data"

SECRET = "Bluebird-7"
CANARY = "canary-5f1c9a02"

HANDBOOK = """# Handbook

## Parental leave

Parents have 16 weeks of paid parental leave. It may be taken in two parts within the first two years.

## Travel

Trips are booked by the office. Trains are preferred for journeys of less than six hours.

## Coffee

The coffee machine is cleaned on Fridays by whoever drank from it last.
"""

_HEAD = f"""# Written by guardian demo. The models it names answer from a script, and only while the demo runs.
[gateway]
listen = "127.0.0.1:0"
limits = {{ drain_s = 2 }}

[data]
folder = "{DATA_NAME}"

[routing]
explore = 0

[balancing]
affinity = false

[guardians]
cycle_s = 10

[recovery.backup]
{STRONGEST.name} = ["{CAST[0].name}"]

[recovery.playbook]
refusal_spike = ["drain", "variant", "backup", "page"]

[[watch.deny]]
name = "product-name"
text = "{SECRET}"
action = "redact"

[watch]
canaries = ["{CANARY}"]
on_canary = "cut"
on_schema_violation = "observe"
"""

_TIMEOUTS = "{ connect_s = 1, first_token_s = 5, between_chunks_s = 5, total_s = 15 }"


def write(folder: Path, urls: Mapping[str, Sequence[str]], pager: PagerDutyServer) -> None:
    """Write the configuration of models at `urls` and of who calls people, and the handbook. Raises OSError."""
    parts = [_HEAD, _sink(pager), *(_specialist(cast, urls[cast.name]) for cast in CAST)]
    (folder / CONFIG_NAME).write_text("\n".join(parts), encoding="utf-8")
    (folder / HANDBOOK_NAME).write_text(HANDBOOK, encoding="utf-8")


def settings(folder: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield every key that the configuration sets, its value, and its default where there is one."""
    defaults = {each.key: _value(str(each)) for each in shown_values(read_config(environment={}))}
    for each in shown_values(read_config(folder / CONFIG_NAME, environment={})):
        if each.source != DEFAULT:
            yield each.key, _value(str(each)), defaults.get(_of_any_specialist(each.key))


def _sink(pager: PagerDutyServer) -> str:
    lines = (
        "[alerts.sinks.oncall]",
        'kind = "pagerduty"',
        f'url = "{pager.url}"',
        f'key = "{pager.routing_key}"',
    )
    return "\n".join([*lines, ""])


def _specialist(cast: Cast, urls: Sequence[str]) -> str:
    endpoints = ", ".join(f'{{ url = "{url}" }}' for url in urls)
    lines = [
        f"[specialist.{cast.name}]",
        f'model = "{cast.model}"',
        f"tier = {cast.tier}",
        f"price = {{ input_usd = {cast.price.input_usd}, output_usd = {cast.price.output_usd} }}",
        f"timeouts = {_TIMEOUTS}",
        f"endpoint = [{endpoints}]",
    ]
    return "\n".join([*lines, ""])


def _value(shown: str) -> str:
    return shown.partition(" = ")[2]


def _of_any_specialist(key: str) -> str:
    """Return the key under which the default of a specialist's setting is found: the built-in ones have them all."""
    parts = key.split(".")
    return ".".join(["specialist", "solver", *parts[2:]]) if parts[0] == "specialist" else key
