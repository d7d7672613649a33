"""What routing is worth: recorded answers of several models, replayed through the product's own decisions.

Quality is in parts of the gap between a weak and a strong model (APGR, CPT), or in marks at equal spend. The data
are recordings of public repositories where there are some (`$GUARDIAN_DATA`, or `shared/data` beside the
repository), else generated; figures of generated data say only that the program runs. docs/benchmarks.md describes
every figure.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

from benchmarks.harness.command import conduct, parser
from benchmarks.harness.report import note
from benchmarks.replay.recordings import Recordings, recordings

PARTS = ("decision", "before_answer", "transfer", "cascade", "four_models", "budget", "harm", "withdrawal")
"""Modules of benchmarks/replay, each with `figures(data, *, quick)`; `decision` first, on a processor still cool."""

AT_LEAST = {
    "mmlu_apgr": 0.68,
    "transfer_worst": 0.60,
    "gsm8k_cascade_apgr_reviewed": 0.73,
    "gsm8k_cascade_apgr_recorded": 0.82,
    "cascade_online_apgr": 0.76,
    "cascade_online_apgr_after_200": 0.68,
    "four_models_3e-4": 0.885,
    "four_models_3e-4_over_hull": 0.0,
    "four_models_1e-3_over_hull": 0.0,
    "four_models_3e-3_over_hull": 0.0,
    "harm_held": 0.95,
}
AT_MOST = {
    "mmlu_cpt80": 58.0,
    "cascade_cpt80_reviewed": 48.0,
    "decision_us_p50": 100.0,
    "decision_us_p99": 300.0,
    "specialist_mb": 1.0,
    "budget_adherence": 1.02,
}


def measure(data: Recordings, *, quick: bool) -> dict[str, Any]:
    """Return the figures of every part, and for each goal that is a least value whether it is met."""
    figures: dict[str, Any] = {}
    for part in PARTS:
        if importlib.util.find_spec(f"benchmarks.replay.{part}") is None:
            note(f"{part}: not there yet")
            continue
        note(part)
        figures |= importlib.import_module(f"benchmarks.replay.{part}").figures(data, quick=quick)
    return figures | {"met_at_least": met_at_least(figures)}


def met_at_least(figures: Mapping[str, Any]) -> dict[str, bool | None]:
    """Say of each goal that is a least value whether its figure reaches it; `None` where it was not measured."""
    found = {key: figures.get(key) for key in AT_LEAST}
    return {key: None if value is None else round(value, 3) >= AT_LEAST[key] for key, value in found.items()}


def main() -> None:
    """Run the benchmark."""
    chosen = parser(__doc__).parse_args()
    try:
        data = recordings()
    except RuntimeError as error:
        raise SystemExit(f"error: {error}") from error
    run = {
        "quick": chosen.quick,
        "data": data.origin,
        "counts": data.counts(),
        "goals_at_least": AT_LEAST,
    }
    conduct("routing", AT_MOST, lambda: measure(data, quick=chosen.quick), run)


if __name__ == "__main__":
    main()
