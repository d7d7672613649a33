from pathlib import Path

import pytest
from document_samples import NOON, document, find, put, texts
from sqlalchemy import Engine, func, select

from guardian_cluster.storage import memory_tables as tables
from guardian_cluster.storage.documents import (
    digest_of,
    forget_document,
    has_documents,
    list_documents,
    prune_documents,
    put_document,
)
from guardian_cluster.storage.memory_database import transaction


def listed(memory: Engine, tenant: str = "t") -> list[str]:
    with transaction(memory, writes=False) as connection:
        return [each.name for each in list_documents(connection, tenant)]


def rows(memory: Engine) -> dict[str, int]:
    """Return how many rows each table has, the index of words included."""
    names = ["document", "passage", "passage_index"]
    with transaction(memory, writes=False) as connection:
        return {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in names
        }


def test_a_document_is_kept_with_what_is_known_of_it(memory: Engine) -> None:
    name = put(memory, "one", "two", digest="d")

    with transaction(memory, writes=False) as connection:
        (kept,) = list_documents(connection, "t")
        assert digest_of(connection, "t", "/docs/a.md") == "d"
    assert (name, kept.name, kept.origin) == ("a.md", "a.md", "/docs/a.md")
    assert (kept.passages, kept.size, kept.modified, kept.ingested) == (2, 6, NOON, NOON)


def test_a_document_that_is_put_again_replaces_what_it_was(memory: Engine) -> None:
    put(memory, "apples are red", "pears are green")
    put(memory, "plums are blue")

    assert texts(find(memory, "apples", "pears", "plums")) == ["plums are blue"]
    assert rows(memory) == {"document": 1, "passage": 1, "passage_index": 1}


def test_documents_of_the_same_file_name_are_told_apart_by_their_folders(memory: Engine) -> None:
    names = [put(memory, text, origin=f"/docs/{text}/readme.md") for text in ("one", "two", "three")]

    assert names == ["readme.md", "two/readme.md", "three/readme.md"]
    assert listed(memory) == sorted(names)
    assert put(memory, "changed", origin="/docs/two/readme.md") == "two/readme.md"


def test_a_file_that_was_moved_is_not_kept_twice(memory: Engine) -> None:
    put(memory, "the same", origin="/old/readme.md", digest="d")
    put(memory, "the same", origin="/new/readme.md", digest="d")

    with transaction(memory, writes=False) as connection:
        assert [each.origin for each in list_documents(connection, "t")] == ["/new/readme.md"]


def test_files_that_say_the_same_are_both_kept(memory: Engine, tmp_path: Path) -> None:
    origins = [str(tmp_path / name / "LICENSE") for name in ("a", "b")]
    for origin in origins:
        Path(origin).parent.mkdir()
        Path(origin).write_text("the same")

    names = [put(memory, "the same", origin=origin, digest="d") for origin in origins]

    assert names == ["LICENSE", "b/LICENSE"]


def test_a_forgotten_document_leaves_nothing_behind(memory: Engine) -> None:
    put(memory, "one", "two")

    with transaction(memory, writes=True) as connection:
        assert forget_document(connection, "t", "a.md")
        assert not forget_document(connection, "t", "a.md")

    assert rows(memory) == {"document": 0, "passage": 0, "passage_index": 0}


def test_pruning_forgets_only_what_was_under_the_folder(memory: Engine) -> None:
    for origin in ("/docs/a.md", "/docs/b/c.md", "/docs-other/d.md"):
        put(memory, origin, origin=origin)

    with transaction(memory, writes=True) as connection:
        assert prune_documents(connection, "t", ["/docs"], {"/docs/a.md"}) == ["c.md"]
        assert prune_documents(connection, "other", ["/"], set()) == []

    assert listed(memory) == ["a.md", "d.md"]


@pytest.mark.parametrize(
    "tenant", ["o'brien", '"; DROP TABLE document; --', "%", "t%", "ten ant", "тенант", "T"]
)
def test_a_tenant_of_any_name_has_its_own_documents(memory: Engine, tenant: str) -> None:
    put(memory, "their secret", tenant=tenant)
    put(memory, "our secret", tenant="t")

    with transaction(memory, writes=True) as connection:
        assert not forget_document(connection, "tt", "a.md")
    assert (listed(memory, tenant), listed(memory, "t")) == (["a.md"], ["a.md"])
    assert texts(find(memory, "secret", tenant=tenant)) == ["their secret"]
    assert texts(find(memory, "secret")) == ["our secret"]


def test_what_fails_half_way_is_undone(memory: Engine) -> None:
    put(memory, "before")

    with pytest.raises(KeyError), transaction(memory, writes=True) as connection:  # noqa: PT012  both happen in one
        put_document(connection, "t", document("after"), now=NOON)
        raise KeyError

    assert texts(find(memory, "before", "after")) == ["before"]


def test_a_document_of_many_passages_is_kept_whole(memory: Engine) -> None:
    put(memory, *(f"passage number{n}" for n in range(2_500)))

    with transaction(memory, writes=False) as connection:
        assert connection.execute(select(func.count()).select_from(tables.passage)).scalar_one() == 2_500
    assert texts(find(memory, "number2499")) == ["passage number2499"]
    put(memory, "short")
    assert rows(memory)["passage_index"] == 1


def test_whether_there_are_documents_is_known_for_each_tenant(memory: Engine) -> None:
    put(memory, "one")

    with transaction(memory, writes=False) as connection:
        assert has_documents(connection, "t") is True
        assert has_documents(connection, "other") is False
