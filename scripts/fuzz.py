"""Fuzz the release gate with every kind of rule on: `.venv/bin/python scripts/fuzz.py --minutes 10`.

Cases are drawn by hypothesis (tests/watcher/gate_cases.py), another seed each round, until the time is up. What breaks
a check is made as small as it gets and kept in tests/fuzz/corpus, which the tests replay: mend the fault, give the
file the name of what it was about, and commit both. Ends with one JSON line, and fails where something was found.

`--target replies` fuzzes the transports with mutated replies in the same way (tests/specialists/reply_cases.py,
tests/fuzz/replies).
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "watcher"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "specialists"))

from gate_cases import CHECKS, Case, cases, write_case
from hypothesis import HealthCheck, given, seed, settings

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = 300
"""Of a round: half a minute, so that time is up when it is."""
MAX_PIECES = 20
MOST_FOUND = 10
"""Cases after which the rest would be more of the same."""


class Round:
    """One seed's cases under one check."""

    def __init__(self, check: Callable[[Case], None]) -> None:
        self.name = check.__name__.removeprefix("check_")
        self.tried = 0
        self.characters = 0
        self._check = check
        self._broken: Case | None = None

    def run(self, number: int) -> Case | None:
        """Return the smallest case that breaks the check, if there is any."""
        options = settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=False,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        try:
            seed(number)(options(given(cases(MAX_PIECES))(self._try)))()
        except Exception as error:  # whatever a check raises is what is looked for
            print(f"{self.name}, seed {number}: {error!r:.300}", file=sys.stderr, flush=True)
            return self._broken  # the last that hypothesis tried is the smallest
        return None

    def _try(self, case: Case) -> None:
        self.tried += 1
        self.characters += len(case.text)
        try:
            self._check(case)
        except Exception:
            self._broken = case
            raise


def fuzz(minutes: float, first_seed: int) -> dict[str, object]:
    """Return what was tried and where what was found is kept."""
    ends = time.monotonic() + 60 * minutes
    tried: Counter[str] = Counter()
    characters, number, found = 0, first_seed, list[str]()
    while time.monotonic() < ends and len(found) < MOST_FOUND:
        for check in CHECKS:
            at_hand = Round(check)
            broken = at_hand.run(number)
            tried[at_hand.name] += at_hand.tried
            characters += at_hand.characters
            if broken is not None:
                kept = write_case(broken, f"found-{at_hand.name}-{number}")
                found.append(str(kept.relative_to(ROOT)))
        number += 1
    return {
        "fuzz": "release gate",
        "minutes": minutes,
        "seeds": [first_seed, number - 1],
        "cases": dict(tried),
        "characters": characters,
        "found": found,
    }


def fuzz_replies(minutes: float, first_seed: int) -> dict[str, object]:
    """Return how many mutated replies were read, and where those that broke something are kept."""
    import reply_cases

    from guardian_cluster.specialists.aiohttp_transport import AiohttpTransport
    from guardian_cluster.specialists.httptools_transport import HttptoolsTransport

    ends, tried, found, number = time.monotonic() + 60 * minutes, 0, list[str](), first_seed
    broken = b""

    def try_one(data: bytes, at: list[int]) -> None:
        nonlocal tried, broken
        tried, broken = tried + 1, data
        pieces = reply_cases.cut(data, at)
        ours, after = asyncio.run(reply_cases.reads(HttptoolsTransport, pieces, closes=True))
        theirs, _ = asyncio.run(reply_cases.reads(AiohttpTransport, pieces, closes=True))
        assert ours is None or theirs is None or ours == theirs, (ours, theirs)
        assert after == (200, reply_cases.NEXT), after

    options = settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    while time.monotonic() < ends and len(found) < MOST_FOUND:
        try:
            seed(number)(options(given(reply_cases.mutated(), reply_cases.places)(try_one)))()
        except Exception as error:  # whatever a check raises is what is looked for
            print(f"replies, seed {number}: {error!r:.300}", file=sys.stderr, flush=True)
            kept = ROOT / "tests" / "fuzz" / "replies" / f"found-{number}.bin"
            kept.write_bytes(broken)
            found.append(str(kept.relative_to(ROOT)))
        number += 1
    return {
        "fuzz": "replies",
        "minutes": minutes,
        "seeds": [first_seed, number - 1],
        "cases": tried,
        "found": found,
    }


def main() -> None:
    """Fuzz for the minutes asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--target", choices=["gate", "replies"], default="gate")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    chosen = parser.parse_args()
    report = (fuzz if chosen.target == "gate" else fuzz_replies)(chosen.minutes, chosen.seed)
    print(json.dumps(report))
    sys.exit(1 if report["found"] else 0)


if __name__ == "__main__":
    main()
