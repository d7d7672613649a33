"""How recovery is configured: for whom, with which moves, by which backups."""

import pytest

from guardian_cluster.config import Config, load_config
from guardian_cluster.errors import ConfigError


def model(name: str, more: str = "") -> str:
    return f'[specialist.{name}]\nurl = "http://h/v1"\nmodel = "m"\n{more}\n'


@pytest.fixture
def outcome(tmp_path):
    """Load a text and return it as a configuration, or what is said of it."""

    def outcome(*tables: str) -> Config | str:
        file = tmp_path / "guardian.toml"
        file.write_text("".join(tables))
        try:
            return load_config(file, environment={})
        except ConfigError as error:
            return str(error).replace(f"{tmp_path}/", "")

    return outcome


def said(message: str, code: str, hint: str = "") -> str:
    lines = [f"error: guardian.toml:{message}", f"  {hint}", f"  see: guardian config schema      ({code})"]
    return "\n".join(line for line in lines if line.strip())


def test_recovery_as_configured_is_what_is_deployed(outcome):
    text = """
        [recovery]
        autonomy = "observe"
        actions_per_hour = 0
        hold_s = 60
        [recovery.specialists]
        m = "act"
        [recovery.backup]
        m = ["n"]
        [recovery.playbook]
        hang = ["drain", "backup"]
        unknown = ["page"]
        slow = []
    """

    found = outcome(text, model("m"), model("n")).base().recovery

    assert (found.autonomy, found.actions_per_hour, found.hold_s) == ("observe", 0, 60.0)
    assert (found.specialists, found.backup) == ({"m": "act"}, {"m": ("n",)})
    assert found.playbook == {"hang": ("drain", "backup"), "unknown": ("page",), "slow": ()}


WRONG = {
    '[recovery.specialists]\nx = "act"': (
        '2: [recovery.specialists] names "x", but there is no such specialist',
        "config-unknown-specialist",
        "known: m, n, solver, recall",
    ),
    '[recovery.specialists]\nm = "acting"': (
        "2: recovery.specialists.m must be one of act, observe, propose",
        "config-bad-value",
        "",
    ),
    '[recovery.backup]\nsolvr = ["n"]': (
        '2: [recovery.backup] names "solvr", but there is no such specialist',
        "config-unknown-specialist",
        'did you mean "solver"?',
    ),
    '[recovery.backup]\nm = ["x"]': (
        '2: the backup of [specialist.m] names "x", but there is no such specialist',
        "config-unknown-specialist",
        "known: m, n, solver, recall",
    ),
    '[recovery.backup]\nm = ["m"]': (
        "2: the backup of [specialist.m] is the specialist itself; name another",
        "config-own-backup",
        "",
    ),
    '[recovery.backup]\nm = [\n"n",\n"n"]': (
        '4: the backup of [specialist.m] names "n", which it has already',
        "config-repeated-standin",
        "",
    ),
    "[recovery.backup]\nm = 'n'": (
        "2: recovery.backup.m must be an array, not a string",
        "config-wrong-type",
        "",
    ),
    '[recovery.playbook]\nhng = ["drain"]': (
        '2: unknown key "hng" in [recovery.playbook]',
        "config-unknown-key",
        'did you mean "hang"?',
    ),
    '[recovery.playbook]\nhang = ["drian"]': (
        "2: recovery.playbook.hang[0] must be one of backup, concurrency, drain, page, pool, probe, reroute,"
        " restart, shed, timeouts, variant",
        "config-bad-value",
        "",
    ),
    '[recovery.playbook]\nhang = ["drain", "page", "drain"]': (
        '2: recovery.playbook.hang names "drain", which it has already',
        "config-repeated-entry",
        "",
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_what_recovery_could_not_do_is_said_with_its_line(outcome, text: str):
    assert outcome(f"{text}\n", model("m"), model("n")) == said(*WRONG[text])


def test_a_backup_that_cannot_do_what_the_specialist_can_is_an_error(outcome):
    backup = '[recovery.backup]\nm = ["n"]\n'
    found = outcome(backup, model("m", "context_length = 9"), model("n", "context_length = 8\ntools = false"))

    assert found == said(
        '2: the backup of [specialist.m] names "n", which lacks what it has: tools, '
        "context_length 9 (it has 8)",
        "config-lacks-ability",
        "if it can, say so in [specialist.n]; if it cannot, name another, or say less in [specialist.m]",
    )


REMEDY = (
    "name another; a fallback, which is chosen for each request, need not have what every tenant asks for"
)


@pytest.mark.parametrize(
    ("tenant", "why"),
    [
        ('requires = ["eu"]', 'it has not the label "eu"'),
        ('specialists = ["m"]', "it is not among its specialists"),
    ],
)
def test_a_backup_that_a_tenant_does_not_trust_is_an_error(outcome, tenant: str, why: str):
    backup = f'[recovery.backup]\nm = ["n"]\n[tenant.t]\n{tenant}\n'
    found = outcome(backup, model("m", 'labels = ["eu"]'), model("n"))

    message = f'2: the backup of [specialist.m] is "n", to which [tenant.t] entrusts no request: {why}'
    assert found == said(message, "config-untrusted-backup", REMEDY)


@pytest.mark.parametrize(
    "tenant",
    [
        'requires = ["us"]',  # the specialist has none of its requests
        'specialists = ["n"]',
        'specialists = ["m", "n"]',
        'requires = ["eu"]\nspecialists = ["o"]',
    ],
)
def test_a_backup_is_trusted_by_those_whose_requests_it_would_be_given(outcome, tenant: str):
    backup = f'[recovery.backup]\nm = ["n"]\n[tenant.t]\n{tenant}\n'
    models = [model("m", 'labels = ["eu"]'), model("n"), model("o", 'labels = ["eu", "us"]')]

    assert isinstance(outcome(backup, *models), Config)


def test_backups_that_lead_in_a_circle_are_an_error(outcome):
    found = outcome('[recovery.backup]\nm = ["n"]\nn = ["m"]\n', model("m"), model("n"))

    hint = 'leave it out; where each answers as well as the other, write equals = ["m"] in [specialist.n]'
    hint += ', and equals = ["n"] in [specialist.m]'
    message = "3: the backup of [specialist.n] closes a circle: m -> n -> m"
    assert found == said(message, "config-backup-circle", hint)


def test_fallbacks_of_those_without_a_backup_count_in_a_circle(outcome):
    found = outcome('[recovery.backup]\nn = ["m"]\n', model("m", 'fallback = ["n"]'), model("n"))

    assert "2: the backup of [specialist.n] closes a circle: m -> n -> m" in found
    instead = '[recovery.backup]\nn = ["m"]\nm = ["o"]\n'
    models = [model("m", 'fallback = ["n"]'), model("n"), model("o")]
    assert isinstance(outcome(instead, *models), Config)


def test_many_backups_and_tenants_are_compared_in_good_time(outcome):
    count = 2_000  # 4 million comparisons, were all done
    models = "".join(f'[specialist.m{n}]\nurl="http://h"\nmodel="m"\nlabels=["l{n}"]\n' for n in range(count))
    tenants = "".join(f'[tenant.t{n}]\nrequires=["l{n}"]\n' for n in range(count))
    backups = "[recovery.backup]\n" + "".join(f'm{n}=["m{n + 1}"]\n' for n in range(count - 1))

    assert "config-untrusted-backup" in str(outcome(models, tenants, backups))
