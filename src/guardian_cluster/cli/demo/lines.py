"""The log for machines: one JSON object a line, in the order in which things happen."""

import click
import msgspec

from guardian_cluster.cli.demo.events import Event


class LineLog:
    """Writes each event as a line on standard output."""

    def tell(self, event: Event) -> None:
        """See `Log.tell`."""
        click.echo(msgspec.json.encode(event))
