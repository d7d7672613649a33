import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from guardian_cluster.engine.database import open_file
from guardian_cluster.engine.executor import Executor


async def _never(*_: object) -> None:
    raise AssertionError("nothing was enqueued")


def test_a_launch_that_fails_leaves_nothing_taken(tmp_path: Path) -> None:
    database = open_file(tmp_path / "engine.db")  # without the tables that a launch asks for
    with closing(asyncio.new_event_loop()) as home:
        first, second = (Executor(name, database, home, _never) for name in ("first", "second"))
        for executor in (first, second):
            with pytest.raises(Exception, match="migration") as refused:
                executor.launch([])
            assert "already" not in str(refused.value)
            executor.destroy()  # as whoever owns it does; there is nothing left to end
    database.dispose()
