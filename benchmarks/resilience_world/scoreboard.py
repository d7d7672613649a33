"""The scoreboard as Markdown: the keys with their goals, a line for each fault; between two marks of a page. Pure."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.resilience_world.suite import BY_NAME

BEGIN, END = "<!-- the table begins -->", "<!-- the table ends -->"

UNIT = {
    "visible_failure_rate_worst": "%",
    "visible_failure_rate_worst_of_words": "%",
    "bound_failure_rate": "%",
    "house_failure_rate_worst": "%",
    "hung_share_after_5s": "%",
    "failing_share_after_3": "%",
    "recovered_share_worst": "%",
    "mitigation_median_s": "s",
    "mitigation_worst_s": "s",
    "core_wait_share": "%",
    "calm_p95_s": "s",
    "client_lag_s": "s",
    "amplification": "x",
}
"""Of the keys that are no counts."""

_FAULT_HEAD = (
    "fault",
    "not answered",
    "wrong, untold",
    "continued",
    "p95",
    "mitigated",
    "attempts",
    "recovered",
)


def table(figures: Mapping[str, Any], goals: Mapping[str, float], facts: Mapping[str, Any]) -> str:
    """Return both tables, under a line that says what was run, when and where."""
    theirs = figures.get("litellm")
    parts = [
        _circumstances(figures, facts) + (_peer_circumstances(theirs) if theirs else ""),
        _keys_table(figures, theirs, goals),
        "### Ours, fault by fault",
        _faults_table(figures),
    ]
    if theirs:
        parts += [f"### LiteLLM {theirs['version']}, fault by fault", _faults_table(theirs)]
    return "\n\n".join(parts)


def put_into(page: str, made: str) -> str:
    """Return the page with what stands between its marks replaced; raises ValueError where it has none."""
    before, begun, rest = page.partition(BEGIN)
    _, ended, behind = rest.partition(END)
    if not begun or not ended:
        raise ValueError(
            f"the page has no {BEGIN!r} with {END!r} behind it: put both where the table belongs"
        )
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{behind}"


def _circumstances(figures: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    plan = facts["plan"]
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    each = round(plan["rate"] * plan["struck_s"])
    length = "a quick run" if facts["quick"] else "in full"
    return (
        f"{today}, {length}: {figures['requests']:,} requests, {each} within each fault ({plan['rate']:g} a second for"
        f" {plan['struck_s']:g} s), seed {facts['seed']}. Guardian {facts['version']}, Python {facts['python']},"
        f" {facts['cores']} cores ({facts['processor']}), load average {facts['load_average_1min']} at the start."
    )


def _peer_circumstances(theirs: Mapping[str, Any]) -> str:
    plan = theirs["plan"]
    return (
        f" LiteLLM {theirs['version']}: {theirs['requests']:,} requests, {plan['rate']:g} a second for"
        f" {plan['struck_s']:g} s within each fault."
    )


def _keys_table(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None, goals: Mapping[str, float]) -> str:
    shown = [key for key, value in ours.items() if not isinstance(value, dict | str) and key != "requests"]
    names = ["key", "goal", "Guardian"] + ([f"LiteLLM {theirs['version']}"] if theirs else [])
    rows = [
        [
            f"`{key}`",
            _goal(key, goals),
            _shown(key, ours[key]),
            *([_shown(key, theirs.get(key))] if theirs else []),
        ]
        for key in shown
    ]
    return _markdown(names, rows)


def _faults_table(figures: Mapping[str, Any]) -> str:
    rows = [_fault_row(name, row) for name, row in figures["faults"].items()]
    return _markdown(_FAULT_HEAD, rows)


def _fault_row(name: str, row: Mapping[str, Any]) -> list[str]:
    failed = row["failed_streams"] + row["failed_whole"]
    untold = row["silent_truncations"] + row["empty_as_success"] + row["altered"]
    return [
        f"{name}: {BY_NAME[name].what}",
        f"{failed} of {row['requests']}"
        + (f"; {row['bound_failed']} of {row['bound_requests']} bound" if row["bound_failed"] else ""),
        str(untold),
        f"{row['continued']}" + (f" ({_badly(row)})" if row["continued_bad"] else ""),
        f"{row['p95_s']:.2f} s",
        "-" if row["mitigation_s"] is None else f"{row['mitigation_s']:.1f} s",
        f"{row['amplification']:.2f}x",
        "-" if row["recovered_share"] is None else f"{100 * row['recovered_share']:.1f} %",
    ]


def _badly(row: Mapping[str, Any]) -> str:
    by_id = row["continued_under_another_id"]
    return f"{row['continued_bad']} badly" + (f", {by_id} of them by their id alone" if by_id else "")


def _goal(key: str, goals: Mapping[str, float]) -> str:
    return f"<= {_shown(key, goals[key])}" if goals.get(key) else "0" if key in goals else ""


def _shown(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    match UNIT.get(key):
        case "%":
            return f"{100 * value:.2f} %"
        case "s":
            return f"{value:.2f} s"
        case "x":
            return f"{value:.2f}"
        case _:
            return f"{value:g}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
