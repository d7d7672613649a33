"""The command line of all benchmarks, and how one ends: with its JSON line, or with a reason on stderr."""

import argparse
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from benchmarks.harness.native import MissingCompilerError
from benchmarks.harness.options import add_quick, described
from benchmarks.harness.processes import cores, leave_gateway_core
from benchmarks.harness.report import elapsed_s, json_line, machine_facts
from benchmarks.harness.targets import KINDS

EXIT_UNAVAILABLE = 69
"""Something that is needed is not installed (sysexits.h)."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every benchmark has."""
    options = described(description)
    options.add_argument("--target", choices=KINDS, default="gateway", help="what is measured")
    add_quick(options, "end within 50 s on two cores, with more noise")
    return options


def conduct(
    name: str,
    goals: Mapping[str, float],
    measure: Callable[[], Mapping[str, Any]],
    run: Mapping[str, Any],
) -> None:
    """Run `measure` away from the gateway's core and print its figures as the last line on standard output.

    `run` says what was run, how often, on which data.
    """
    signal.signal(signal.SIGTERM, _leave)
    leave_gateway_core()
    facts = machine_facts()
    try:
        figures = measure()
    except MissingCompilerError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(EXIT_UNAVAILABLE)
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    gateway_core, load_core = cores()
    circumstances = {
        **run,
        "gateway_core": gateway_core,
        "load_core": load_core,
        "elapsed_s": elapsed_s(),
    }
    print(json_line(name, figures, goals, circumstances, facts), flush=True)


def _leave(number: int, _frame: object) -> NoReturn:
    """Leave through the `finally` clauses, which stop what was started."""
    sys.exit(128 + number)
