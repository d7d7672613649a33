"""Writes recall's answer: quotations with their sources in a form that does not change, or that there is none.

```text
> Employees have 28 days of paid leave a year.
[1] handbook.md > Leave > line 12
```

Every line of a source's own begins with `> `, so nothing that it says can pass for a source or for our words.
"""

from guardian_cluster.specialists.builtin.recall.quoting import Answer
from guardian_cluster.specialists.builtin.recall.units import shown


def render(answer: Answer) -> str:
    """Return the answer as text."""
    if not answer.quotes:
        return _nothing(answer)
    parts = [
        "\n".join([*(f"> {line}" for line in quote.lines), f"[{number}] {quote.source}"])
        for number, quote in enumerate(answer.quotes, 1)
    ]
    return "\n\n".join(parts)


def _nothing(answer: Answer) -> str:
    if answer.is_empty:
        return (
            "Nothing supports an answer: no documents have been ingested. Add some with: guardian ingest PATH"
        )
    lines = ["Nothing in the ingested documents or in this conversation supports an answer."]
    if answer.unknown:
        named = ", ".join(f'"{shown(word, 40)}"' for word in answer.unknown[:5])
        lines.append(f"They do not mention {named}.")
    return " ".join(lines)
