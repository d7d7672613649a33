"""A data folder as a gateway leaves it: with a snapshot, and with what it has recorded."""

from collections.abc import Iterable
from pathlib import Path

from guardian_cluster.contract.link import Batch
from guardian_cluster.contract.snapshot import Base, RecordPolicy, Snapshot, Specialist
from guardian_cluster.contract.snapshot_file import write_snapshot
from guardian_cluster.storage.database import FILE_NAME, open_database
from guardian_cluster.storage.records import write_batch


def put_recorded(folder: Path, specialists: Iterable[Specialist], batch: Batch, *, now: float) -> None:
    """Put into a folder that is there what a gateway with these specialists has recorded."""
    write_snapshot(folder, Snapshot(rev=1, base=Base(specialists=tuple(specialists))))
    database = open_database(folder / FILE_NAME, now=now)
    with database.begin() as connection:
        write_batch(connection, batch, now=now, policy=RecordPolicy())
    database.dispose()
