"""The catalogue of faults: every cause of `domain/diagnosis.py`, each in the manners in which it occurs.

| cause | manners |
|---|---|
| `upstream_errors` | internal-error, bad-gateway, unavailable, unreachable |
| `quota` | without-retry-after, with-retry-after, used-up |
| `hang` | silent, silent-midway |
| `slow` | all-of-it, before-the-first-token, some-of-them |
| `truncated_stream` | connection-lost, finish-length |
| `wrong_format` | not-the-form, empty |
| `refusal_spike` | declines, provider-filter |
| `quality_drop` | silently, repeats-itself |
| `stale_context` | beside-the-point, out-of-date, poisoned |
| `variant_regression` | deployed, trial, callers-prompt |
| `cost_blowup` | long-answers, hidden-reasoning, long-questions |
| `detector_drift` | scores, false-refusals, false-leaks |
| `own_configuration` | timeout-too-short, answer-limit, few-tokens, credentials, not-there, policy-too-strict |
| `own_resources` | busy-gateway, connections, no-room |

The docstring of each class says how it looks in the records.
"""

from collections.abc import Mapping

from guardian_cluster.domain.diagnosis import CAUSES, Cause
from guardian_cluster.simulation.traffic.faults.answers import ANSWERS
from guardian_cluster.simulation.traffic.faults.fault import Case, Fault
from guardian_cluster.simulation.traffic.faults.own import OWN
from guardian_cluster.simulation.traffic.faults.upstream import UPSTREAM
from guardian_cluster.simulation.traffic.truth import SCOPES, Scope

__all__ = ["CATALOGUE", "Case", "Fault", "manners", "scopes_of"]

CATALOGUE: Mapping[Cause, tuple[type[Fault], ...]] = {
    cause: tuple(each for each in (*UPSTREAM, *ANSWERS, *OWN) if each.cause == cause) for cause in CAUSES
}


def manners(cause: Cause, scope: Scope) -> tuple[type[Fault], ...]:
    """Return the manners of a cause that occur in a scope; none where it does not occur there."""
    return tuple(each for each in CATALOGUE[cause] if scope in each.scopes)


def scopes_of(cause: Cause) -> tuple[Scope, ...]:
    """Return where a cause occurs."""
    return tuple(scope for scope in SCOPES if manners(cause, scope))
