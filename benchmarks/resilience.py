"""What clients see while an endpoint, or the gateway's own house, fails: the public fault scoreboard.

A real gateway, two equal endpoints that word the same facts differently, and requests at a steady rate; each
fault of the suite strikes while they come, and ends. docs/scoreboard.md describes every figure and holds the
last table. LiteLLM's proxy is put to the same where its command is found; nothing is installed or downloaded.
"""

import argparse
import asyncio
import signal
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.harness.command import conduct
from benchmarks.harness.options import add_quick, described
from benchmarks.harness.report import machine_facts, note
from benchmarks.litellm.proxy import litellm, litellm_command, litellm_version
from benchmarks.resilience_world.figures import keys, row, usual
from benchmarks.resilience_world.gateways import TIMEOUTS, guardian
from benchmarks.resilience_world.lanes import Serve, play_all
from benchmarks.resilience_world.scoreboard import put_into, table
from benchmarks.resilience_world.suite import BY_NAME, CASES, Case
from benchmarks.resilience_world.traffic import Plan

GOALS = {
    "visible_failure_rate_worst": 0.002,
    "visible_failures_continuable": 0.0,
    "house_failure_rate_worst": 0.0,
    "continued_bad": 0.0,
    "hung_share_after_5s": 0.02,
    "failing_share_after_3": 0.05,
    "mitigation_median_s": 2.0,
    "amplification": 1.2,
    "silent_truncations": 0.0,
    "empty_as_success": 0.0,
    "altered": 0.0,
}

QUICK = Plan(rate=14.0, calm_s=1.5, struck_s=7.0, after_s=2.0)
FULL = Plan(rate=20.0, calm_s=3.0, struck_s=12.0, after_s=8.0)
PEER = Plan(rate=8.0, calm_s=2.5, struck_s=10.0, after_s=3.0)
"""The proxy needs some 40 ms of a core for a request, three times what the gateway needs: so that it has enough."""

LANES, QUICK_LANES, PEER_LANES = 5, 7, 2

SEED = 20_26


def measured(cases: list[Case], serve: Serve, plan: Plan, seed: int, lanes: int) -> dict[str, Any]:
    """Return the figures of one gateway."""
    try:
        played, waited = uvloop.run(play_all(cases, serve, plan, seed, lanes))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    usually = usual(played.values())
    figures = keys({name: row(each, usually) for name, each in played.items()}, played)
    return figures | {"core_wait_share": waited}


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of the gateway, and those of the peer where there is one."""
    plan = QUICK if asked.quick else FULL
    cases = [BY_NAME[name] for name in asked.fault] if asked.fault else list(CASES)
    lanes = asked.lanes or (QUICK_LANES if asked.quick else LANES)
    figures = measured(cases, guardian, plan, asked.seed, lanes)
    command = litellm_command()
    if command and (asked.litellm or not asked.quick):
        note(f"the same with {command}")
        outside = [case for case in cases if not case.house]
        theirs = measured(
            outside, lambda stages, lane: litellm(command, stages, lane), PEER, asked.seed, PEER_LANES
        )
        figures["litellm"] = theirs | {"version": litellm_version(command), "plan": asdict(PEER)}
    return figures


def options() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = described(__doc__)
    add_quick(parser, "end within 90 s on two cores, with fewer requests")
    parser.add_argument(
        "--fault", action="append", choices=list(BY_NAME), metavar="NAME", help="only this fault"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="what places and moments are drawn from")
    parser.add_argument(
        "--lanes", type=int, metavar="N", help="gateways side by side; fewer need less of the machine"
    )
    parser.add_argument("--litellm", action="store_true", help="LiteLLM's proxy also in a quick run")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="put the table into this page")
    return parser.parse_args()


def main() -> None:
    """Run the benchmark."""
    asked = options()
    plan = QUICK if asked.quick else FULL
    run = {"quick": asked.quick, "seed": asked.seed, "plan": asdict(plan), "timeouts": TIMEOUTS}

    facts = run | machine_facts() | {"version": version("llm-guardian-cluster")}

    def found() -> dict[str, Any]:
        figures = measure(asked)
        made = table(figures, GOALS, facts)
        print(made, flush=True)
        if asked.markdown:
            asked.markdown.write_text(put_into(asked.markdown.read_text(), made))
        return figures

    conduct("resilience", GOALS, found, run)


if __name__ == "__main__":
    main()
