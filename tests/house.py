"""What holds the house up, measured: `python -m tests.house` prints it, `test_house.py` holds it.

The imports are read from the syntax, those inside functions and those for type checkers too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tests.places import ROOT

# From the top of the house to its bottom: a room may import every room of the rows below its own.
ROWS = (
    ("cli",),
    ("serve",),
    ("pipeline",),
    ("report",),
    ("explain",),
    ("classifier",),
    ("experiment",),
    ("training", "evaluation"),
    ("encoders", "splits", "figures"),
    ("samples",),
    ("models", "targets"),
    ("base",),
)
ROW = {room: row for row, rooms in enumerate(ROWS) for room in rooms}
NEVER = {("samples", "models")}  # although it points down

# Heavy or optional: a function may import them, so that nobody waits for what is not used.
LATE = """
    accelerate anndata h5py huggingface_hub joblib matplotlib memelite mlflow modiscolite optuna
    peft psycopg pyarrow pyBigWig pyjaspar ray rich scipy skops sklearn sqlalchemy tensorboard
    torch transformers umap zarr
""".split()  # noqa: SIM905
LATE_TORCH = ("base", "samples")  # elsewhere a file imports torch at its top, or not at all

# What kind of target there is, asked in seven spellings. Only targets/ may ask.
TRUTH = (
    r"(?:\b(?:if|elif|while|and|or|not|assert) |\bbool\()[\w.]*\.{0}\b(?![.(\[])"
    r"|\.{0} (?:and|or|if|is|else)\b"
)
FORKS = {
    "samples.separator": TRUTH.format("separator"),
    "head.kind": r"\bhead\.kind (?:==|!=|in|not in) ",
    "targets.ndim": r"\btargets\.ndim (?:==|!=) 2",
    "dtype.kind": r'\bdtype\.kind (?:==|!=) "f"',
    "isinstance Calls": r"\bisinstance\(.*\bCalls\b",
    "label_separator": r'"label_separator" (?:not )?in |\bgetattr\(.*"label_separator"',
    "quantity": r'"quantity" (?:not )?in |\bgetattr\(.*"quantity"|' + TRUTH.format("quantity"),
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class File:
    """A file of the package by its path from src/, such as `cistron/base/files.py`."""

    path: str
    text: str

    @cached_property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def room(self) -> str:
        """The room; nothing for the package's own two files, which may import anything."""
        inside = self.module.partition(".")[2].partition(".")[0]
        return "" if inside == "__main__" else inside

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(ast.parse(self.text)))

    @cached_property
    def functions(self) -> list[Function]:
        return [node for node in self.nodes if isinstance(node, Function)]

    @cached_property
    def imports(self) -> list[tuple[int, str, bool]]:
        """The line of each import, what it imports, and whether a function does it."""
        late = {id(node) for function in self.functions for node in ast.walk(function)}
        imports = []
        for node in self.nodes:
            names = []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno} is a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            imports += [(node.lineno, name, id(node) in late) for name in names]
        return imports


class House:
    """The files, and the arrows between them: `arrows[tail][head]` is the line of the import."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Read the files from `texts`: path → content."""
        files = [File(path, text) for path, text in sorted(texts.items())]
        self.files = {file.module: file for file in files}
        self.arrows: dict[str, dict[str, int]] = {file.module: {} for file in files}
        for file in files:
            for line, name, _ in file.imports:
                # `from a import b` imports the file a.b, or something that the file a holds.
                head = name if name in self.files else name.rpartition(".")[0]
                if head in self.files and head != file.module:
                    self.arrows[file.module].setdefault(head, line)
        self.pairs = [(tail, head) for tail, heads in self.arrows.items() for head in heads]

    def _named(self, tail: str, head: str) -> str:
        line = self.arrows[tail][head]
        return f"{self.files[tail].path}:{line} imports {self.files[head].path}"

    def arrows_up(self) -> list[str]:
        """Imports of a room that is not further down, or of the package's root."""
        return [self._named(*pair) for pair in self.pairs if not self._points_down(*pair)]

    def _points_down(self, tail: str, head: str) -> bool:
        upper, lower = self.files[tail].room, self.files[head].room
        if upper in ("", lower):
            return True
        return (upper, lower) not in NEVER and ROW.get(upper, 99) < ROW.get(lower, -1)

    def circles(self) -> list[str]:
        """Imports that lead back to the file they are in."""
        below = {module: self._below(module) for module in self.arrows}
        return [self._named(tail, head) for tail, head in self.pairs if tail in below[head]]

    def _below(self, module: str) -> set[str]:
        below, ahead = {module}, [module]
        while ahead:
            heads = self.arrows[ahead.pop()].keys() - below
            below |= heads
            ahead += heads
        return below

    def late(self) -> tuple[list[str], list[str]]:
        """Imports inside functions that belong at the top: of this package, and of others."""
        own, others = [], []
        for file in self.files.values():
            for line, name, late in file.imports:
                if late and not _may_be_late(file, name):
                    (own if name.startswith("cistron") else others).append(
                        f"{file.path}:{line} {name}"
                    )
        return own, others

    def forks(self, pattern: str) -> list[str]:
        """Lines outside of targets/ that match."""
        return [
            f"{file.path}:{number} {line.strip()}"
            for file in self.files.values()
            for number, line in enumerate(file.text.splitlines(), 1)
            if file.room != "targets" and re.search(pattern, line)
        ]


def _may_be_late(file: File, name: str) -> bool:
    if file.room in ("cli", ""):  # so that --help answers at once
        return True
    library = name.partition(".")[0]
    if library == "torch":
        return file.room in LATE_TORCH or name.startswith("torch.utils.tensorboard")
    return library in LATE or library in sys.stdlib_module_names


def length(function: Function) -> int:
    """Lines of a function without its docstring."""
    docstring = len((ast.get_docstring(function, clean=False) or "").splitlines())
    return function.end_lineno - function.lineno + 1 - docstring


def parameters(function: Function, file: File) -> int:
    """Parameters of a function; those of a command are options, of which there may be more."""
    if file.room == "cli" and not function.name.startswith("_"):
        return 0
    names = [a.arg for a in function.args.posonlyargs + function.args.args]
    return len(names) - (names[:1] in (["self"], ["cls"])) + len(function.args.kwonlyargs)


class Measure(NamedTuple):
    """What is counted, the count, its limit, and each place."""

    name: str
    count: float
    limit: float
    places: Sequence[str] = ()
    least: bool = False  # the limit is from below

    @property
    def holds(self) -> bool:
        return self.count >= self.limit if self.least else self.count <= self.limit


def above(counts: Mapping[str, int], limit: int) -> list[str]:
    return [f"{place}: {count}" for place, count in counts.items() if count > limit]


def measure(house: House, lines_of_tests: int) -> Iterator[Measure]:
    """Measure a house and count the lines of its tests against it."""
    files = house.files.values()
    lines = {file.path: len(file.text.splitlines()) for file in files}
    rooms = sorted({path.split("/")[1] for path in lines} - {"__init__.py"})
    yield Measure("rooms", len(rooms), 17, rooms)
    yield Measure("lines of src", sum(lines.values()), 50_000)
    share = round(lines_of_tests / sum(lines.values()), 3)
    yield Measure("lines of tests per line of src", share, 0.6, least=True)
    functions = {
        f"{file.path}:{f.lineno} {f.name}": (f, file) for file in files for f in file.functions
    }
    lengths = {place: length(function) for place, (function, _) in functions.items()}
    given = {place: parameters(*function) for place, function in functions.items()}
    own, others = house.late()
    counted = {
        "arrows up": house.arrows_up(),
        "arrows in circles": house.circles(),
        "late imports of cistron": own,
        "late imports of others": others,
        "files over 400 lines": above(lines, 400),
        "functions over 60 lines": above(lengths, 60),
        "functions with over 8 parameters": above(given, 8),
        **{f"forks: {name}": house.forks(pattern) for name, pattern in FORKS.items()},
    }
    for name, places in counted.items():
        yield Measure(name, len(places), 0, places)
    names = [(file, node) for file in files for node in file.nodes if isinstance(node, ast.Name)]
    anys = [f"{file.path}:{node.lineno}" for file, node in names if node.id == "Any"]
    yield Measure("Any", len(anys), 300, anys)


def this_house() -> dict[str, Measure]:
    """Measure this checkout."""
    src = ROOT / "src"
    texts = {path.relative_to(src).as_posix(): path.read_text() for path in src.rglob("*.py")}
    tests = sum(len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py"))
    return {measured.name: measured for measured in measure(House(texts), tests)}


if __name__ == "__main__":
    for each in this_house().values():
        sign = "≥" if each.least else "≤"
        print(f"{each.name:34}{each.count:>8g}  {sign} {each.limit:g}{'' if each.holds else '  !'}")
