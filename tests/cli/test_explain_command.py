"""`guardian explain`: who would answer, in words, in a table and as JSON."""

import json

import pytest

from guardian_cluster.cli.main import run

WEAK = '[specialist.weak]\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\nprice = {input_usd = 0.1, output_usd = 0.1}\n'
STRONG = (
    '[specialist.strong]\nurl = "http://127.0.0.1:9/v1"\nmodel = "m"\ntier = 3\n'
    "price = {input_usd = 10, output_usd = 30}\n"
)
PARTS = "compute 17*23 and write a Python function that reverses a string"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of its own, with two models that nobody serves and data that is not the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUARDIAN_DATA__FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "guardian.toml").write_text(WEAK + STRONG)
    return tmp_path


def explained(capsys, *arguments, status=0):
    assert run(["explain", *arguments]) == status
    return capsys.readouterr()


def told(capsys, *arguments):
    return json.loads(explained(capsys, "--json", *arguments).out)


def test_a_choice_is_shown_as_a_table_of_everybody_weighed(capsys):
    lines = explained(capsys, "Why is the sky blue?").out.splitlines()

    assert lines[0].startswith("complexity 0.")
    assert lines[1].startswith(("answered by weak: ", "answered by strong: "))
    assert lines[2] in ("if it fails: strong", "if it fails: weak")
    assert lines[3].split("  ")[0] == "specialist"
    rows = {line.split()[0]: line.split()[1:] for line in lines[4:]}
    assert rows.keys() == {"weak", "strong"}
    assert all(row[0].endswith("%") and row[-1].endswith("%") for row in rows.values())
    assert float(rows["weak"][2]) < float(rows["strong"][2])


def test_the_chances_in_the_table_are_those_of_all(capsys):
    lines = explained(capsys, "Why is the sky blue?").out.splitlines()

    assert sum(float(line.split()[-1].rstrip("%")) for line in lines[4:]) == pytest.approx(100.0, abs=0.11)


def test_json_has_all_of_it(capsys):
    found = told(capsys, "Why is the sky blue?")

    (only,) = found["assignments"]
    assert (found["requested"], only["text"]) == ("auto", None)
    assert {each["specialist"] for each in only["routing"]["candidates"]} == {"weak", "strong"}
    assert sum(each["probability"] for each in only["routing"]["candidates"]) == pytest.approx(1.0)
    assert only["routing"]["features"] == ""


def test_what_the_solver_understands_is_its_own(capsys):
    out = explained(capsys, "What is 17 * 23?").out

    assert "answered by solver: the solver understands it entirely, and is exact" in out
    assert "specialist  " not in out


@pytest.mark.parametrize(
    ("model", "chosen"), [("auto:cheap", "weak"), ("strong", "strong"), ("weak", "weak")]
)
def test_another_name_is_explained_too(capsys, model, chosen):
    found = told(capsys, "--model", model, "Hello there, my friend")

    assert found["assignments"][0]["specialist"] == chosen


def test_parts_are_shown_each_with_its_own(capsys):
    out = explained(capsys, PARTS).out

    assert "part 1: compute 17*23\nanswered by solver: " in out
    assert "part 2: write a Python function that reverses a string\nanswered by " in out


def test_parts_are_in_the_json_too(capsys):
    found = told(capsys, PARTS)

    assert [each["text"] for each in found["assignments"]] == [
        "compute 17*23",
        "write a Python function that reverses a string",
    ]
    assert found["assignments"][0]["specialist"] == "solver"


def test_a_part_cannot_write_to_the_terminal(capsys):
    out = explained(capsys, "compute 17*23 and write a Python function that prints \x1b[31m red").out

    assert "\x1b" not in out


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_refusal_is_told_with_its_reason(capsys, as_json):
    out, err = explained(capsys, *as_json, "--model", "wek", "Why?", status=3)

    assert out == ""
    assert "The model `wek` does not exist; did you mean `weak`?" in err
    assert "(model_not_found)" in err


def test_an_empty_model_is_refused_and_not_a_bug(capsys):
    assert "`model` is empty" in explained(capsys, "--model", "", "Why?", status=3).err


def test_a_tenants_policy_is_kept_to(folder, capsys):
    (folder / "guardian.toml").write_text(WEAK + STRONG + '[tenant.kept]\nspecialists = ["strong"]\n')

    assert told(capsys, "--tenant", "kept", "Why?")["assignments"][0]["specialist"] == "strong"
    err = explained(capsys, "--tenant", "kept", "--model", "weak", "Why?", status=3).err
    assert "may be answered by strong alone, and not `weak`" in err


def test_a_ceiling_is_shown_and_kept_to(folder, capsys):
    (folder / "guardian.toml").write_text(WEAK + STRONG + "[routing]\nmax_cost_usd = 0.001\n")

    out = explained(capsys, "Why?").out
    assert "may cost 0.001 USD" in out
    assert "answered by weak: the only one that is able" in out
    err = explained(capsys, "--model", "strong", "Why?", status=3).err
    assert "and this request may cost 0.001;" in err


def test_explaining_leaves_nothing_behind(folder, capsys):
    explained(capsys, "What does the handbook say about leave?")

    assert not (folder / "data").exists()


def test_a_question_has_to_be_asked(capsys):
    assert "Missing argument 'QUESTION'" in explained(capsys, status=2).err


def test_a_configuration_that_is_wrong_is_told_as_ever(folder, capsys):
    (folder / "guardian.toml").write_text("[specialist.weak]\n")

    assert "guardian.toml" in explained(capsys, "Why?", status=78).err
