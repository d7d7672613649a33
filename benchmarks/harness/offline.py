"""The command line of benchmarks that need no server: what they are run with, and the JSON line they end with."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.harness.report import elapsed_s, json_line, machine_facts

Measured = tuple[Mapping[str, Any], Mapping[str, Any]]
"""The figures, and what they were measured on."""


def conduct_offline(
    name: str,
    description: str | None,
    measure: Callable[[bool], Measured],
    *,
    at_least: Mapping[str, float],
    at_most: Mapping[str, float],
) -> None:
    """Run `measure`, which is told whether to be quick, and print its figures as the last line on standard output."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--quick", action="store_true", help="end within a minute, with fewer samples")
    quick = options.parse_args().quick
    try:
        figures, run = measure(quick)
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    circumstances = {"quick": quick, **run, "elapsed_s": elapsed_s()}
    line = json.loads(json_line(name, figures, at_most, circumstances, machine_facts()))
    reached = {
        key: None if figures.get(key) is None else figures[key] >= goal for key, goal in at_least.items()
    }
    goals = {**at_least, **at_most}
    print(json.dumps({**line, "goals": goals, "met": {**reached, **line["met"]}}), flush=True)
