"""How `guardian drill` shows what users would have seen: a table for each specialist, and what could be changed."""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from guardian_cluster.cli.drill.report import Drilled
from guardian_cluster.cli.drill.seen import Struck
from guardian_cluster.errors import printable

_NOTICED_S = 0.1
"""What takes less is not noticed, and on a busy machine not meant."""


def show(found: Drilled) -> None:
    """Print how one specialist came through."""
    console = Console(highlight=False)
    console.print(Text(_title(found), style="bold"))
    if found.unwell:
        console.print(
            Text(f"  without any fault: {', '.join(each.said for each in found.unwell)}", style="red")
        )
    console.print(_table(found))
    for line in found.advice:
        console.print(Padding(Text(f"- {printable(line, 500)}"), (0, 0, 0, 2)))
    console.print()


def legend() -> str:
    """Return what the columns are."""
    return (
        "ok: requests that got the whole answer; +first, +total: how much later than\n"
        "without a fault, at worst; tries: attempts at endpoints for each request.\n"
        "No time is scaled: while all sides wait, the clock is moved on."
    )


def _title(found: Drilled) -> str:
    count = len(found.endpoints)
    parts = [f"{count} endpoint{'' if count == 1 else 's'}"]
    parts += [f"equals {', '.join(found.equals)}"] if found.equals else []
    parts += [f"fallback {', '.join(found.fallback)}" if found.fallback else "no fallback"]
    return f"{found.name} ({'; '.join(parts)})"


def _table(found: Drilled) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("fault", no_wrap=True)
    for name in ("ok", "+first", "+total", "tries"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what users saw", overflow="fold")
    for each in found.struck:
        table.add_row(
            each.strike.name,
            f"{each.answered}/{len(each.seen)}",
            _seconds(each.added_first_s),
            _seconds(each.added_total_s),
            f"{each.attempts_per_request:.1f}",
            Text(_saw(each, found.endpoints), style="red" if each.lost else ""),
        )
    return table


def _saw(struck: Struck, own: tuple[str, ...]) -> str:
    """Return what users saw besides whole answers of the specialist's own endpoints."""
    continued = sum(each.verdict == "continued" for each in struck.seen)
    parts = [f"{continued} continued"] if continued else []
    parts += [f"{count} {printable(said)}" for said, count in struck.otherwise.most_common()]
    parts += [f"{count} by {name}" for name, count in sorted(struck.answered_by.items()) if name not in own]
    failed = sum(not each.is_answered for each in struck.after)
    parts += [f"{failed} of {len(struck.after)} failed after it had ended"] if failed else []
    parts += [f"{', '.join(struck.unused)} not used again"] if struck.unused else []
    return "; ".join(parts)


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return "" if seconds < _NOTICED_S else f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
