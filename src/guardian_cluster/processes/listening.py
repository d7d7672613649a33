"""The listening sockets: bound by the supervisor, so that they outlive a gateway that dies."""

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
    except OSError as error:
        reason = error.strerror or str(error)
        hint = f"is another gateway running? try --listen {host}:{port + 1}" if port else ""
        raise CannotCreate(
            Problem(
                "listen", f"cannot listen on {host}:{port}: {reason}", hint=hint, see="guardian serve --help"
            )
        ) from error


def _bound(family: int, address: object) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)  # type: ignore[arg-type]
    listening.listen(2048)
    return listening
