"""The one JSON line at the end of a benchmark, the goals it is held against, and talk on standard error."""

import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, cast

LIBRARIES = ("aiohttp", "httptools", "msgspec", "uvicorn", "uvloop")

_started = time.monotonic()


def note(text: str) -> None:
    """Say on standard error what is going on, with the seconds since the start."""
    print(f"{time.monotonic() - _started:6.1f} s  {text}", file=sys.stderr, flush=True)


def elapsed_s() -> float:
    """Return the seconds since the benchmark started."""
    return round(time.monotonic() - _started, 1)


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest sample that `percent` % of all do not exceed."""
    if not samples:
        raise ValueError("a percentile needs at least one sample")
    if not 0 < percent <= 100:
        raise ValueError(f"{percent} is not a percentage above 0 and up to 100")
    rank = -int(-len(samples) * percent // 100)
    return sorted(samples)[max(rank, 1) - 1]


def compare(figures: Mapping[str, float | None], goals: Mapping[str, float]) -> dict[str, bool | None]:
    """Say of each goal whether its figure is at most that; `None` where it was not measured."""
    found = {key: figures.get(key) for key in goals}
    return {key: None if value is None else value <= goals[key] for key, value in found.items()}


def machine_facts() -> dict[str, Any]:
    """Return what of the machine the figures depend on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load_average_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def json_line(
    name: str,
    figures: Mapping[str, Any],
    goals: Mapping[str, float],
    run: Mapping[str, Any],
    machine: Mapping[str, Any],
) -> str:
    """Return the line that ends a benchmark: its figures by their keys, then goals and the circumstances."""
    rounded = {key: _rounded(value) for key, value in figures.items()}
    line = {
        "benchmark": name,
        **rounded,
        "goals": dict(goals),
        "met": compare(rounded, goals),
        "run": dict(run),
        "machine": dict(machine),
    }
    return json.dumps(line)


def _rounded(value: Any) -> Any:
    """Round floats to 3 digits, also those in dicts."""
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        return {key: _rounded(part) for key, part in parts.items()}
    return round(value, 3) if isinstance(value, float) else value


def _processor() -> str:
    with open("/proc/cpuinfo") as lines:
        names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(names, platform.machine())
