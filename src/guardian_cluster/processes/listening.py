"""The listening sockets: bound by the supervisor, so that they outlive a gateway that dies."""

import errno
import socket

from guardian_cluster.errors import CannotCreate, Problem


def bind(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets for an address.

    Raises:
        CannotCreate: it cannot be had, as when another program listens there.
    """
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        return [_bound(family, address) for family, _, _, _, address in addresses[:1]]
    except (OSError, UnicodeError) as error:  # the latter for a name with a part that is too long
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot listen on {_written(host, port)}: {reason}"
        problem = Problem("listen", message, hint=_hint(error, host, port), see="guardian serve --help")
        raise CannotCreate(problem) from error


def _hint(error: OSError | UnicodeError, host: str, port: int) -> str:
    """Return what helps against the most likely cause."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "the name leads to no address; name one of this machine, such as 127.0.0.1"
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65_535 else port - 1
        return f"is another gateway running? stop it, or try --listen {_written(host, other)}"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"a port below 1024 needs rights that this user lacks; try --listen {_written(host, 8600)}"
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            "this machine has no such address: 127.0.0.1 is for itself alone, 0.0.0.0 stands for all it has"
        )
    return ""


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(family: int, address: object) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)  # type: ignore[arg-type]
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening
