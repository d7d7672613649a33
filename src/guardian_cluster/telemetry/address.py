"""Decides where in a data folder gateways look for the control process's socket."""

from pathlib import Path

SOCKET_NAME = "control.sock"
PATH_NAME = "control.path"
"""Holds the socket's path where one in the data folder would be longer than a socket's may be."""


def socket_path(data_folder: Path) -> str:
    """Return the path of the control process's socket: where it says, else in the data folder."""
    try:
        return (data_folder / PATH_NAME).read_text("utf-8").strip()
    except (OSError, ValueError):
        return str(data_folder / SOCKET_NAME)
