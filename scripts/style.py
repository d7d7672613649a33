"""Print the sizes and habits of the sources, a line for each folder; judges and gates nothing.

A function is as long as its lines without its docstring; empty files do not count. What stands out is named.
"""

import ast
import io
import math
import statistics
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

LONG_FILE = 400  # lines; more needs a reason in review
LONG_FUNCTION = 50  # lines; such a function rarely does one thing
ROW = "{:22}{:>6}{:>7}  {:>14}  {:>12}{:>7}{:>6}{:>6}{:>8}"
HEAD = ("folder", "files", "lines", "file 50/90/max", "fn 50/90/max", "doc %", "cmt", "ign", "tests")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Sizes:
    """What was counted in one folder or file."""

    files: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    functions: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    public: int = 0
    documented: int = 0
    comments: int = 0
    ignores: int = 0
    test_lines: int = 0

    def add(self, other: "Sizes") -> None:
        """Count what the other counted as well."""
        self.files += other.files
        self.functions += other.functions
        self.public += other.public
        self.documented += other.documented
        self.comments += other.comments
        self.ignores += other.ignores
        self.test_lines += other.test_lines

    def row(self, name: str) -> str:
        """Return the folder's line: comments and type-ignores for 1000 lines, test lines for one of code."""
        files, lines = len(self.files), sum(size for size, _ in self.files)
        documented = f"{100 * self.documented / self.public:.0f}" if self.public else "-"
        per_thousand = 1000 / lines if lines else 0
        return ROW.format(
            name,
            files,
            lines,
            spread([size for size, _ in self.files]),
            spread([size for size, _ in self.functions]),
            documented,
            f"{self.comments * per_thousand:.0f}",
            f"{self.ignores * per_thousand:.1f}",
            f"{self.test_lines * per_thousand / 1000:.2f}",
        )


def spread(sizes: list[int]) -> str:
    """Return median, 90th percentile (nearest rank) and largest."""
    if not sizes:
        return "-"
    ranked = sorted(sizes)
    return f"{statistics.median(ranked):.0f}/{ranked[math.ceil(0.9 * len(ranked)) - 1]}/{ranked[-1]}"


def length(function: Function) -> int:
    """Return the function's lines without its docstring."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return whole
    docstring = function.body[0]
    return whole - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def functions_of(node: ast.AST, public: bool = True) -> Iterator[tuple[Function, bool]]:
    """Yield every function and whether it is public: without underscore, and in nothing private or local."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            named = public and not child.name.startswith("_")
            yield child, named
            yield from functions_of(child, public=False)
        elif isinstance(child, ast.ClassDef):
            yield from functions_of(child, public and not child.name.startswith("_"))
        else:
            yield from functions_of(child, public)


def measure(source: str, name: str) -> Sizes:
    """Count one file."""
    if not source.strip():
        return Sizes()
    found = Sizes(files=[(len(source.splitlines()), name)])
    for function, public in functions_of(ast.parse(source)):
        found.functions.append((length(function), f"{name}:{function.lineno} {function.name}"))
        found.public += public
        found.documented += public and ast.get_docstring(function) is not None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            ignore = "type: ignore" in token.string or "pyright: ignore" in token.string
            found.ignores += ignore
            found.comments += not ignore
    return found


def folder_of(path: Path) -> str:
    """Return the folder a file counts for; files directly in the package count for `.`."""
    return path.parts[0] if len(path.parts) > 1 else "."


def survey(package: Path, tests: Path) -> dict[str, Sizes]:
    """Count a package folder by folder, with the tests that mirror each."""
    folders: dict[str, Sizes] = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        folders.setdefault(folder_of(name), Sizes()).add(measure(path.read_text("utf-8"), str(name)))
    for path in sorted(tests.rglob("*.py")):
        # Tests of no single folder count in the last line alone.
        name = folder_of(path.relative_to(tests))
        lines = len(path.read_text("utf-8").splitlines())
        folders.setdefault(name if name in folders else ".", Sizes()).test_lines += lines
    return folders


def main(root: Path) -> None:
    """Print the table and what stands out."""
    folders = survey(root / "src" / "guardian_cluster", root / "tests")
    total = Sizes()
    print(ROW.format(*HEAD))
    for name, sizes in folders.items():
        print(sizes.row(name))
        total.add(sizes)
    print(total.row("all"))
    for title, sizes, limit in (
        ("files", total.files, LONG_FILE),
        ("functions", total.functions, LONG_FUNCTION),
    ):
        long = sorted((item for item in sizes if item[0] > limit), reverse=True)
        print(f"\n{len(long)} of {len(sizes)} {title} over {limit} lines")
        for size, name in long:
            print(f"{size:6}  {name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
