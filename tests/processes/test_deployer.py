"""What is deployed, and what stays in force where that cannot be done."""

from pathlib import Path

import pytest

from guardian_cluster.config import Config, load_config
from guardian_cluster.contract.snapshot_file import FILE_NAME, keep_served, read_snapshot
from guardian_cluster.errors import CommandError
from guardian_cluster.keys import KeyFile
from guardian_cluster.processes.deployer import Deployer


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
