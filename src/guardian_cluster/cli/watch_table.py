"""How `guardian watch` shows what was found: tables and the text as it would leave; none of it steers a terminal."""

from typing import Literal

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from guardian_cluster.errors import printable
from guardian_cluster.watcher.explaining import Explained, Finding
from guardian_cluster.watcher.planned import Planned
from guardian_cluster.watcher.rehearsal import CHUNK, Streamed
from guardian_cluster.watcher.scored import EVERY, READ, Scored

_SHOWN_FINDINGS = 100
_SHOWN_CHARACTERS = 4_000
"""Of the text that would leave; `--json` has all of it."""

_SHOWN_CELL = 160


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What `guardian watch` prints."""

    policy: str
    """Whose it is, and where it is from."""
    kind: Literal["answer", "input"]
    explained: Explained


def show(watched: Watched) -> None:
    """Print all of it for a person."""
    explained = watched.explained
    what = f"{_KINDS[watched.kind]} of {explained.characters:,} characters"
    click.echo(f"watched as {what}, by the policy of {printable(watched.policy, 200)}\n")
    _show_findings(explained.findings)
    _show_scores(explained.scores)
    if explained.characters > READ:
        click.echo(f"scores are those of the first {READ:,} characters")
    click.echo()
    if explained.streamed is not None:
        _show_streamed(explained.streamed)
        if not explained.streamed.retry_wanted and any(each.action == "retry" for each in explained.findings):
            click.echo(
                "a stream of which something has left is not retried; of a whole answer, another is asked for"
            )
    elif explained.sent is None:
        click.echo("the request is refused: nothing goes to a model")
    else:
        _show_text("goes to the model as:", explained.sent)


_KINDS = {"answer": "an answer", "input": "what goes to a model"}


def safe(text: str) -> str:
    """Return a text that may have several lines as a terminal can show it: whatever else steers one is spelled out."""
    return "".join(part if part in "\n\t" else printable(part, len(part)) for part in text)


def _show_findings(findings: tuple[Finding, ...]) -> None:
    if not findings:
        click.echo("no detector finds anything\n")
        return
    table = _table("detector", "finds", "where", "policy", "what it is")
    for each in findings[:_SHOWN_FINDINGS]:
        place = "at the end" if each.offset is None else f"{each.line}:{each.column} @{each.offset}"
        _add(table, each.detector, each.rule, place, _planned(each), _what(each))
    _print(table)
    if len(findings) > _SHOWN_FINDINGS:
        click.echo(f"and {len(findings) - _SHOWN_FINDINGS:,} more, which --json lists")
    click.echo("where: line:column @offset; what it is: how it begins (and how many characters it has)")
    if not all(each.reached for each in findings):
        click.echo("in brackets: the answer ends before")
    click.echo()


def _planned(finding: Finding) -> str:
    return _word(finding.action) if finding.reached else f"({_word(finding.action)})"


def _word(action: Planned) -> str:
    return "ignored" if action == "ignore" else action


def _what(finding: Finding) -> str:
    if finding.characters is None:
        return finding.note
    vendor = f"{finding.vendor}: " if finding.vendor else ""
    return f"{vendor}{finding.excerpt}… ({finding.characters:,})"


def _show_scores(scores: tuple[Scored, ...]) -> None:
    table = _table("score", "", "policy", "reports from", "how much")
    for each in scores:
        _add(table, each.detector, _value(each), _word(each.action), _from(each), _meaning(each))
    _print(table)
    if not all(each.reports or not each.acted_on for each in scores):
        click.echo("-: no threshold is learned yet, so the score is recorded and reports nothing")


def _value(scored: Scored) -> str:
    return "-" if scored.value is None else f"{scored.value:.2f}"


def _from(scored: Scored) -> str:
    if not scored.acted_on:
        return ""
    known = [
        f"{each.threshold:.2f}" if each.specialist == EVERY else f"{each.threshold:.2f} {each.specialist}"
        for each in scored.reports
    ]
    return ", ".join(known) or "-"


def _meaning(scored: Scored) -> str:
    note = f" ({scored.note})" if scored.note else ""
    return f"{scored.of} {scored.meaning}{note}"


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    table.add_row(*[Text(printable(cell, _SHOWN_CELL)) for cell in cells])


def _print(table: Table) -> None:
    Console(highlight=False).print(table)


def _show_streamed(streamed: Streamed) -> None:
    _show_text("leaves as:", streamed.leaves)
    if streamed.finish_reason == "content_filter":
        click.echo("and ends there, with the finish reason content_filter")
    if streamed.retry_wanted:
        click.echo("another answer is asked for in its place, as long as nothing has left")
    click.echo(
        f"streamed in chunks of {CHUNK} characters: at most {streamed.held_most:,} characters held back, "
        f"{streamed.us_per_chunk:.1f} µs a chunk"
    )


def _show_text(title: str, text: str) -> None:
    """Print a text, each line of it indented, so that none can be taken for what is said of it."""
    click.echo(title)
    for line in safe(text[:_SHOWN_CHARACTERS]).split("\n") if text else ["(nothing)"]:
        click.echo(f"  {line}")
    if len(text) > _SHOWN_CHARACTERS:
        click.echo(f"and {len(text) - _SHOWN_CHARACTERS:,} more characters, which --json has")
