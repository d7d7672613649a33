"""Words of others made fit to be shown to people: without control characters, and no longer than a place has room."""


def one_line(text: str, limit: int) -> str:
    """Return a text on one line of at most `limit` characters.

    What is not printable (line ends, escapes, characters that turn or hide text) becomes a blank, and blanks are one.
    """
    kept = "".join(each if each.isprintable() else " " for each in text[: 4 * limit])
    return cut(" ".join(kept.split()), limit)


def several_lines(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters whose lines are as `one_line` makes them, none of them empty."""
    lines = (one_line(each, limit) for each in text[: 4 * limit].split("\n"))
    return cut("\n".join(each for each in lines if each), limit)


def cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters; one that was longer ends with an ellipsis."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"
