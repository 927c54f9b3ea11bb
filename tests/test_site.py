"""The site: every page is in a table of contents, links lead somewhere, and its commands parse."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jinja2 import Template

import cistron
from cistron.cli import app
from cistron.experiment.file import make_experiment
from tests.places import ROOT

DOCS = ROOT / "docs"
GENERATED = ("commands", "python-api")  # written when the site is built
SITE = sorted(p for p in DOCS.rglob("*.md") if "_build" not in p.parts and p.stem not in GENERATED)
PAGES = [*SITE, *sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md"]
TUTORIALS = [p for p in SITE if p.parent.name == "tutorials" and p.stem != "index"]
WORKFLOWS = [ROOT / "examples" / name for name in ("Snakefile", "main.nf")]
FENCE = re.compile(r"^( *)(```+|:::+)(.*)$")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|[\s/])cistron (?=[a-z])")
END_OF_COMMAND = {"|", "||", "&&", "&", ";", ">", "2>&1", "|&", "2>/dev/null"}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def blocks(page: Path) -> tuple[tuple[str, str], ...]:
    """Return the code blocks of a page: what stands behind the fence (empty if indented), text."""
    found, inside, kind, indented = [], None, "", []
    for line in [*page.read_text(encoding="utf-8").splitlines(), ""]:
        fence = FENCE.match(line)
        if inside is not None:
            if fence and fence[2].startswith("```") and not fence[3].strip():
                found.append((kind, "\n".join(inside)))
                inside = None
            else:
                inside.append(line)
        elif fence and fence[2].startswith("```"):
            inside, kind = [], fence[3].strip()
        elif line.startswith("    ") or (indented and not line.strip()):
            indented.append(line[4:])
        elif indented:
            found.append(("", "\n".join(indented)))
            indented = []
    return tuple(found)


def shown(page: Path) -> list[str]:
    """Return the commands of a page: those of its code blocks, and those between backticks."""
    text = page.read_text(encoding="utf-8")
    lines = []
    for kind, block in blocks(page):
        if not kind.startswith(("python", "yaml", "json", "{literalinclude")):
            lines += block.replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines += [code.replace("\\|", "|") for code in re.findall(r"`(cistron [^`\n]+)`", prose)]
    return [command for line in lines for command in commands_of(line)]


def commands_of(line: str) -> list[str]:
    """Return what a line of a shell gives to `cistron`, each without what follows it."""
    if line.lstrip().startswith("conda "):
        return []
    starts = [match.end() for match in COMMAND.finditer(line.split(" #")[0])]
    return [line[start:] for start in starts]


@cache
def command_line() -> Any:
    return typer.main.get_command(app)


def mistake(command: str) -> str:
    """Return what the command line says against a command; nothing if it takes it."""
    words = shlex.split(command.replace("\\|", "|"), comments=True)
    words = [word.strip("`") for word in words]
    stops = [number for number, word in enumerate(words) if word in END_OF_COMMAND]
    words = words[: min(stops)] if stops else words
    group = command_line()
    while hasattr(group, "commands"):
        if not words or words[0] not in group.commands:
            return f"there is no command {' '.join(words[:1])!r}"
        group, words = group.commands[words[0]], words[1:]
    spoken_of = not words or words[-1].startswith("--") or bool(set(words) & {"…", "..."})
    if spoken_of:
        return ""
    try:
        group.make_context("cistron", words)
    except Exception as error:  # noqa: BLE001 (Typer keeps its own copy of click's errors)
        said = str(error)
        return "" if said.startswith("Missing") else said or repr(error)
    return ""


def test_a_command_that_is_wrong_is_found():
    assert mistake("fit experiment.yaml --out run --seeds 5") == ""
    assert mistake("data get yeast data | head") == ""
    assert "--sees" in mistake("fit experiment.yaml --out run --sees 5")
    assert "train" in mistake("train experiment.yaml")
    assert mistake("fit experiment.yaml --out run --seeds many")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_of_a_page_parses(page):
    said = {command: mistake(command) for command in shown(page)}
    assert {command: words for command, words in said.items() if words} == {}


def test_commands_are_found():
    assert len(shown(ROOT / "README.md")) >= 5
    assert sum(len(shown(page)) for page in TUTORIALS) >= 20
    assert len(shown(DOCS / "coming-from" / "senseqnet.md")) >= 6


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_block_of_python_and_yaml_of_a_page_is_right(page):
    for kind, block in blocks(page):
        if kind.startswith("python") or (kind == "{code-cell}" and "%%" not in block):
            ast.parse(re.sub(r"^:tags:.*$", "", block, flags=re.MULTILINE).replace("…", "..."))
        elif kind.startswith("yaml"):
            document = yaml.safe_load(block)
            if isinstance(document, dict) and {"name", "samples", "model"} <= set(document):
                make_experiment(document)


def entries(page: Path) -> list[str]:
    """Return the pages that the tables of contents of a page list, relative to docs/."""
    listed = []
    for kind, block in blocks(page):
        if kind == "{toctree}":
            lines = [line for line in block.splitlines() if line and not line.startswith(":")]
            names = [re.sub(r"^.*<(.*)>$", r"\1", line) for line in lines]
            listed += [
                (page.parent / name).resolve().relative_to(DOCS).as_posix() for name in names
            ]
    return listed


def test_every_page_is_in_one_table_of_contents():
    pages = {path.relative_to(DOCS).with_suffix("").as_posix(): path for path in SITE}
    listed = [name for page in SITE for name in entries(page)]
    assert sorted(listed) == sorted([*(pages.keys() - {"index"}), *GENERATED])
    reached, waiting = set(), ["index"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += entries(pages[name]) if name in pages else []
    assert reached == {*pages, *GENERATED}


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    bare = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in bare}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere."""
    text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))
    found = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        place = (page.parent / path).resolve() if path else page
        if place.stem in GENERATED and place.parent == DOCS and page.is_relative_to(DOCS):
            continue
        outside = page.is_relative_to(DOCS) and not place.is_relative_to(DOCS)
        if not place.is_file() or outside or (anchor and anchor not in anchors(place)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_between_pages_leads_somewhere(page):
    assert broken(page) == []


def test_a_broken_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](page.md#here) [b](gone.md) [c](#there) `[d](code.md)`\n")
    assert broken(page) == ["gone.md", "#there"]


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 120


def test_generated_pages_name_every_command_and_every_public_name(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import generated_pages

    commands = generated_pages.commands_page()
    assert "## cistron data get\n" in commands
    assert "| `--seeds " in commands
    names = [name for name in cistron.__all__ if name[0] != "_"]
    page = generated_pages.api_page()
    assert [name for name in names if f":: cistron.{name}\n" not in page] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=named)
def test_every_command_of_a_workflow_parses(file):
    text = file.read_text(encoding="utf-8")
    lines = re.findall(r"\bcistron ((?:fit|crossval|predict) [^\n\"]+)", text)
    plain = [re.sub(r"\$?\{[^{}]*(?:threads|cpus)\}", "2", line) for line in lines]
    plain = [re.sub(r"\{CHANGES\}", "", line) for line in plain]
    plain = [re.sub(r"\$?\{[^{}]+\}", "name", line) for line in plain]
    assert [line.split()[0] for line in plain] == ["fit", "crossval", "predict"]
    assert [mistake(line) for line in plain] == ["", "", ""]


CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def test_the_recipe_of_conda_needs_what_the_package_needs():
    text = (ROOT / "recipe" / "meta.yaml").read_text(encoding="utf-8")
    recipe = yaml.safe_load(Template(text).render(PYTHON="python", python_min="3.11"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [each.lower() for each in project["dependencies"] if ";" not in each]
    needed = [re.sub(r"^[\w-]+", lambda name: CONDA_NAMES.get(name[0], name[0]), n) for n in needed]
    given = [each.replace(" ", "") for each in recipe["requirements"]["run"]]
    assert sorted(given) == sorted([*needed, f"python{project['requires-python']}"])
    assert recipe["package"] == {"name": project["name"], "version": project["version"]}


PROJECT = """\
name: project
samples: {kind: fasta, alphabet: protein, classes: {a: a.fasta, b: b.fasta}}
split: {kind: random, folds: 2}
encoder: {kind: composition}
model: {kind: logistic_regression}
evaluation: {baselines: [majority], homology_search: false, bootstrap: 100}
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("snakemake") is None, reason="snakemake is not installed")
def test_the_snakefile_goes_the_whole_way(tmp_path):
    for name, residues in {"a": "AALK", "b": "WWFK"}.items():
        records = [f">{name}{i}\n{residues * (8 + i)}\n" for i in range(30)]
        (tmp_path / f"{name}.fasta").write_text("".join(records))
    (tmp_path / "experiment.yaml").write_text(PROJECT)
    (tmp_path / "shards").mkdir()
    for number in range(2):
        shutil.copy(tmp_path / "a.fasta", tmp_path / "shards" / f"s{number}.fasta")
    command = ["snakemake", "--snakefile", ROOT / "examples" / "Snakefile", "--directory", tmp_path]
    environment = {**os.environ, "PATH": with_python(), "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([*command, "--cores", "2"], check=True, env=environment)
    assert (tmp_path / "folds" / "report.html").is_file()
    tables = sorted((tmp_path / "predictions").glob("*.tsv"))
    assert [table.name for table in tables] == ["s0.tsv", "s1.tsv"]
    assert all(len(table.read_text().splitlines()) == 31 for table in tables)


def with_python() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("myst_nb", reason="needs pip install '.[docs]'")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", DOCS, tmp_path / "html"]
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    for page in TUTORIALS:
        html = (tmp_path / "html" / "tutorials" / f"{page.stem}.html").read_text(encoding="utf-8")
        assert "cell_output" in html
