"""Small traffic with a known fault, to hold the diagnosis against; written apart from the simulation's worlds."""

import math
import random
from collections.abc import Mapping
from typing import Any

from guardian_cluster.domain.change import ChangeEvent
from guardian_cluster.domain.diagnosis import Cause
from guardian_cluster.domain.observation import Dimension, Observation, Slice, Try, holds
from guardian_cluster.domain.window import Window

ENDPOINTS = {"writer/1": "large", "writer/2": "large", "writer/3": "small", "writer/4": "tiny"}
FAILURES: Mapping[Cause, tuple[str, str, float]] = {
    "upstream_errors": ("upstream_error", "server exploded at <*>", 300.0),
    "quota": ("upstream_rate_limited", "rate limit reached for <*> requests per minute", 80.0),
    "hang": ("upstream_timeout", "", 30_000.0),
}
"""Code, what is said, and after how many milliseconds."""

ANSWERS: Mapping[Cause, Mapping[str, Any]] = {
    "slow": {"first_token_ms": 2_500.0, "duration_ms": 6_000.0},
    "own_resources": {"first_token_ms": 2_500.0, "duration_ms": 5_000.0, "overhead_ms": 1_900.0},
    "cost_blowup": {"output_tokens": 2_000, "cost_usd": 2e-2},
    "wrong_format": {"verdicts": ("answer/format-json",)},
    "refusal_spike": {"verdicts": ("refusal/refusal",)},
    "detector_drift": {"verdicts": ("refusal/refusal",)},
    "stale_context": {"scores": {"ungrounded": 0.7, "injection": 0.05}},
}
LIKED: Mapping[Cause, float] = {"wrong_format": 0.4, "refusal_spike": 0.2, "stale_context": 0.0}
"""How often callers are pleased all the same."""

START = 1_700_000_000.0
GAP_S = 8.64
BEFORE = 1_000


class Traffic:
    """Requests one after the other, some of them under a fault."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.harder = {name: self.random.gauss(0, 0.4) for name in (*"abcdefghijkl", *ENDPOINTS, "de", "fr")}

    def place(self, revision: str = "7") -> dict[Dimension, str]:
        pick = self.random
        tenant = pick.choices("abcdefghijkl", [1 / (1 + n) for n in range(12)])[0]
        endpoint = pick.choices([*ENDPOINTS], [4, 3, 2, 1])[0]
        topic = f"t{(ord(tenant) + pick.choice((0, 0, 1, 2, 3))) % 7}"
        return {
            "model": ENDPOINTS[endpoint],
            "endpoint": endpoint,
            "variant": pick.choices(("v1", "v2"), (4, 1))[0],
            "tenant": tenant,
            "topic": topic,
            "language": pick.choices(("english", "de", "fr"), (6, 2, 1))[0],
            "template": f"h{(ord(tenant) * 7 + pick.choice((0, 0, 0, 1))) % 6}",
            "revision": revision,
        }

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def loss(self, dimensions: Mapping[Dimension, str], base: float) -> bool:
        odds = math.log(base / (1 - base)) + sum(self.harder.get(each, 0.0) for each in dimensions.values())
        return self.chance(1 / (1 + math.exp(-odds)))

    def sound(self, number: int, dimensions: dict[Dimension, str], **changes: Any) -> Observation:
        first = self.random.lognormvariate(6, 0.4)
        duration = first + self.random.lognormvariate(7, 0.5)
        bad = self.loss(dimensions, 0.12)
        tokens = int(self.random.lognormvariate(5, 0.4))
        error = self.loss(dimensions, 0.01)
        values: dict[str, Any] = {
            "id": f"req_{number:06d}",
            "at": START + number * GAP_S,
            "specialist": "writer",
            "dimensions": dimensions,
            "outcome": "error" if error else "ok",
            "error": "upstream_error" if error else "",
            "finish_reason": "stop",
            "feedback": float(not bad) if self.chance(0.5) else None,
            "input_tokens": int(self.random.lognormvariate(6, 0.3)),
            "output_tokens": tokens,
            "cost_usd": tokens * 1e-5,
            "duration_ms": duration,
            "first_token_ms": first,
            "overhead_ms": self.random.lognormvariate(0.5, 0.3),
            "scores": {
                "ungrounded": self.random.betavariate(1, 9),
                "injection": self.random.betavariate(1, 20),
            },
            "verdicts": ("refusal/refusal",) if self.loss(dimensions, 0.02) else (),
        }
        values |= changes
        values.setdefault("tries", (self.attempt(values),))
        return Observation(**values, losses=self.losses(values, bad))

    def attempt(self, values: Mapping[str, Any]) -> Try:
        failed = values["outcome"] == "error"
        return Try(
            endpoint=values["dimensions"]["endpoint"],
            outcome="failed" if failed else "ok",
            error=values["error"],
            said="internal error at <*>" if values["error"] == "upstream_error" else "",
            duration_ms=values["duration_ms"],
            first_token_ms=None if failed else values["first_token_ms"],
        )

    def losses(self, values: Mapping[str, Any], bad: bool) -> dict[Any, float]:
        verdicts = values["verdicts"]
        failed = values["outcome"] == "error"
        found = {
            "error": float(failed or any(each.outcome == "failed" for each in values["tries"])),
            "latency": float((values["first_token_ms"] or values["duration_ms"]) > 900),
            "cost": float(values["cost_usd"] > 3e-3),
            "leak": 0.0,
        }
        if failed:
            return found
        mark = values["feedback"]
        found |= {
            "quality": (0.3 if bad else 0.1) if mark is None else 1 - mark,
            "intent_alignment": 0.4 if bad and self.chance(0.5) else 0.05,
            "refusal": float(any("refusal" in each for each in verdicts)),
            "format": float(any("json" in each or "schema" in each for each in verdicts)),
            "groundedness": values["scores"]["ungrounded"],
        }
        return found

    def broken(self, number: int, dimensions: dict[Dimension, str], cause: Cause) -> Observation:
        if cause in FAILURES:
            return self.failed(number, dimensions, *FAILURES[cause])
        if cause == "truncated_stream":
            return self.truncated(number, dimensions)
        changes = dict(ANSWERS.get(cause, {"feedback": 0.0}))
        if cause in LIKED:
            changes["feedback"] = float(self.chance(LIKED[cause])) if self.chance(0.5) else None
        return self.sound(number, dimensions, **changes)

    def truncated(self, number: int, dimensions: dict[Dimension, str]) -> Observation:
        sound = self.sound(number, dimensions)
        cut = Try(
            endpoint=dimensions["endpoint"],
            outcome="failed",
            error="upstream_incomplete",
            duration_ms=1_500.0,
            first_token_ms=400.0,
        )
        return self.sound(
            number, dimensions, outcome="error", error="upstream_incomplete", tries=(cut,), output_tokens=20,
            duration_ms=sound.duration_ms, finish_reason="",
        )  # fmt: skip

    def failed(
        self, number: int, dimensions: dict[Dimension, str], code: str, said: str, took_ms: float
    ) -> Observation:
        """Return a request that one endpoint failed, and another answered where the fault is not everywhere."""
        first = Try(
            endpoint=dimensions["endpoint"], outcome="failed", error=code, said=said, duration_ms=took_ms
        )
        if self.chance(0.3):
            values: dict[str, Any] = {
                "outcome": "error",
                "error": code,
                "tries": (first,),
                "first_token_ms": None,
            }
            return self.sound(number, dimensions, duration_ms=took_ms, **values)
        other = self.random.choice([each for each in ENDPOINTS if each != dimensions["endpoint"]])
        moved: dict[Dimension, str] = {**dimensions, "endpoint": other, "model": ENDPOINTS[other]}
        second = Try(endpoint=other, outcome="ok", duration_ms=1_000.0, first_token_ms=400.0)
        late = took_ms + 400.0
        return self.sound(
            number,
            moved,
            outcome="ok",
            error="",
            tries=(first, second),
            first_token_ms=late,
            duration_ms=late + 900,
        )


def window(
    seed: int,
    faults: tuple[tuple[Cause, Slice], ...] = (),
    *,
    before: int = BEFORE,
    after: int = 800,
    strength: float = 0.5,
    changes: tuple[ChangeEvent, ...] = (),
) -> Window:
    """Return a window in which the faults begin after so many requests; of two in the same request the first shows."""
    traffic = Traffic(seed)
    numbers = range(before + after)
    seen = [_request(traffic, each, faults if each >= before else (), strength) for each in numbers]
    return Window(
        specialist="writer",
        since=START,
        until=START + (before + after) * GAP_S,
        observations=tuple(seen),
        changes=changes,
    )


def _request(
    traffic: Traffic, number: int, faults: tuple[tuple[Cause, Slice], ...], strength: float
) -> Observation:
    dimensions = traffic.place()
    here = Observation(id="", at=0.0, specialist="writer", dimensions=dimensions, losses={})
    for cause, where in faults:
        if holds(where, here) and traffic.chance(strength):
            return traffic.broken(number, dimensions, cause)
    return traffic.sound(number, dimensions)
