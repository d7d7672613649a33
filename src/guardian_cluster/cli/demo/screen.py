"""The log for people: a line or two for each event, in colour where there is a terminal that wants it."""

from collections import Counter
from functools import singledispatchmethod

from rich.console import Console
from rich.table import Table
from rich.text import Text

from guardian_cluster.cli.demo.condensed import condensed
from guardian_cluster.cli.demo.events import (
    Answered,
    Asked,
    Checked,
    Done,
    Ended,
    Event,
    Found,
    Ingested,
    Model,
    Ready,
    Reasoned,
    Said,
    Scene,
    Setting,
    Simulated,
    Started,
    Summed,
)
from guardian_cluster.cli.demo.summary import Summary
from guardian_cluster.errors import printable

LABEL_WIDTH = 13
LEAST_WIDTH = 20

MOST_CHARACTERS = 600
"""Of what a model says; JSON has all of it."""


class _Console(Console):
    """A console whose reader may leave."""

    def on_broken_pipe(self) -> None:
        """Let whoever tells find out, instead of ending the process here."""
        raise BrokenPipeError


class ScreenLog:
    """Prints events on standard output."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _Console(highlight=False)
        self._settings: list[Setting] = []

    def tell(self, event: Event) -> None:
        """See `Log.tell`; events that people need not see are passed over."""
        if self._settings and not isinstance(event, Setting):
            for label, text in condensed(self._settings):
                self._line(label, text)
            self._settings.clear()
        self._show(event)

    @singledispatchmethod
    def _show(self, event: Event) -> None:
        """Show nothing of what has no form below."""

    @_show.register
    def _started(self, event: Started) -> None:
        self._console.print(Text("guardian demo", style="bold"))
        self._line("real", "gateway, processes, HTTP, records; no key, and no network beyond this machine")
        self._line("folder", f"{event.folder}, {'kept' if event.kept else 'removed at the end'}")

    @_show.register
    def _simulated(self, event: Simulated) -> None:
        self._line("simulated", f"{event.what}: {event.how}")

    @_show.register
    def _model(self, event: Model) -> None:
        price = f"{event.input_usd:g} / {event.output_usd:g} USD for a million tokens in / out"
        self._line(
            "model", f"{event.name}: tier {event.tier}, {_count(event.endpoints, 'endpoint')}, {price}"
        )

    @_show.register
    def _setting(self, event: Setting) -> None:
        self._settings.append(event)

    @_show.register
    def _ingested(self, event: Ingested) -> None:
        self._line(
            "ingested", f"{', '.join(event.documents)}, {_count(event.passages, 'passage')}, for recall"
        )

    @_show.register
    def _ready(self, event: Ready) -> None:
        self._line("running", f"supervisor (process {event.pid}), gateway, control process on {event.url}")

    @_show.register
    def _scene(self, event: Scene) -> None:
        self._console.print()
        self._console.rule(Text(f"{event.number}  {event.title}", style="bold"), align="left", characters="-")

    @_show.register
    def _asked(self, event: Asked) -> None:
        how = ["as a stream"] if event.streamed else []
        how += [f"session {event.session}"] if event.session else []
        more = f" ({', '.join(how)})" if how else ""
        self._line("ask", f"{event.model}{more}: {event.question}", "cyan")

    @_show.register
    def _done(self, event: Done) -> None:
        self._line("note", event.what, "yellow")

    @_show.register
    def _said(self, event: Said) -> None:
        self._line(
            "model says", f"{event.model}: {_shortened(event.text) or '(it was not asked)'}", "magenta"
        )

    @_show.register
    def _answered(self, event: Answered) -> None:
        ending = "" if event.finish_reason in (None, "stop") else f" [ended by {event.finish_reason}]"
        self._line("client gets", f"{_shortened(event.text)}{ending}", "bold")

    @_show.register
    def _reasoned(self, event: Reasoned) -> None:
        for reason in event.reason.split("; "):
            self._line("why", reason)

    @_show.register
    def _found(self, event: Found) -> None:
        self._line(event.label, event.text)

    @_show.register
    def _checked(self, event: Checked) -> None:
        if event.held:
            self._line("ok", f"{event.claim}: {event.found}", "green")
        else:
            self._line("NOT SO", f"{event.claim} - this did not happen: {event.found}", "bold red")

    @_show.register
    def _summed(self, event: Summed) -> None:
        self._console.print()
        self._console.rule(Text("What the records say", style="bold"), align="left", characters="-")
        self._summary(event.summary)
        if event.missing:
            self._line("NOT SO", f"not in the records: {', '.join(event.missing)}", "bold red")

    @_show.register
    def _ended(self, event: Ended) -> None:
        self._console.print()
        if event.unmet:
            self._line("NOT SO", f"in {', '.join(event.unmet)} something expected did not happen", "bold red")
        where = f"the files are in {event.folder}" if event.folder else "its folder is removed"
        if event.unmet and not event.folder:
            where += "; to keep it and look into it: guardian demo --keep FOLDER"
        self._line("end", f"after {event.seconds:g} s; its processes have ended, {where}")

    def _summary(self, summary: Summary) -> None:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in summary.outcomes.items())
        self._line("requests", f"{summary.requests}: {outcomes or 'none'}")
        self._line("attempts", f"{summary.attempts}, of which {summary.failed_attempts} failed")
        self._line(
            "together", f"{_count(summary.several, 'request')} answered by several specialists at once"
        )
        for each in summary.escalations:
            failed = f" ({', '.join(each.failed)})" if each.failed else ""
            went = f"{each.specialist} -> {each.then or 'nobody'}"
            self._line("escalated", f"{went}: {each.p_wrong:.0%} likely wrong{failed}")
        found = Counter(f"{each.detector} {each.rule}: {each.action}" for each in summary.verdicts)
        for text, count in found.items():
            self._line("verdict", text if count == 1 else f"{text}, {count} times")
        self._shares(summary)

    def _shares(self, summary: Summary) -> None:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("specialist", "attempts", "failed", "tokens in", "out", "cost in USD"):
            table.add_column(name, justify="left" if name == "specialist" else "right")
        for name, share in summary.specialists.items():
            counts = (share.attempts, share.failed, share.input_tokens, share.output_tokens)
            table.add_row(name, *map(str, counts), f"{share.cost_usd:.6f}")
        table.add_row("together", "", "", "", "", f"{summary.cost_usd:.6f}", style="bold")
        strongest = summary.strongest
        table.add_row(f"{strongest.specialist} alone", "", "", "", "", f"{strongest.cost_usd:.6f}")
        self._console.print()
        self._console.print(table)
        note = f"{strongest.specialist} alone: what models answered, at its price. Prices and questions are the demo's"
        self._line("", f"{note} own choice, so the difference says nothing of yours.")

    def _line(self, label: str, text: str, style: str = "") -> None:
        """Print a text wrapped beside its label."""
        room = max(LEAST_WIDTH, self._console.width - LABEL_WIDTH)
        shown = "\n".join(printable(line, len(line)) for line in text.splitlines())
        for line in Text(shown, style=style).wrap(self._console, room, overflow="fold"):
            line.rstrip()
            beginning = Text(label.ljust(LABEL_WIDTH), style=style or "dim")
            self._console.print(beginning + line if line.plain else "", soft_wrap=True)
            label = ""


def _shortened(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]} ... ({len(text):,} characters in all)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
