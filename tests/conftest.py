"""What every test shares: property tests that try the same examples on each run, on machines of any speed; bytecode."""

import gc
import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("repeatable")

BYTECODE = str(Path(sys.prefix, "bytecode"))
"""Where compiled modules are kept if the environment keeps none: the tests start hundreds of processes, and each would
compile all that it imports anew, which is two thirds of its start."""

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = BYTECODE
    sys.dont_write_bytecode = False


def pytest_collection_finish() -> None:
    """Leave what collection made out of all later garbage collections: it is most of what there is, and stays."""
    gc.collect()
    gc.freeze()
