"""LiteLLM's proxy in front of the same endpoints, with the settings its documentation recommends for reliability."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.harness.processes import Running, cores
from benchmarks.resilience_world.stage import CERTIFICATES, Stage

START_TIMEOUT_S = 120.0

ROUTER = {
    "routing_strategy": "simple-shuffle",
    "num_retries": 2,
    "enable_weighted_failover": True,
    "enable_mid_stream_fallback_continuation": True,
}
"""Cool-downs are left at their defaults. The last two came with 1.108 or so; older ones ignore them."""

TIMEOUT_S = 4.0
STREAM_TIMEOUT_S = 2.0
"""For each attempt: with two retries as long as the gateway allows in all; streams as its `first_token_s`."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    base_url: str
    running: Running


def litellm_command() -> str | None:
    """Return the command: the one that GUARDIAN_LITELLM names, else that on the path; `None` if there is none."""
    return os.environ.get("GUARDIAN_LITELLM") or shutil.which("litellm")


@cache
def litellm_version(command: str) -> str:
    """Return its version."""
    said = subprocess.run(
        [command, "--version"],
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
        env=_environment(),
    ).stdout
    return next((word for word in said.split() if word[:1].isdigit()), "unknown")


def configuration(stages: Sequence[Stage]) -> dict[str, Any]:
    """Return a configuration with a model group for each case, and for each group one to fall back to.

    Mid-stream the proxy goes on with an answer only in another group, so the endpoints of a case are in two.
    """
    models: list[dict[str, Any]] = []
    fallbacks: list[dict[str, list[str]]] = []
    for stage in stages:
        urls = dict(stage.urls)
        spare = urls.pop("fallback", None)
        models += [_deployment(stage.name, url) for url in urls.values()]
        models += [
            _deployment(f"{stage.name}-fallback", url) for url in ([spare] if spare else urls.values())
        ]
        fallbacks.append({stage.name: [f"{stage.name}-fallback"]})
    return {
        "model_list": models,
        "router_settings": {**ROUTER, "fallbacks": fallbacks},
        "litellm_settings": {"telemetry": False, "num_retries": 2},
        "general_settings": {},
    }


def _deployment(group: str, url: str) -> dict[str, Any]:
    return {
        "model_name": group,
        "litellm_params": {
            "model": "openai/simulated-1",
            "api_base": url,
            "api_key": "none",
            "timeout": TIMEOUT_S,
            "stream_timeout": STREAM_TIMEOUT_S,
        },
        "model_info": {"supports_assistant_prefill": True},
    }


@contextlib.contextmanager
def litellm(command: str, stages: Sequence[Stage], lane: int) -> Generator[Proxy]:
    """Run the proxy until the block ends; lanes take turns on both cores, for it needs much of one."""
    with tempfile.TemporaryDirectory(prefix="guardian-litellm-") as name:
        folder, port = Path(name), _free_port()
        (folder / "config.yaml").write_text(json.dumps(configuration(stages)))  # JSON is YAML
        CERTIFICATES.cert_pem.write_to_path(folder / "ca.pem")
        with (folder / "output.log").open("wb") as output:
            running = Running(
                [command, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
                cores()[lane % 2],
                output=output,
                environment=_environment() | {"SSL_CERT_FILE": str(folder / "ca.pem")},
            )
            try:
                _await_ready(running, port, folder / "output.log")
                yield Proxy(f"http://127.0.0.1:{port}/v1", running)
            finally:
                running.stop()


def _environment() -> dict[str, str]:
    """Return an environment in which it contacts nobody and reads no settings of ours."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GUARDIAN_", "LITELLM_"))}
    return kept | {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }


def _await_ready(running: Running, port: int, log: Path) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and running.process.poll() is None:
        url = f"http://127.0.0.1:{port}/health/liveliness"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"LiteLLM's proxy did not start\noutput: {log.read_text(errors='replace')[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
