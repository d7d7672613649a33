"""How a table is printed: in columns as wide as they need to be."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of equally many cells as lines, one below the other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def aligned_with_notes(head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """Return a table as `aligned` does, with a note on a line of its own below each row."""
    top, *lines = aligned([head, *rows]).splitlines()
    return "\n".join([top, *(f"{line}\n    {note}" for line, note in zip(lines, notes, strict=True))])
