"""Which thresholds are deployed, and what stays in force where that cannot be told."""

from pathlib import Path

import pytest
from test_deployer import config_in

from guardian_cluster.contract.snapshot import DetectorThreshold, Snapshot
from guardian_cluster.contract.snapshot_file import read_snapshot
from guardian_cluster.contract.threshold_action import Scope, ThresholdEvidence
from guardian_cluster.learning.threshold_ledger import Draft, with_drafts
from guardian_cluster.processes.deployer import Deployer
from guardian_cluster.thresholds import ThresholdFile

EVIDENCE = ThresholdEvidence(
    examples=400, since=0.0, until=1.0, new=400, asked=0.05, expected=0.05, realised_low=0.0,
    realised_high=0.1, least=0.0, most=1.0,
)  # fmt: skip


def learn(folder: Path, after: float, before: float | None = None, tenant: str = "acme") -> ThresholdFile:
    """Put a threshold on file as the control process does."""
    file = ThresholdFile(folder)
    draft = Draft(Scope("harm", "small", tenant), before, after, EVIDENCE)
    file.change(lambda actions: with_drafts(actions, [draft], 1.0))
    return file


def deploy(folder: Path) -> Snapshot:
    config = config_in(folder)
    return Deployer(config).deploy(config)


def test_thresholds_in_force_are_deployed_under_a_new_revision_and_only_then(tmp_path: Path) -> None:
    before = deploy(tmp_path)
    file = learn(tmp_path, 0.8)
    first, same = deploy(tmp_path), deploy(tmp_path)
    learn(tmp_path, 0.9, before=0.8)  # only proposed
    proposed = deploy(tmp_path)
    file.undo("t1", who="me", at=2.0)

    assert [before.rev, first.rev, same.rev, proposed.rev] == [1, 2, 2, 2]
    assert first.overlay.thresholds == (
        DetectorThreshold(detector="harm", specialist="small", tenant="acme", value=0.8),
    )
    assert (deploy(tmp_path).rev, read_snapshot(tmp_path).overlay.thresholds) == (3, ())


def test_the_order_of_actions_makes_no_revision(tmp_path: Path) -> None:
    for tenant in "ab":
        file = learn(tmp_path, 0.8, tenant=tenant)
    first = deploy(tmp_path)

    file.change(lambda actions: actions[::-1])

    assert deploy(tmp_path).rev == first.rev


@pytest.mark.parametrize("damage", [None, b"damaged", b"[" * 100_000])
def test_a_lost_or_damaged_file_switches_no_detector_off(
    tmp_path: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = learn(tmp_path, 0.8)
    first = deploy(tmp_path)
    file.path.unlink()
    if damage is not None:
        file.path.write_bytes(damage)

    assert deploy(tmp_path) == first
    assert ("stay in force" in caplog.text) is (damage is not None)
