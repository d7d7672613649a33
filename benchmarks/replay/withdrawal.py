"""Measures when what the router has learned is withdrawn, because it chose worse than a fixed mix would have.

The router serves a stream as it does in a gateway, learning from a source of verdicts, and the control process's own
comparison reads the records. `withdrawn_<source>` is the share of replays in which it withdrew what was learned;
`withdrawn_<source>_lift` is the true difference to the best static mix at the router's spend. A source that is wrong
in the same way for the comparison as for the learning is not found out by it: such a share says nothing against it,
and one above 0.05 where the lift is above 0, for an honest source, would.
"""

import random
from dataclasses import dataclass
from statistics import fmean

from benchmarks.replay.four_models import POLICY, Arm, Learner, Request, chosen_arm, hull
from benchmarks.replay.harm import Case, cases
from benchmarks.replay.recordings import Recordings
from guardian_cluster.contract.records import (
    AttemptRecord,
    CandidateRecord,
    RequestRecord,
    RoutingRecord,
)
from guardian_cluster.learning.comparison import Comparison
from guardian_cluster.request.choice import choose
from guardian_cluster.request.pacing import Pacer
from guardian_cluster.request.routing_record import candidate_records

FULL_REPLAYS, QUICK_REPLAYS = 20, 3


@dataclass
class Outcome:
    """What came of one replay."""

    withdrawn: bool
    lift: float


def figures(data: Recordings, *, quick: bool) -> dict[str, float | int]:
    """Return for each source of verdicts how often what was learned from it was withdrawn."""
    found: dict[str, float | int] = {}
    for name, case in cases(data).items():
        runs = [trial(case, seed) for seed in range(QUICK_REPLAYS if quick else FULL_REPLAYS)]
        found[f"withdrawn_{name}"] = fmean(run.withdrawn for run in runs)
        found[f"withdrawn_{name}_lift"] = fmean(run.lift for run in runs)
    return found


def trial(case: Case, seed: int) -> Outcome:
    """Serve every request of a case once."""
    rng = random.Random(seed)
    learner, pacer, comparison = Learner(case.specialists), Pacer(case.budget_usd), Comparison()
    rewards: list[float] = []
    bills_usd: list[float] = []
    withdrawn = False
    for number in rng.sample(range(len(case.requests)), len(case.requests)):
        request = case.requests[number]
        options, price = learner.options(request), pacer.price()
        choice = choose(options, POLICY, rng, price=price)
        arm = chosen_arm(request, choice)
        verdict = case.source(request, arm.name, rng)
        comparison.take(_record(request, arm, candidate_records(options, choice)), verdict)
        withdrawn = withdrawn or comparison.lift().is_harm
        pacer.spent(arm.cost_usd)
        learner.learn(request, arm, verdict, arm.cost_usd)
        rewards.append(arm.reward)
        bills_usd.append(arm.cost_usd)
    return Outcome(withdrawn, fmean(rewards) - hull(case.requests, fmean(bills_usd)))


def _record(request: Request, arm: Arm, candidates: tuple[CandidateRecord, ...]) -> RequestRecord:
    """Return what a gateway would have reported of a decision."""
    routing = RoutingRecord(
        policy="auto", reason="", candidates=candidates, features=request.features.encode()
    )
    attempt = AttemptRecord(specialist=arm.name, endpoint="", outcome="ok", duration_ms=0.0)
    return RequestRecord(
        id="",
        started=0.0,
        tenant="",
        key=None,
        requested_model="auto",
        streamed=False,
        specialist=arm.name,
        endpoint="",
        variant="",
        attempts=(attempt,),
        outcome="ok",
        status=200,
        duration_ms=0.0,
        overhead_ms=0.0,
        rev=1,
        routing=routing,
    )
