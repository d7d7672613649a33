"""The README's code blocks do what they say."""

import asyncio
import re
import sys
from pathlib import Path

import pytest
from harness import SOLVER, base, running_gateway

from guardian_cluster.config import load_config

README = (Path(__file__).parent.parent / "README.md").read_text()
MAKEFILE = (Path(__file__).parent.parent / "Makefile").read_text()


def blocks(language: str) -> list[str]:
    """Return the code blocks of a language, in order."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


async def run(*arguments: str) -> str:
    """Run a command to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(30):
        said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def shell(line: str) -> str:
    """Run a line of shell."""
    return await run("sh", "-c", line)


def test_the_example_configuration_is_valid(tmp_path: Path) -> None:
    (example,) = blocks("toml")
    file = tmp_path / "guardian.toml"
    file.write_text(example)

    base = load_config(file, environment={}).base()

    assert [specialist.name for specialist in base.specialists] == ["local", "cloud", "solver", "recall"]
    assert base.specialists[0].fallback == ("cloud",)


async def test_the_library_example_prints_the_solution(tmp_path: Path) -> None:
    _, library = blocks("python")
    file = tmp_path / "example.py"
    file.write_text(library)

    assert "x = 5" in await run(sys.executable, str(file))


async def test_the_curl_line_and_the_client_example_work_against_a_gateway(tmp_path: Path) -> None:
    (curl,) = blocks("bash")
    client, _ = blocks("python")
    file = tmp_path / "client.py"

    async with running_gateway(base(SOLVER)) as gateway:
        file.write_text(client.replace("http://127.0.0.1:8600/v1", gateway.url))
        answered = await shell(curl.replace("http://127.0.0.1:8600/v1", gateway.url))
        streamed = await run(sys.executable, str(file))

    assert "399.5" in answered
    assert str(pow(2, 64, 97)) in streamed


@pytest.mark.parametrize(
    "line", [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]
)
def test_every_command_shown_exists(line: str) -> None:
    command, _, rest = line.partition("#")[0].strip().partition(" ")
    if command == "make":
        assert re.search(rf"^{rest.strip()}:", MAKEFILE, re.MULTILINE)
    else:
        assert command == ".venv/bin/guardian"
        assert rest.split()[0] in (
            "serve",
            "config",
            "ask",
            "key",
            "demo",
            "explain",
            "ingest",
            "watch",
            "drill",
            "monitor",
            "improvement",
        )
