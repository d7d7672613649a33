"""scripts/style.py counts what it says it counts."""

import runpy
from pathlib import Path

import pytest

TOOL = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "style.py"))

SOURCE = '''"""Module."""

# a reason
class Visible:
    def shown(self):
        """Say so."""
        return 1  # type: ignore[code]

    async def bare(self):
        def local():
            return 2
        return local

    def _hidden(self):
        return 3
'''


def test_a_function_is_measured_without_its_docstring() -> None:
    sizes = TOOL["measure"](SOURCE, "visible.py")

    assert sizes.files == [(15, "visible.py")]
    assert [size for size, _ in sizes.functions] == [2, 4, 2, 2]


def test_only_public_functions_are_expected_to_have_docstrings() -> None:
    sizes = TOOL["measure"](SOURCE, "visible.py")

    assert (sizes.documented, sizes.public) == (1, 2)
    assert (sizes.comments, sizes.ignores) == (1, 1)


def test_the_spread_is_median_nearest_rank_and_maximum() -> None:
    assert TOOL["spread"](list(range(1, 11))) == "6/9/10"
    assert TOOL["spread"]([]) == "-"


def test_the_report_names_what_is_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "src" / "guardian_cluster" / "request"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "long.py").write_text("def endless():\n" + "    pass\n" * 400)
    (tmp_path / "tests" / "request").mkdir(parents=True)
    (tmp_path / "tests" / "request" / "test_long.py").write_text("pass\n" * 802)

    TOOL["main"](tmp_path)

    report = capsys.readouterr().out
    assert "1 of 1 files over 400 lines\n   401  request/long.py" in report
    assert "1 of 1 functions over 50 lines\n   401  request/long.py:1 endless" in report
    assert "2.00" in report
