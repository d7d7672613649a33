"""The page of `guardian drill` shows what the command says, and names what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from guardian_cluster.cli.drill import drill
from guardian_cluster.cli.main import run
from guardian_cluster.simulation.strikes import STRIKES

PAGE = (Path(__file__).parents[2] / "docs/drill.md").read_text()
CONFIG, SHOWN = re.findall(r"```(?:toml|console)\n(.*?)```", PAGE, re.DOTALL)


def shape(text: str) -> list[str]:
    """Return the lines without their numbers, which follow from what the balancer weighs, and without padding."""
    return [" ".join(re.sub(r"\d+(\.\d+)?", "#", line).split()) for line in text.strip().splitlines()]


def test_the_example_says_what_the_command_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "guardian.toml").write_text(CONFIG)
    command, _, output = SHOWN.partition("\n")

    assert run(command.removeprefix("$ guardian ").split()) == 1

    assert shape(capsys.readouterr().out) == shape(output)


def test_every_option_is_on_the_page():
    options = {option for parameter in drill.params for option in parameter.opts}

    assert options == set(re.findall(r"^\| `(--[a-z]+)", PAGE, re.MULTILINE))


def test_every_fault_that_is_named_is_there():
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| ", PAGE.partition("## Options")[0], re.MULTILINE)

    named = {name for row in rows for name in re.findall(r"`([a-z-]+)`", row)}

    assert named
    assert named <= STRIKES.keys()
