"""Compiles the native programs at first use, into a cache folder of this user."""

import functools
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "native"
FLAGS = ("-O2", "-Wall", "-Wextra")


class MissingCompilerError(RuntimeError):
    """There is no gcc; the message names the package that has it."""


@functools.cache
def native_program(name: str) -> Path:
    """Return the program made of `native/NAME.c`.

    Its file name has a hash of source and flags, so a changed source is never run in its old form. Raises
    MissingCompilerError, or RuntimeError with the compiler's words.
    """
    source = SOURCES / f"{name}.c"
    digest = hashlib.sha256(source.read_bytes() + " ".join(FLAGS).encode()).hexdigest()[:12]
    program = _cache_folder() / f"{name}-{digest}"
    if not program.exists():
        _compile(source, program)
    return program


def _compile(source: Path, program: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        raise MissingCompilerError(
            "gcc is missing: the load generator and the fake model server are written in C. "
            "On Debian or Ubuntu: sudo apt-get install gcc libc6-dev"
        )
    unfinished = program.with_name(f"{program.name}.{os.getpid()}")
    command = [compiler, *FLAGS, "-o", unfinished, source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"gcc could not compile {source}:\n{done.stderr}")
    unfinished.replace(program)  # in one step: another benchmark may be starting at the same time


def _cache_folder() -> Path:
    """Return a folder that only this user can write to; what lies in it will be run."""
    folder = Path(tempfile.gettempdir()) / f"guardian-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o022:
        raise RuntimeError(f"{folder} can be written to by other users: remove it and run again")
    return folder
