"""Which event loops the tests here run on."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

ON_BOTH = {"test_transport_contract.py", "test_transports.py", "test_named_faults.py", "test_probing.py"}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    """Test transports on both: the gateway runs on uvloop, a program that uses the library on what it likes."""
    loops: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if item.path.name in ON_BOTH:
        loops["uvloop"] = uvloop.new_event_loop
    return loops
