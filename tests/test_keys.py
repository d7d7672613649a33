import fcntl
import hashlib
import json
import multiprocessing
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian_cluster.contract.snapshot import ApiKey, Limits
from guardian_cluster.errors import BadArgument, CannotCreate, ConfigError
from guardian_cluster.keys import KeyFile, public_id


@pytest.fixture
def keys(tmp_path):
    return KeyFile(tmp_path / "data" / "keys.json")


def test_without_a_file_there_are_no_keys(keys):
    assert keys.load() == ()
    assert not keys.path.parent.exists()


def test_a_key_has_a_public_and_a_secret_part(keys):
    key = keys.add(created=1.0)

    prefix, identity, secret = key[:6], key[6:18], key[19:]
    assert (prefix, key[18], len(secret)) == ("sk-gc-", "-", 43)
    assert identity.isalnum()
    assert public_id(key) == identity


def test_only_the_hash_of_a_key_is_kept(keys):
    key = keys.add(created=5.0, tenant="t", role="admin", models=("m",), limits=Limits(requests_per_minute=2))

    assert keys.load() == (
        ApiKey(
            id=key[6:18],
            sha256=hashlib.sha256(key.encode()).hexdigest(),
            tenant="t",
            role="admin",
            models=("m",),
            limits=Limits(requests_per_minute=2),
            created=5.0,
        ),
    )
    assert key[19:] not in keys.path.read_text()


def test_nobody_else_can_read_the_file(keys):
    keys.add(created=1.0)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (keys.path, keys.path.parent)]
    assert modes == [0o600, 0o700]


def test_a_revoked_key_stays_in_the_file_with_its_time(keys):
    first, second = keys.add(created=1.0), keys.add(created=2.0)

    revoked = keys.revoke(first[6:18], at=9.0)

    assert revoked.revoked == 9.0
    assert [(key.id, key.revoked) for key in keys.load()] == [(first[6:18], 9.0), (second[6:18], None)]


def test_a_key_is_revoked_by_its_whole_text_and_once(keys):
    key = keys.add(created=1.0)

    keys.revoke(key, at=2.0)

    assert keys.revoke(key, at=3.0).revoked == 2.0


def test_revoking_a_key_that_is_not_there_says_so(keys):
    with pytest.raises(BadArgument) as caught:
        keys.revoke("nosuchkey123", at=1.0)

    assert str(caught.value) == (
        f'error: there is no key "nosuchkey123" in {keys.path}\n  see: guardian key list      (keys-unknown)'
    )


def add_some(path, count):
    for _ in range(count):
        KeyFile(path).add(created=1.0)


def test_commands_at_the_same_time_lose_no_key(keys):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_some, args=(keys.path, 15)) for _ in range(3)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert len({key.id for key in keys.load()}) == 45


def test_a_lock_that_is_never_released_ends_in_words(keys):
    impatient = KeyFile(keys.path, lock_timeout_s=0.05)
    keys.add(created=1.0)

    with keys.path.with_suffix(".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CannotCreate, match=r"has been locked by another process for 0\.05 s"):
            impatient.add(created=2.0)

    assert len(keys.load()) == 1


def test_a_killed_command_leaves_the_old_keys_and_blocks_nothing(keys):
    keys.add(created=1.0)
    keys.path.with_suffix(".json.new").write_text("half of a fi")

    keys.add(created=2.0)

    assert [key.created for key in keys.load()] == [1.0, 2.0]


DAMAGED = {
    b"": "is damaged: Input data was truncated",
    b'{"version": 1, "keys": [{"id": "a"}]}': "is damaged: Object missing required field `sha256`",
    b'{"version": 2}': "is damaged: Invalid enum value 2 - at `$.version`",
    b'{"version": 1, "more": 1}': "is damaged: Object contains unknown field `more`",
    b"\xff": "is damaged: JSON is malformed: invalid character (byte 0)",
    b"[" * 100_000: "is damaged: ",
}


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_file_is_explained_and_left_alone(keys, content):
    keys.path.parent.mkdir()
    keys.path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        keys.add(created=1.0)

    said = str(caught.value).splitlines()
    assert said[0].startswith(f"error: {keys.path}: {DAMAGED[content]}")
    assert said[1:] == [
        "  restore it from a backup, or move it away and make new keys",
        "  see: guardian key --help      (keys-unreadable)",
    ]
    assert keys.path.read_bytes() == content


def test_two_keys_with_one_id_are_damage(keys):
    keys.add(created=1.0)
    facts = json.loads(keys.path.read_text())
    keys.path.write_text(json.dumps(facts | {"keys": facts["keys"] * 2}))

    with pytest.raises(ConfigError, match="two keys have the same id"):
        keys.load()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")

    with pytest.raises(
        CannotCreate, match=r"data/keys\.lock cannot be written: (File exists|Not a directory)"
    ):
        KeyFile(tmp_path / "data" / "keys.json").add(created=1.0)


@given(st.text() | st.from_regex(r"sk-gc-[A-Za-z0-9_-]{0,60}", fullmatch=True))
def test_only_a_whole_key_has_a_public_part(text):
    identity = public_id(text)

    assert identity is None or text.startswith(f"sk-gc-{identity}-")
