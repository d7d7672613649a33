"""The command `guardian`: which commands there are, and how each way to fail ends.

A command's module is imported when the command is run and not before, so that `guardian --help` stays quick.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import click

from guardian_cluster.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    CommandError,
    Problem,
    printable,
)

_COMMANDS = {
    "demo": "See in seven scenes what it does, without key or network.",
    "serve": "Start the gateway.",
    "ask": "Ask the running gateway something.",
    "explain": "Say who would answer a question, and why.",
    "watch": "Say what each detector finds in a text.",
    "ingest": "Let recall answer from documents.",
    "config": "Check and show guardian.toml.",
    "key": "Make, list and revoke keys.",
    "drill": "Rehearse faults against your configuration.",
    "thresholds": "See, apply and undo learned thresholds.",
    "detectors": "Say how good each detector is.",
    "monitor": "Have its guardians look at a specialist.",
    "improvement": "See and decide on what is proposed.",
    "safety": "Look into what is held against it.",
    "incident": "See what failed, take it, end it, open one.",
    "workflow": "See and steer durable runs.",
}
"""Name, which is also the module in `cli` and the command in it -> one line of help."""

_COMPLETION_VARIABLE = "_GUARDIAN_COMPLETE"
"""Set by the shell when it asks for completions; click's own convention."""


@dataclass(slots=True)
class Session:
    """What the options before the command decide."""

    debug: bool = False


class LazyGroup(click.Group):
    """A group that lists its commands from a table and imports one only to run it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that `args` begin with, imported; raises click.UsageError for none."""
        name, listed, rest = super().resolve_command(ctx, args)
        if name is None or listed is None:
            return name, listed, rest
        module = import_module(f"guardian_cluster.cli.{name}")
        return name, cast("click.Command", getattr(module, name)), rest


@click.group(
    cls=LazyGroup,
    commands={name: click.Command(name, short_help=line) for name, line in _COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="llm-guardian-cluster", message="guardian %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of a bug instead of saving it.")
@click.pass_obj
def guardian(session: Session, debug: bool) -> None:
    """Run an OpenAI-compatible gateway whose answers are watched while they are produced."""
    session.debug = debug


def main() -> None:
    """Run the command line and exit."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # an answer may have characters that the terminal has not
    if _COMPLETION_VARIABLE in os.environ:
        guardian.main(prog_name="guardian")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code (`errors` lists them); whatever fails is said on stderr."""
    session = Session()
    try:
        status = _invoke(arguments, session)
        sys.stdout.flush()  # here, where a reader that has left is still expected
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except click.UsageError as error:
        return _fail(_usage(error), EXIT_USAGE)
    except (KeyboardInterrupt, click.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except Exception as error:  # the border: what was not foreseen becomes one line, not a traceback
        if session.debug:
            raise
        return _fail(_bug(error), EXIT_BUG)
    return status


def _invoke(arguments: Sequence[str], session: Session) -> int:
    color = False if os.environ.get("NO_COLOR") else None  # https://no-color.org
    try:
        with guardian.make_context("guardian", list(arguments), obj=session, color=color) as context:
            result: Any = guardian.invoke(context)
    except click.exceptions.Exit as finished:
        return finished.exit_code
    return result if isinstance(result, int) else EXIT_OK


def _fail(message: str, status: int) -> int:
    color = False if os.environ.get("NO_COLOR") else None
    head, _, rest = message.partition("error:")
    click.echo(head + click.style("error:", fg="red", bold=True) + rest, err=True, color=color)
    return status


def _usage(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx is not None else "guardian"
    return str(Problem("usage", error.format_message(), see=f"{command} --help"))


def _reader_left() -> int:
    """End quietly, as `guardian ... | head` expects; what is still buffered goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK


def _bug(error: Exception) -> str:
    what = printable(f"{type(error).__name__}: {error}", limit=200)
    hint = f"traceback saved to {_save_traceback(error)}; please report it with that file"
    return str(
        Problem("bug", f"this is a bug in guardian: {what}", hint=hint, see="guardian --debug COMMAND")
    )


def _save_traceback(error: Exception) -> str:
    import tempfile
    import traceback

    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="guardian-bug-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.writelines(traceback.format_exception(error))
    except OSError as problem:
        return f"(nowhere: {problem.strerror})"
    return file.name


if __name__ == "__main__":
    main()
