from __future__ import annotations

import ast
import re
import runpy
import sys
from functools import cache
from importlib import import_module

import pytest

from tests.house import File
from tests.places import ROOT

DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md"])
SCRIPTS = sorted(path for folder in ("benchmarks", "docs", "examples") for path in
                 (ROOT / folder).glob("*.py"))  # fmt: skip
NAMED = re.compile(r"(?<![\w./-])cistron(?:\.\w+)+\b(?![(\w]*/)")
IMPORTED = re.compile(r"from (cistron[\w.]*) import ([\w, ]+)")


def test_the_page_of_keys_is_current():
    page = runpy.run_path(str(DOCS / "experiment_keys.py"))["page"]()
    assert (DOCS / "experiment-keys.md").read_text(encoding="utf-8") == page


@cache
def is_there(name):
    """Whether `cistron.a.b` is a module, or something that a module holds."""
    module, _, inside = name.rpartition(".")
    try:
        import_module(name)
    except ModuleNotFoundError:
        return bool(module) and is_there(module) and hasattr(import_module(module), inside)
    return True


def names_in(page):
    text = page.read_text(encoding="utf-8")
    names = set(NAMED.findall(text))
    for module, imported in IMPORTED.findall(text):
        names |= {f"{module}.{name.strip()}" for name in imported.split(",")}
    return names


def names_of(script):
    """Every name of the package that a script imports, or reads of a module that it imports."""
    text = script.read_text(encoding="utf-8")
    tree = ast.parse(text, script)
    imported = {name for _, name, _ in File(f"cistron/{script.name}", text).imports}
    names = {name for name in imported if name.split(".")[0] == "cistron"}
    modules = {name.rpartition(".")[2]: name for name in names if is_module(name)}
    read = {
        f"{modules[node.value.id]}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in modules
    }
    return names | read | names_in(script)


def is_module(name):
    return is_there(name) and name in sys.modules


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_module_that_a_page_names_is_there(page):
    assert not [name for name in sorted(names_in(page)) if not is_there(name)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_import_of_a_script_is_there(script):
    assert not [name for name in sorted(names_of(script)) if not is_there(name)]


def test_a_name_that_is_gone_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("`cistron.explain.attributions` and\n\n    from cistron.explain import gone\n")
    assert [name for name in sorted(names_in(page)) if not is_there(name)] == [
        "cistron.explain.attributions",
        "cistron.explain.gone",
    ]
    assert is_there("cistron.load")
    assert is_there("cistron.training.processes.processes.current")
