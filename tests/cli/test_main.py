import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from guardian_cluster.cli.main import guardian, run

GUARDIAN = [sys.executable, "-m", "guardian_cluster.cli.main"]
PLAIN = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

HEAVY = {
    "aiohttp",
    "jsonschema_rs",
    "msgspec",
    "platformdirs",
    "prometheus_client",
    "rich",
    "sqlalchemy",
    "sympy",
}


def guardian_command(*arguments, **options):
    facts = {"capture_output": True, "text": True, "timeout": 60, "env": PLAIN} | options
    return subprocess.run([*GUARDIAN, *arguments], check=False, **facts)


@pytest.fixture
def broken():
    """Add a command that ends with the exception it is given."""

    def add(error):
        @click.command()
        def broken():
            raise error

        guardian.commands["broken"] = broken
        sys.modules["guardian_cluster.cli.broken"] = type(sys)("broken")
        sys.modules["guardian_cluster.cli.broken"].broken = broken

    yield add
    del guardian.commands["broken"], sys.modules["guardian_cluster.cli.broken"]


def test_help_lists_every_command(capsys):
    assert run(["--help"]) == 0

    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in ("serve", "ask", "config", "key"))


@pytest.mark.parametrize("name", ["serve", "ask", "config", "key"])
def test_each_listed_command_can_be_imported(capsys, name):
    assert run([name, "--help"]) == 0
    assert f"Usage: guardian {name}" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    script = "import sys; from guardian_cluster.cli.main import run; run(['--help']); print(*sys.modules)"

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=PLAIN
    )

    roots = {name.partition(".")[0] for name in found.stdout.splitlines()[-1].split()}
    assert "click" in roots
    assert not HEAVY & roots


def test_help_takes_little_more_than_its_parser():
    """In units of a bare click program in the same run: the machine may be busy or slow."""
    bare, full = (
        min(cpu_s(command) for _ in range(3))
        for command in ([sys.executable, "-c", "import click"], [*GUARDIAN, "--help"])
    )

    assert full < 3 * bare


def cpu_s(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=PLAIN)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_version_is_said():
    assert guardian_command("--version").stdout == "guardian 0.1.0\n"


def test_a_misspelt_command_gets_a_suggestion(capsys):
    assert run(["confg"]) == 2

    assert capsys.readouterr() == (
        "",
        "error: No such command 'confg'. Did you mean 'config'?\n  see: guardian --help      (usage)\n",
    )


def test_a_misspelt_option_points_to_the_help_of_its_command(capsys):
    assert run(["key", "new", "--tennant", "x"]) == 2

    assert capsys.readouterr().err == (
        "error: No such option '--tennant'. Did you mean '--tenant'?\n"
        "  see: guardian key new --help      (usage)\n"
    )


def test_a_group_without_a_command_shows_its_help_on_stderr(capsys):
    assert run(["key"]) == 2

    out, err = capsys.readouterr()
    assert (out, err.splitlines()[0]) == ("", "Usage: guardian key [OPTIONS] COMMAND [ARGS]...")


def test_a_bug_becomes_one_line_and_a_saved_traceback(capsys, broken):
    broken(ZeroDivisionError("by \x1b[31mzero"))

    assert run(["broken"]) == 1

    first, second, third = capsys.readouterr().err.splitlines()
    saved = Path(second.removeprefix("  traceback saved to ").partition(";")[0])
    assert first == "error: this is a bug in guardian: ZeroDivisionError: by \\u001b[31mzero"
    assert third == "  see: guardian --debug COMMAND      (bug)"
    assert "raise error\nZeroDivisionError: by \x1b[31mzero\n" in saved.read_text()
    saved.unlink()


def test_debug_lets_the_traceback_through(broken):
    broken(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        run(["--debug", "broken"])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_ends_with_130(capsys, broken, error):
    broken(error)

    assert run(["broken"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)

    ended = guardian_command("config", "show", capture_output=False, stdout=writer, stderr=subprocess.PIPE)

    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_output_that_the_terminal_cannot_show_is_replaced(tmp_path):
    (tmp_path / "guardian.toml").write_text('[watch]\ncanaries = ["${C}"]')

    ended = guardian_command(
        "config", "show", cwd=tmp_path, env=PLAIN | {"C": "x" * 9, "PYTHONIOENCODING": "latin-1"}
    )

    assert ended.returncode == 0
    assert '["???? (C)"]' in ended.stdout


def test_the_terminal_gets_color_unless_it_asks_for_none(tmp_path):
    plain, colored = (in_a_terminal(tmp_path, PLAIN | extra) for extra in ({"NO_COLOR": "1"}, {}))

    assert "\x1b[" not in plain
    assert "\x1b[31m" in colored
    assert "error:" in plain


def in_a_terminal(folder, environment):
    """Run a command that fails with a terminal as its stderr, and return what the terminal gets."""
    ours, theirs = os.openpty()
    subprocess.run([*GUARDIAN, "nope"], cwd=folder, env=environment, stderr=theirs, check=False, timeout=60)
    os.close(theirs)
    with open(ours, "rb", buffering=0) as terminal:
        return terminal.read(10_000).decode()
