"""Decides whether a change lets a model, a caller or a specialist do what it may not do so far."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from guardian_cluster.contract.snapshot import Base
from guardian_cluster.domain.improvement import Concern, Improvement, ParameterChange, SettingChange
from guardian_cluster.guardians.reviewing.paths import converts, place_of

RULE = "permissions"

OF_SPECIALIST = frozenset(
    {
        "continuation", "equals", "fallback", "hedge", "max_concurrency", "stream_usage",
        "timeouts.between_chunks_s", "timeouts.connect_s", "timeouts.first_token_s", "timeouts.total_s",
    }
)  # fmt: skip
"""What of a specialist may be changed without a person, as far as the other rules have nothing against it.

What is said of it (`description`, `good_at`) is not among them: the router asks by it, and prices follow."""

OF_ENDPOINT = frozenset({"requests_per_minute", "tokens_per_minute"})

_Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
_Tokens = Annotated[int, msgspec.Meta(ge=1)]

PARAMETERS: Mapping[str, Any] = {
    "frequency_penalty": _Penalty,
    "max_completion_tokens": _Tokens,
    "max_tokens": _Tokens,
    "presence_penalty": _Penalty,
    "seed": int,
    "temperature": Annotated[float, msgspec.Meta(ge=0, le=2)],
    "top_p": Annotated[float, msgspec.Meta(ge=0, le=1)],
    "verbosity": Literal["low", "medium", "high"],
}
"""Request fields that bound or colour an answer and allow nothing, with what each may be (OpenAI API reference).

`reasoning_effort` is not among them: what a model thinks is paid for, and may be many times what it says."""


def widened(improvement: Improvement, base: Base) -> Iterator[Concern]:
    """Yield what a change allows; of what is not known, that it is not."""
    match improvement.change:
        case ParameterChange(name=name) if name not in PARAMETERS:
            yield Concern(rule=RULE, said=f"it is not known what the request field {name[:60]} allows")
        case ParameterChange(name=name, after=after) if after is not None and not converts(
            after, PARAMETERS[name]
        ):
            yield Concern(rule=RULE, said=f"it is not known what another value of {name[:60]} allows")
        case SettingChange(path=path, after=after):
            place = place_of(path, base)
            known = {"specialist": OF_SPECIALIST, "endpoint": OF_ENDPOINT}.get(place.kind)
            if known is not None and place.key not in known:
                yield Concern(rule=RULE, said=f"{path[:120]} is not changed without a person")
            if place.kind == "endpoint" and after is None:
                yield Concern(rule=RULE, said=f"{path[:120]} would be no limit any more")
            if path.endswith("allowed_tools") or path == "cors_origins":
                yield Concern(rule=RULE, said=f"{path[:120]} says what may be called, and by whom")
        case _:
            return
