"""What answers of each specialist have taken so far: tokens and time, as running averages that forget."""

from collections.abc import Iterable

import msgspec

from guardian_cluster.contract import snapshot as contract
from guardian_cluster.contract.records import Report, RequestRecord

MEMORY = 25
"""Answers over which the averages run: enough to be steady, few enough to follow a change of model within minutes."""

ASSUMED_ANSWERS = 3
"""As many as the assumption counts for: one answer alone is off by a factor of two on average (recorded bills of four
models), and must not make a dear specialist look cheap."""

EXPECTED_OUTPUT_TOKENS = 300
"""Of an answer before any was seen: about what chat models say to a question of a line."""

NOMINAL_USD = 0.1
TIER_FACTOR = 8.0
"""What a million tokens are taken to cost where no price is given: 0.1 US dollars in the lowest tier and eight times
as much in each one above it, as between a small open model, a middling one and a leading one in November 2026. It
is only weighed, never recorded or charged."""


class Averages(msgspec.Struct):
    """Of one specialist."""

    output_tokens: float = EXPECTED_OUTPUT_TOKENS
    latency_s: float = 0.0
    answers: int = 0

    def add(self, output_tokens: float, latency_s: float) -> None:
        """Take in one answer. The length that was assumed weighs as much as the first few; of the time nothing was."""
        self.answers += 1
        share = 1.0 / min(self.answers + ASSUMED_ANSWERS, MEMORY)
        self.output_tokens += share * (output_tokens - self.output_tokens)
        self.latency_s += (latency_s - self.latency_s) / min(self.answers, MEMORY)


class Experience:
    """Averages by specialist. It is a sink of reports: what ends well is taken in as it is recorded."""

    def __init__(self) -> None:
        self._averages: dict[str, Averages] = {}

    def report(self, report: Report) -> None:
        """Take in the attempts of a request."""
        if isinstance(report, RequestRecord) and report.operation == "chat":
            for attempt in report.attempts:
                if attempt.outcome == "ok":
                    self.of(attempt.specialist).add(attempt.output_tokens, attempt.duration_ms / 1e3)

    def of(self, specialist: str) -> Averages:
        """Return the averages of a specialist."""
        found = self._averages.get(specialist)
        if found is None:
            found = self._averages[specialist] = Averages()
        return found

    def forget_all_but(self, specialists: Iterable[str]) -> None:
        """Drop what is known of specialists that are no more."""
        kept = set(specialists)
        self._averages = {name: known for name, known in self._averages.items() if name in kept}

    def cost_usd(
        self, specialist: contract.Specialist, input_tokens: int, most_output_tokens: float | None
    ) -> float:
        """Return what an answer is expected to cost: its length is the average, or what the request allows."""
        output_tokens = self.of(specialist.name).output_tokens
        if most_output_tokens is not None:
            output_tokens = min(output_tokens, most_output_tokens)
        return price_of(specialist).cost_usd(input_tokens, output_tokens)


def price_of(specialist: contract.Specialist) -> contract.Price:
    """Return a specialist's price, or where none is given what its tier suggests; built-in ones cost nothing."""
    if specialist.kind != "http" or specialist.price != contract.Price():
        return specialist.price
    usd = NOMINAL_USD * TIER_FACTOR ** (min(specialist.tier, 6) - 1)
    return contract.Price(input_usd=usd, output_usd=usd)
