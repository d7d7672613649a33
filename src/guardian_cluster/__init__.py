"""LLM Guardian Cluster: a gateway for language models whose answers are watched while they are produced.

The names below are the library. They are imported when they are first used, so that `guardian --help` loads
none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardian_cluster.cluster import LLMGuardianCluster
    from guardian_cluster.domain.errors import GuardianError
    from guardian_cluster.domain.request import UserRequest
    from guardian_cluster.request.response import ProcessedResponse, SpecialistResult

_HOMES = {
    "GuardianError": "guardian_cluster.domain.errors",
    "LLMGuardianCluster": "guardian_cluster.cluster",
    "ProcessedResponse": "guardian_cluster.request.response",
    "SpecialistResult": "guardian_cluster.request.response",
    "UserRequest": "guardian_cluster.domain.request",
}

__all__ = ["GuardianError", "LLMGuardianCluster", "ProcessedResponse", "SpecialistResult", "UserRequest"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
