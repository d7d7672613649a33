"""The command line of benchmarks that need no server: what they are run with, and the JSON line they end with."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.harness.options import add_quick, described
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
    options = offline_options(description)
    conduct_given(name, options, lambda given: measure(given.quick), at_least=at_least, at_most=at_most)


def offline_options(description: str | None) -> argparse.ArgumentParser:
    """Return the options that every such benchmark has."""
    options = described(description)
    add_quick(options, "end within a minute, with fewer samples")
    return options


def conduct_given(
    name: str,
    options: argparse.ArgumentParser,
    measure: Callable[[argparse.Namespace], Measured],
    *,
    at_least: Mapping[str, float],
    at_most: Mapping[str, float],
) -> None:
    """Do as `conduct_offline`, where `measure` is told what was given for options of its own."""
    given = options.parse_args()
    try:
        figures, run = measure(given)
    except RuntimeError as error:
        sys.exit(f"error: {error}")
    circumstances = {"quick": given.quick, **run, "elapsed_s": elapsed_s()}
    print(offline_line(name, figures, circumstances, at_least=at_least, at_most=at_most), flush=True)


def offline_line(
    name: str,
    figures: Mapping[str, Any],
    run: Mapping[str, Any],
    *,
    at_least: Mapping[str, float],
    at_most: Mapping[str, float],
) -> str:
    """Return the line that ends a benchmark with goals to be reached and others not to be passed.

    Of a goal whose figure was not measured it says `null`.
    """
    line = json.loads(json_line(name, figures, at_most, run, machine_facts()))
    found = {key: figures.get(key) for key in at_least}
    reached = {key: None if value is None else value >= at_least[key] for key, value in found.items()}
    return json.dumps({**line, "goals": {**at_least, **at_most}, "met": {**reached, **line["met"]}})
