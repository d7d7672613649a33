"""docs/configuration.md says what the code does: examples load, tables are complete, errors exist."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from guardian_cluster.config import load_config
from guardian_cluster.configuration.sections import (
    DataSection,
    EndpointSection,
    GatewaySection,
    LogSection,
    Sections,
    SpecialistSection,
    TenantSection,
)
from guardian_cluster.contract.snapshot import (
    AlertPolicy,
    BalancingPolicy,
    DenyRule,
    EscalationStep,
    GatewayLimits,
    GuardianPolicy,
    InputPolicy,
    Limits,
    MemoryPolicy,
    Price,
    RecordPolicy,
    RecoveryPolicy,
    RoutingPolicy,
    SecretKind,
    Sink,
    Timeouts,
    WatchPolicy,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/configuration.md").read_text()
SOURCES = ROOT / "src/guardian_cluster"

EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)

TABLES = {
    "[gateway]": GatewaySection,
    "[gateway.limits]": GatewayLimits,
    "[data]": DataSection,
    "[records]": RecordPolicy,
    "[log]": LogSection,
    "[watch]": WatchPolicy,
    "[[watch.deny]]": DenyRule,
    "[[watch.secrets]]": SecretKind,
    "[watch.input]": InputPolicy,
    "[routing]": RoutingPolicy,
    "[balancing]": BalancingPolicy,
    "[guardians]": GuardianPolicy,
    "[recovery]": RecoveryPolicy,
    "[alerts]": AlertPolicy,
    "[alerts.sinks.NAME]": Sink,
    "[[alerts.escalation]]": EscalationStep,
    "[memory]": MemoryPolicy,
    "[tenant.NAME]": TenantSection,
    "[tenant.NAME.limits]": Limits,
    "[specialist.NAME]": SpecialistSection,
    "[[specialist.NAME.endpoint]]": EndpointSection,
    "[specialist.NAME.price]": Price,
    "[specialist.NAME.timeouts]": Timeouts,
}


def section(heading):
    return PAGE.split(f"### `{heading}`\n")[1].split("\n#")[0]


def documented(heading):
    """Each key of a section's table and its default as the page gives it."""
    rows = [[cell.strip() for cell in row.split("|")] for row in section(heading).splitlines()]
    return {row[1].strip("`"): row[3] for row in rows if len(row) > 4 and row[1].startswith("`")}


def defaults(struct):
    return {field.name: field for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_complete_file(tmp_path, example):
    (tmp_path / "writer.key").write_text("sk-1\n")
    (tmp_path / "guardian.toml").write_text(example)

    base = load_config(tmp_path / "guardian.toml", environment={"SECOND_KEY": "sk-2"}).base()

    assert len(base.specialists) > 1


def test_there_is_a_table_for_every_section():
    headings = set(re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE))

    assert headings == {*TABLES, "[alias]"}
    assert {heading.strip("[]").split(".")[0] for heading in headings} == set(Sections.__struct_fields__)


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_documented(heading):
    assert list(documented(heading)) == list(TABLES[heading].__struct_fields__)


@pytest.mark.parametrize("heading", TABLES)
def test_every_default_is_the_real_one(heading):
    fields = defaults(TABLES[heading])

    for key, cell in documented(heading).items():
        field = fields[key]
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        match cell:
            case "required":
                assert fields[key].required, key
            case "none":
                assert default is None, key
            case "":
                assert default in (msgspec.NODEFAULT, {}) or isinstance(default, msgspec.Struct), key
            case _:
                written = tomllib.loads(f"value = {cell.strip('`')}")["value"]
                assert (list(default) if isinstance(default, tuple) else default) == written, key


def test_every_error_is_documented_and_every_documented_error_exists():
    files = [*(SOURCES / "configuration").glob("*.py"), SOURCES / "config.py", SOURCES / "keys.py"]
    raised = {code for file in files for code in re.findall(r'"((?:config|keys)-[a-z-]+)"', file.read_text())}

    listed = re.findall(r'^\| <a id="([a-z-]+)"></a>`\1` \|', PAGE, re.MULTILINE)

    assert sorted(listed) == listed
    assert set(listed) == raised


def test_every_link_leads_to_a_heading_of_the_page():
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}

    links = set(re.findall(r"\]\(#([^)]*)\)", PAGE))

    assert links
    assert links <= anchors
