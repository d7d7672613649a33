"""What the control process offers, for tests: nothing where no offer can be read."""

from pathlib import Path

from guardian_cluster.contract.router_model import Pointer
from guardian_cluster.processes.offer import read_offer


def offered(folder: Path) -> Pointer:
    return read_offer(folder) or Pointer()
