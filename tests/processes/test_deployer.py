"""What is deployed, and what stays in force where that cannot be done."""

from pathlib import Path

import pytest
from offers import offered

from guardian_cluster.config import Config, load_config
from guardian_cluster.contract.router_model import (
    POINTER_NAME,
    Pointer,
    RouterModel,
    offer,
    write_model,
)
from guardian_cluster.contract.snapshot import Base
from guardian_cluster.contract.snapshot_file import FILE_NAME, keep_served, read_snapshot
from guardian_cluster.errors import CommandError
from guardian_cluster.keys import KeyFile
from guardian_cluster.processes.deployer import Deployer
from guardian_cluster.processes.salt import FILE_NAME as SALT_NAME
from guardian_cluster.processes.salt import SALT_BYTES


def config_in(folder: Path, more: str = "") -> Config:
    (folder / "guardian.toml").write_text(f'[data]\nfolder = "{folder}"\n{more}')
    return load_config(folder / "guardian.toml", environment={})


def test_a_configuration_that_cannot_be_deployed_does_not_come_into_force(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    deployer = Deployer(config)
    deployer.deploy(config)
    (tmp_path / "keys.json").write_text("damaged")

    with pytest.raises(CommandError):
        deployer.deploy(load_config(None, environment={}))

    assert deployer.config is config


def test_what_is_deployed_already_is_not_deployed_again(tmp_path: Path) -> None:
    config = config_in(tmp_path)

    first, second = Deployer(config).deploy(config), Deployer(config).deploy(config)

    assert (first.rev, second.rev) == (1, 1)


def test_a_change_has_the_next_revision(tmp_path: Path) -> None:
    Deployer(config_in(tmp_path)).deploy(config_in(tmp_path))
    changed = config_in(tmp_path, '[alias]\n"gpt" = "solver"\n')

    assert Deployer(changed).deploy(changed).rev == 2
    assert read_snapshot(tmp_path).base.aliases == {"gpt": "solver"}


def test_a_damaged_snapshot_is_written_anew_with_a_revision_that_was_not_served(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    keep_served(tmp_path, Deployer(config).deploy(config))
    (tmp_path / FILE_NAME).write_bytes(b"damaged")

    assert Deployer(config).deploy(config).rev == 2
    assert read_snapshot(tmp_path).rev == 2


def test_a_damaged_snapshot_does_not_open_a_gateway_whose_keys_are_gone(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    KeyFile(tmp_path / "keys.json").add(created=1.0)
    keep_served(tmp_path, Deployer(config).deploy(config))
    (tmp_path / "keys.json").unlink()
    (tmp_path / FILE_NAME).write_bytes(b"damaged")

    with pytest.raises(CommandError, match=r"remove .*/snapshot\*\.json too"):
        Deployer(config).deploy(config)


def test_damage_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = config_in(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"damaged")

    Deployer(config).deploy(config)

    (record,) = caplog.records
    assert str(tmp_path / FILE_NAME) in record.__dict__["reason"]


def open_to_the_network(folder: Path) -> tuple[Config, KeyFile, str]:
    """Return a configuration that needs a key, the keys, and the one that there is."""
    keys = KeyFile(folder / "keys.json")
    return config_in(folder, '[gateway]\nlisten = "0.0.0.0:0"\n'), keys, keys.add(created=1.0)


def test_the_last_key_of_a_public_gateway_can_be_revoked(tmp_path: Path) -> None:
    config, keys, key = open_to_the_network(tmp_path)
    deployer = Deployer(config)
    deployer.deploy(config)
    keys.revoke(key, at=2.0)

    snapshot = deployer.deploy(config)

    assert [each.revoked for each in snapshot.base.keys] == [2.0]
    assert read_snapshot(tmp_path) == snapshot


def test_a_public_gateway_does_not_start_with_revoked_keys_alone(tmp_path: Path) -> None:
    config, keys, key = open_to_the_network(tmp_path)
    keys.revoke(key, at=2.0)

    with pytest.raises(CommandError, match="config-open-listen"):
        Deployer(config).deploy(config)


def test_a_changed_configuration_is_asked_for_a_key_again(tmp_path: Path) -> None:
    config, keys, key = open_to_the_network(tmp_path)
    deployer = Deployer(config)
    deployer.deploy(config)
    keys.revoke(key, at=2.0)
    changed = config_in(tmp_path, '[gateway]\nlisten = "0.0.0.0:0"\n[alias]\ngpt = "solver"\n')

    with pytest.raises(CommandError, match="config-open-listen"):
        deployer.deploy(changed)


def deployed(folder: Path) -> Base:
    config = config_in(folder)
    return Deployer(config).deploy(config).base


def learned(folder: Path, what: bytes = b"learned") -> str:
    """Offer a model and return its name."""
    name = write_model(folder, RouterModel(before=what))
    offer(folder, Pointer(model=name))
    return name


def test_the_salt_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = deployed(tmp_path), deployed(tmp_path)

    salt = (tmp_path / SALT_NAME).read_bytes()
    assert first.router_salt == second.router_salt
    assert (first.router_salt.value, len(salt)) == (salt.hex(), SALT_BYTES)
    assert (tmp_path / SALT_NAME).stat().st_mode & 0o777 == 0o600
    assert salt.hex() not in f"{first}"


@pytest.mark.parametrize("damage", [None, b"", b"short", b"x" * 33])
def test_a_lost_or_damaged_salt_is_taken_from_the_snapshot(tmp_path: Path, damage: bytes | None) -> None:
    before, name = deployed(tmp_path), learned(tmp_path)
    (tmp_path / SALT_NAME).unlink() if damage is None else (tmp_path / SALT_NAME).write_bytes(damage)

    after = deployed(tmp_path)

    assert after.router_salt == before.router_salt
    assert after.router_model == name
    assert (tmp_path / SALT_NAME).read_bytes().hex() == before.router_salt.value


def test_with_a_new_salt_what_was_learned_under_the_old_one_is_withdrawn(tmp_path: Path) -> None:
    before = deployed(tmp_path)
    learned(tmp_path)
    (tmp_path / SALT_NAME).unlink()
    (tmp_path / FILE_NAME).unlink()

    after = deployed(tmp_path)

    assert after.router_salt not in (before.router_salt, "")
    assert (after.router_model, offered(tmp_path)) == ("", Pointer())


def test_a_model_on_offer_is_deployed_with_a_new_revision_once(tmp_path: Path) -> None:
    deployed(tmp_path)
    name = learned(tmp_path)
    config = config_in(tmp_path)

    first, second = Deployer(config).deploy(config), Deployer(config).deploy(config)

    assert (first.base.router_model, first.rev, second.rev) == (name, 2, 2)


def test_a_model_that_is_withdrawn_is_deployed_no_more(tmp_path: Path) -> None:
    deployed(tmp_path)
    learned(tmp_path)
    before = deployed(tmp_path)
    offer(tmp_path, Pointer())

    assert before.router_model != ""
    assert deployed(tmp_path).router_model == ""


@pytest.mark.parametrize(
    "damage", [None, b"", b"\xff", b'{"model":"\xff"}', b'{"version":9}', b'{"x":' + b"[" * 90_000]
)
def test_a_damaged_offer_leaves_the_model_deployed_last(tmp_path: Path, damage: bytes | None) -> None:
    deployed(tmp_path)
    name = learned(tmp_path)
    deployed(tmp_path)
    (tmp_path / POINTER_NAME).unlink() if damage is None else (tmp_path / POINTER_NAME).write_bytes(damage)

    assert deployed(tmp_path).router_model == name


@pytest.mark.parametrize("name", ["gone", "../../etc/passwd", "x" * 5_000, "nul\0"])
def test_a_model_that_is_not_there_is_not_deployed(tmp_path: Path, name: str) -> None:
    deployed(tmp_path)
    offer(tmp_path, Pointer(model=name))

    assert deployed(tmp_path).router_model == ""
