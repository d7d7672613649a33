"""A child's tie to its parent: a pipe whose other end closes when the parent ends, however it ends."""

import asyncio
import os
from collections.abc import Callable


def follow_parent(loop: asyncio.AbstractEventLoop, read_fd: int, gone: Callable[[], None]) -> None:
    """Call `gone` once, when the parent's end of the pipe is closed."""

    def readable() -> None:
        if not os.read(read_fd, 1):
            loop.remove_reader(read_fd)
            gone()

    os.set_blocking(read_fd, False)
    loop.add_reader(read_fd, readable)
