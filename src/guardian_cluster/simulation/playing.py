"""Playing a reply: its steps sent over a connection one by one, each wait and break in its place."""

import asyncio

from guardian_cluster.simulation.connection import Connection
from guardian_cluster.simulation.reply import Abort, Close, Piece, Reply, Step, Wait, framed, head_of


async def play(connection: Connection, reply: Reply, *, closes: bool) -> None:
    """Send a reply step by step; a step that ends the connection ends the reply."""
    for step in reply.before_headers:
        if isinstance(step, Piece):
            await _send(connection, step.data)
        elif await _ends(connection, step):
            return
    unsent = head_of(reply, closes=closes)
    for step in reply.body:
        if isinstance(step, Piece):
            await _send(connection, unsent + framed(reply, step.data))
            unsent = b""
            continue
        if unsent:
            await _send(connection, unsent)
            unsent = b""
        if await _ends(connection, step):
            return
    await _send(connection, unsent + (b"0\r\n\r\n" if reply.is_streamed else b""))


async def _send(connection: Connection, data: bytes) -> None:
    connection.write(data)
    # Not for the network's sake: each event should reach a client in the same loop by itself.
    await asyncio.sleep(0)
    await connection.drain()


async def _ends(connection: Connection, step: Step) -> bool:
    """Take a step that sends nothing; return whether it ended the connection."""
    if isinstance(step, Wait) and step.seconds > 0:
        await asyncio.sleep(step.seconds)
    if isinstance(step, Abort):
        connection.abort()
    if isinstance(step, Close):
        connection.close()
    return isinstance(step, Abort | Close)
