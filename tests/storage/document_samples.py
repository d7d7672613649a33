"""Documents for tests of memory."""

from collections.abc import Sequence

from sqlalchemy import Engine

from guardian_cluster.documents.block import Document, Passage
from guardian_cluster.storage.document_search import find_passages
from guardian_cluster.storage.documents import put_document
from guardian_cluster.storage.memory_database import transaction
from guardian_cluster.storage.memory_values import Hits

NOON = 1_700_000_000.0


def document(
    *texts: str, origin: str = "/docs/a.md", digest: str = "", heading: Sequence[str] = ()
) -> Document:
    parts = origin.strip("/").split("/")
    names = tuple("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
    passages = tuple(Passage(text, tuple(heading), number, number) for number, text in enumerate(texts, 1))
    return Document(
        origin=origin,
        names=names,
        digest=digest or repr((origin, texts)),
        modified=NOON,
        size=sum(map(len, texts)),
        passages=passages,
    )


def put(memory: Engine, *texts: str, tenant: str = "t", **changes: object) -> str:
    with transaction(memory, writes=True) as connection:
        return put_document(connection, tenant, document(*texts, **changes), now=NOON)  # type: ignore[arg-type]


def find(memory: Engine, *words: str, tenant: str = "t", prefix: bool = False, limit: int = 10) -> Hits:
    with transaction(memory, writes=False) as connection:
        return find_passages(connection, tenant, tuple((word, prefix) for word in words), limit=limit)


def texts(hits: Hits) -> list[str]:
    return [passage.text for passage in hits.passages]
