"""Options that several benchmarks have on their command lines."""

import argparse
import random


def described(description: str | None) -> argparse.ArgumentParser:
    """Return a command line without options yet; the description keeps its lines."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_quick(options: argparse.ArgumentParser, help: str) -> None:
    """Let a run be a quick one; `help` says how soon it ends, and at which cost."""
    options.add_argument("--quick", action="store_true", help=help)


def add_seed(options: argparse.ArgumentParser) -> None:
    """Let a run be repeated: without a seed, another one is drawn each time."""
    drawn = random.SystemRandom().randrange(1_000_000)
    options.add_argument("--seed", type=int, default=drawn, help="what is drawn; another each time without")
