"""What a drill reads of a configuration: all of it but keys, with stand-ins for what is missing."""

from pathlib import Path

import pytest

from guardian_cluster.cli.drill.configuration import read_rehearsed
from guardian_cluster.errors import ConfigError

SPECIALIST = '[specialist.smart]\nmodel = "m"\nurl = "https://a.example.org/v1"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "guardian.toml"
    path.write_text(text)
    return path


def test_keys_are_not_read_wherever_they_stand(tmp_path: Path):
    key = 'api_key = "${file:/proc/none/key}"'
    path = written(
        tmp_path,
        f'{SPECIALIST}{key}\n[specialist.b]\nmodel = "m"\nendpoint = [{{ url = "http://b.example/v1", {key} }}]\n',
    )

    rehearsed = read_rehearsed(path, {"GUARDIAN_SPECIALIST__SMART__TIER": "2"})

    assert rehearsed.missing == ()
    assert rehearsed.config.specialist["smart"].api_key is None
    assert rehearsed.config.specialist["b"].endpoint[0].api_key is None
    assert rehearsed.config.specialist["smart"].tier == 2


def test_what_is_missing_is_stood_in_for_or_has_its_default(tmp_path: Path):
    text = '[specialist.smart]\nmodel = "${MODEL}"\nurl = "${URL}"\ntier = "${TIER}"\n[watch]\ncanaries = ["${MARK}"]\n'

    rehearsed = read_rehearsed(written(tmp_path, text), {})

    smart = rehearsed.config.specialist["smart"]
    assert (smart.model, smart.url, smart.tier) == ("stand-in", "http://stand-in.invalid/v1", 1)
    assert rehearsed.config.watch.canaries == ("stand-in",)
    assert rehearsed.missing == (
        "specialist.smart.model",
        "specialist.smart.url",
        "specialist.smart.tier",
        "watch.canaries[0]",
    )


def test_variables_that_are_there_and_defaults_are_used(tmp_path: Path):
    text = SPECIALIST + 'tier = "${TIER:-3}"\nlabels = ["${LABEL}"]\n'

    rehearsed = read_rehearsed(written(tmp_path, text), {"LABEL": "eu"})

    smart = rehearsed.config.specialist["smart"]
    assert (smart.tier, smart.labels, rehearsed.missing) == (3, ("eu",), ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (SPECIALIST + 'fallback = ["nobody"]\n', "config-unknown-specialist"),
        (SPECIALIST.replace("https", "ftp"), "config-bad-url"),
        (SPECIALIST + 'tier = "${}"\n', "config-bad-reference"),
        (SPECIALIST + "tier = 0\n", "config-out-of-range"),
        ("specialist = [", "config-syntax"),
    ],
)
def test_all_else_that_is_wrong_is_told_as_ever(text: str, code: str, tmp_path: Path):
    with pytest.raises(ConfigError) as raised:
        read_rehearsed(written(tmp_path, text), {})

    assert [problem.code for problem in raised.value.problems] == [code]
