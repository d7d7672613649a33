"""Which folder may import which: the rules drawn in docs/design/README.md, held against every source file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "guardian_cluster"
SOURCES = Path(__file__).parents[1] / "src"

DATA_PLANE = {"gateway", "request", "watcher", "specialists"}
WORKFLOWS = {"request", "monitoring", "improvement", "recovery", "optimization", "learning"}
# A folder named here imports nothing of the package but these; a folder not named imports what it needs.
ALLOWED = dict.fromkeys(DATA_PLANE, DATA_PLANE | {"contract", "domain", "statistics"}) | {
    "contract": {"contract", "domain"},
    "domain": {"domain"},
}
# A library named here is imported in the one place where it can be replaced; the engine has a database of its own.
ONLY_IN = {
    "dbos": ("engine",),
    "sqlalchemy": ("storage", "engine"),
    "alembic": ("storage",),
    "psycopg": ("storage", "engine"),
    "sympy": ("specialists.builtin",),
    f"{PACKAGE}.simulation": ("cli",),
}


def imports(module: str, source: str) -> Iterator[str]:
    """Yield the absolute name of everything imported, at any depth; a package is named `a.b.__init__`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = module.split(".")[: -node.level] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                yield from (f"{origin}.{alias.name}" for alias in node.names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name
            case _:
                pass


def within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def violations(module: str, source: str) -> list[str]:
    """Return one line for each import of this module that breaks a rule."""
    here = module.removeprefix(f"{PACKAGE}.")
    folder = here.split(".")[0]
    return [f"{module} imports {name}" for name in imports(module, source) if breaks(here, folder, name)]


def breaks(here: str, folder: str, name: str) -> bool:
    for restricted, homes in ONLY_IN.items():
        if within(name, restricted):
            return not any(within(here, home) for home in homes) and not within(
                f"{PACKAGE}.{here}", restricted
            )
    if not within(name, PACKAGE):
        return False
    target = f"{name}.".split(".")[1]
    if folder in ALLOWED:
        return target not in ALLOWED[folder]
    return folder in WORKFLOWS and target in WORKFLOWS - {folder}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCES).with_suffix("").parts)


def test_every_module_keeps_the_rules() -> None:
    paths = sorted((SOURCES / PACKAGE).rglob("*.py"))

    found = [line for path in paths for line in violations(module_name(path), path.read_text("utf-8"))]

    assert len(paths) > 10
    assert found == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gateway.api", "import guardian_cluster.storage.tables"),
        ("gateway.api", "from guardian_cluster import storage"),
        ("gateway.api", "from guardian_cluster import LLMGuardianCluster"),
        ("gateway.api", "import guardian_cluster"),
        ("request.router", "from guardian_cluster.monitoring import windows"),
        ("watcher.gate", "from ..telemetry.metrics import Metrics"),
        ("watcher.__init__", "from .. import config"),
        ("specialists.builtin.solver", "from ...engine import run"),
        ("request.router", "def late():\n    from guardian_cluster.engine import run"),
        ("request.router", "if TYPE_CHECKING:\n    from guardian_cluster.engine import Engine"),
        ("request.router", "import importlib\nimportlib.import_module('guardian_cluster.storage')"),
        ("monitoring.workflow", "from guardian_cluster.recovery import playbook"),
        ("learning.__init__", "from guardian_cluster import request"),
        ("contract.records", "from guardian_cluster.statistics import calibration"),
        ("domain.verdict", "from guardian_cluster.contract.records import Outcome"),
        ("processes.control", "from guardian_cluster.simulation import world"),
        ("processes.control", "from sqlalchemy import select"),
        ("storage.records", "import dbos"),
        ("cluster", "import alembic.command"),
        ("specialists.http", "from sympy import solve"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(violations(f"{PACKAGE}.{module}", source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gateway.api", "from guardian_cluster.request.workflow import RequestProcessingWorkflow"),
        ("request.router", "from guardian_cluster import contract, domain, statistics"),
        (
            "request.router",
            "from . import balancer\nfrom .context import Context\nfrom ..watcher import gate",
        ),
        ("watcher.__init__", "from .gate import Gate\nimport re"),
        ("specialists.builtin.solver", "import sympy"),
        ("processes.control", "from guardian_cluster.storage import records\nfrom ..gateway import api"),
        ("cluster", "from guardian_cluster import gateway, monitoring, recovery"),
        ("cli.demo", "from guardian_cluster.simulation import world"),
        ("simulation.world", "from guardian_cluster.simulation.faults import Fault"),
        ("engine.run", "from dbos import DBOS\nimport dbos_unrelated"),
        ("storage.tables", "import sqlalchemy as sa\nfrom alembic import command"),
        ("monitoring.workflow", "from guardian_cluster.monitoring.windows import Window"),
    ],
)
def test_an_allowed_import_is_not_reported(module: str, source: str) -> None:
    assert violations(f"{PACKAGE}.{module}", source) == []
