"""How incidents and actions are printed: tables of several, and one incident on a page."""

from collections.abc import Mapping, Sequence

from guardian_cluster.cli.columns import aligned, aligned_with_notes
from guardian_cluster.cli.moments import moment
from guardian_cluster.domain.action import Action, Move, Reroute
from guardian_cluster.domain.alert import Delivery
from guardian_cluster.domain.incident import Incident
from guardian_cluster.domain.observation import named
from guardian_cluster.domain.recovery import RecoveryResult
from guardian_cluster.errors import printable

_HEAD = ("ID", "SEVERITY", "STATE", "SPECIALIST", "CAUSE", "WHERE", "SINCE", "MITIGATED", "PAGES")
_ACTION_HEAD = ("ID", "MOVE", "SCOPE", "STATE", "UNTIL", "BY")
_DELIVERY_HEAD = ("TO", "WHAT", "STATE", "TRIES", "NEXT TRY", "WHY")

_ID = 200
"""Characters of an id: it is to be copied whole."""


def table(found: Sequence[Incident], pages: Mapping[str, int]) -> str:
    """Return a row for each incident, and below it what is said of it."""
    rows = [_row(each, pages[each.id]) for each in found]
    return aligned_with_notes(_HEAD, rows, [printable(each.summary, 300) or "-" for each in found])


def actions_table(found: Sequence[Action]) -> str:
    """Return a row for each action, and below it why it was taken, or how it ended."""
    rows = [_action_row(each) for each in found]
    return aligned_with_notes(_ACTION_HEAD, rows, [printable(each.note, 300) or "-" for each in found])


def page(
    incident: Incident,
    actions: Sequence[Action],
    deliveries: Sequence[Delivery],
    results: Sequence[RecoveryResult],
    children: Sequence[str],
    *,
    pages: int,
) -> str:
    """Return all that is known of one incident."""
    facts = [*_facts(incident, pages), *_recovered(results[-1:]), ("folded in", " ".join(children))]
    history = [[moment(each.at), printable(each.said, 400)] for each in incident.history]
    undelivered = [each for each in deliveries if each.state != "delivered" and each.tries]
    parts = [
        "\n".join(f"{name:12} {printable(text, 4_000)}" for name, text in facts if text),
        aligned(history) if history else "",
        actions_table(actions[::-1]) if actions else "",
        f"could not be delivered yet:\n{_undelivered(undelivered)}" if undelivered else "",
    ]
    return "\n\n".join(part for part in parts if part)


def move_in_words(move: Move) -> str:
    """Return a move in words."""
    if isinstance(move, Reroute):
        share = "" if move.share == 1.0 else f"{move.share:.0%} of them "
        return f"{'backup' if move.as_backup else 'reroute'} {share}to {move.to}"
    told = {
        name: value
        for name in ("trial", "most", "variant", "first_token_s", "between_chunks_s", "total_s", "share")
        if (value := getattr(move, name, None))
    }
    tag = str(move.__struct_config__.tag)
    return " ".join(
        [
            tag,
            *(
                f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
                for name, value in told.items()
            ),
        ]
    )


def _row(incident: Incident, pages: int) -> list[str]:
    return [
        printable(incident.id, _ID),
        incident.severity,
        incident.state,
        printable(incident.specialist, 40),
        incident.cause or "unknown",
        printable(named(incident.where), 60),
        moment(incident.onset),
        moment(incident.mitigated),
        str(pages),
    ]


def _action_row(action: Action) -> list[str]:
    until = action.until if action.ended is None else action.ended
    return [
        printable(action.id, _ID),
        printable(move_in_words(action.move), 60),
        printable(str(action.scope), 60),
        action.state,
        moment(until),
        printable(action.who, 40),
    ]


def _facts(incident: Incident, pages: int) -> list[tuple[str, str]]:
    has_it = f"{moment(incident.acknowledged)} by {incident.acknowledged_by}"
    called = f"{moment(incident.paged)}, {pages} pages, step {incident.escalation} of the escalation"
    return [
        ("id", incident.id),
        ("state", incident.state),
        ("severity", incident.severity),
        ("specialist", incident.specialist),
        ("signal", incident.signal),
        ("cause", incident.cause or "unknown"),
        ("where", named(incident.where)),
        ("summary", incident.summary),
        ("since", moment(incident.onset)),
        ("opened", moment(incident.opened)),
        ("mitigated", moment(incident.mitigated)),
        ("resolved", moment(incident.resolved)),
        ("came back", f"{incident.flaps} times" if incident.flaps else ""),
        ("called", called if incident.paged is not None else "nobody"),
        ("acknowledged", has_it if incident.acknowledged is not None else "-"),
        ("part of", incident.parent),
    ]


def _recovered(results: Sequence[RecoveryResult]) -> list[tuple[str, str]]:
    """Return what the last recovery decided, on which diagnosis, and what its test said."""
    facts = list[tuple[str, str]]()
    for each in results:
        found, tested = each.diagnostic_report.diagnosis, each.validation_result
        if found is not None:
            facts.append(
                ("diagnosis", f"{found.probability:.0%} {found.cause or 'unknown'}: {found.summary}")
            )
        facts.append(("strategy", f"{each.recovery_strategy.type}: {each.recovery_strategy.why}"))
        facts += [
            ("proposed", f"{plan.kind} {plan.scope}: {plan.why}") for plan in each.recovery_outcome.proposed
        ]
        said = f"{tested.state} by {tested.requests} requests, e-value {tested.e_value:.3g}"
        facts.append(("test", f"{said}, {each.recovery_duration:.1f} s after the event"))
    return facts


def _undelivered(deliveries: Sequence[Delivery]) -> str:
    rows = [
        [
            printable(each.sink, 40),
            each.alert.state,
            each.state,
            str(each.tries),
            moment(each.due) if each.state == "waiting" else "-",
            printable(each.said, 200),
        ]
        for each in deliveries
    ]
    return aligned([_DELIVERY_HEAD, *rows])
