"""What HTTP and server-sent events allow and clients often mishandle: set like faults, though none is one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from guardian_cluster.simulation.fault import Fault
from guardian_cluster.simulation.reply import Piece, Reply, Step
from guardian_cluster.simulation.request import ModelRequest


@dataclass(frozen=True, slots=True)
class Interim(Fault):
    """Send informational (1xx) replies before the real one."""

    replies: int = 1

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Put them before the headers."""
        hint = Piece(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")
        return replace(reply, before_headers=(*reply.before_headers, *(hint for _ in range(self.replies))))


@dataclass(frozen=True, slots=True)
class Comments(Fault):
    """Send a comment line before every event of a stream, as servers do to keep connections alive."""

    comment: bytes = b": keep-alive\n\n"

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Put them before the events."""
        return replace(reply, body=self._commented(reply)) if reply.is_streamed else reply

    def _commented(self, reply: Reply) -> Iterator[Step]:
        for step in reply.body:
            yield replace(step, data=self.comment + step.data) if isinstance(step, Piece) else step


@dataclass(frozen=True, slots=True)
class EventForm(Fault):
    """Write the events of a stream otherwise: other line ends, no space after the colon, event names."""

    line_end: bytes = b"\r\n"
    prefix: bytes = b"data:"

    def change_reply(self, request: ModelRequest, reply: Reply) -> Reply:
        """Rewrite the events, which keep their meaning."""
        return replace(reply, body=self._rewritten(reply)) if reply.is_streamed else reply

    def _rewritten(self, reply: Reply) -> Iterator[Step]:
        for step in reply.body:
            if isinstance(step, Piece):
                data = step.data.removeprefix(b"data: ").removesuffix(b"\n\n")
                step = replace(step, data=self.prefix + data + self.line_end * 2)
            yield step
