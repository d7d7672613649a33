"""The example of docs/watch.md prints what the page says."""

import re
import shlex
from pathlib import Path

from guardian_cluster.cli.main import run
from guardian_cluster.cli.watched_text import MAX_BYTES
from guardian_cluster.watcher.intake_injection import DEFAULT_THRESHOLD
from guardian_cluster.watcher.ledger import MAX_VERDICTS_PER_CHANNEL
from guardian_cluster.watcher.rehearsal import CHUNK, MEASURED
from guardian_cluster.watcher.scored import READ
from guardian_cluster.watcher.scoring.ground import MAX_GROUND_CHARACTERS

PAGE = (Path(__file__).parents[2] / "docs/watch.md").read_text()


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


def told(text):
    """Return lines without what differs between machines and models: times and scores, and blanks at the end."""
    return [re.sub(r"\b\d+\.\d+\b", "0.0", line.rstrip()) for line in text.splitlines()]


def test_the_example_prints_what_the_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    (tmp_path / "guardian.toml").write_text(block("toml"))
    command, said = block("console").removeprefix("$ ").split("\n", 1)

    status = run(shlex.split(command)[1:])

    assert status == 1
    assert told(capsys.readouterr().out) == told(said)


def test_the_page_names_the_bounds_there_are():
    assert f"at most {MAX_BYTES:,} bytes" in PAGE
    assert f"after {MEASURED:,} characters" in PAGE
    assert f"the first {READ:,} characters" in PAGE
    assert f"the first {MAX_VERDICTS_PER_CHANNEL} findings" in PAGE
    assert f"at most {MAX_GROUND_CHARACTERS:,} characters in all" in PAGE
    assert f"from {DEFAULT_THRESHOLD} on" in PAGE
    assert CHUNK == 4
