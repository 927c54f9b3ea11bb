"""CONTRIBUTING.md is true: what it names is there, and the way it describes leads down."""

from __future__ import annotations

import ast
import re
from itertools import groupby

import pytest

from tests.house import ROWS, House, measure
from tests.places import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SRC = ROOT / "src"
HOUSE = House({p.relative_to(SRC).as_posix(): p.read_text() for p in SRC.rglob("*.py")})
NAMED = re.compile(r"`([\w/]+\.py)(?::([\w.]+))?`")
PACKAGE = SRC / "cistron"


def place_of(path):
    return (ROOT if path.split("/")[0] in ("tests", "docs", "benchmarks") else PACKAGE) / path


def definition(nodes, name):
    """Return what defines a name among the statements of a file or a class; None without it."""
    for node in nodes:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = [getattr(node, "name", None), *(getattr(t, "id", None) for t in targets)]
        if name in names:
            return node
    return None


def is_there(path, name=""):
    """Whether a file defines a name: `name`, or `Class.method`."""
    place = place_of(path)
    if not place.is_file():
        return False
    node = ast.parse(place.read_text())
    for part in filter(None, name.split(".")):
        node = definition(getattr(node, "body", []), part)
        if node is None:
            return False
    return True


def way():
    """Return the path and the name of every step of the way, by the room that its line names."""
    text = PAGE.split("## The way of one FASTA record")[1].split("\nTwo rooms are asked")[0]
    steps = re.split(r"\n\d+\. \*\*(\w+)\*\*", text)[1:]
    return [
        (room, *named)
        for room, sentences in zip(steps[::2], steps[1::2], strict=True)
        for named in NAMED.findall(sentences)
    ]


def test_every_file_and_name_is_there():
    named = NAMED.findall(PAGE)
    assert len(named) > 100
    assert not [f"{path}:{name}" for path, name in named if not is_there(path, name)]


def test_every_folder_is_there():
    folders = set(re.findall(r"`([\w/]+)/`", PAGE)) - {"src/cistron"}
    assert len(folders) > 15
    assert not [folder for folder in folders if not place_of(f"{folder}/").is_dir()]


def test_what_the_toys_are_called_is_there():
    toys = re.findall(r"Proof: `(\w+)` in `([\w/]+\.py)`", PAGE)
    assert len(toys) >= 6
    assert not [(name, path) for name, path in toys if not is_there(path, name)]


GONE = ["cli/gone.py", "cli/training.py:gone", "samples/samples.py:Samples.gone"]


@pytest.mark.parametrize("named", GONE)
def test_a_name_that_is_gone_is_found(named):
    assert not is_there(*named.split(":"))


def test_the_table_has_the_rooms_and_walls_of_the_house():
    table = re.findall(r"^\| `(\w+)/` \| .* \| (.+) \|$", PAGE, re.MULTILINE)
    rows = [tuple(room for room in rooms if (PACKAGE / room).is_dir()) for rooms in ROWS]
    rows = [rooms for rooms in rows if rooms]
    assert sorted(room for room, _ in table) == sorted(sum(rows, ()))
    assert len(table) == 16
    walls = dict(table)
    for rooms, below in zip(rows, [*rows[1:], ()], strict=True):
        for room in rooms:
            expected = {name for name in below if room != "samples" or name != "models"}
            assert set(re.findall(r"`(\w+)`", walls[room])) == expected


def test_the_measures_are_those_of_the_house():
    printed = PAGE.split("prints:\n\n")[1].split("\n\n")[0].splitlines()
    names = [each.name for each in measure(House({"cistron/base/a.py": "a = 1"}), 1)]
    assert [line.strip()[:34].strip() for line in printed] == names


def test_the_way_changes_room_at_most_ten_times():
    rooms = [room for room, _ in groupby(path.split("/")[0] for _, path, _ in way())]
    assert rooms == [room for room, _ in groupby(room for room, _, _ in way())]
    assert len(rooms) - 1 <= 10
    assert (rooms[0], rooms[-1]) == ("cli", "report")


def not_reached(steps):
    """Return the steps whose file no file named before them imports."""
    missing, before = [], set()
    for _, path, _ in steps:
        module = f"cistron.{path.removesuffix('.py').replace('/', '.')}"
        if before and not any(module in {m, *HOUSE.arrows[m]} for m in before):
            missing.append(path)
        before.add(module)
    return missing


def not_called(steps):
    """Return the steps whose name no file named before them, nor their own, uses."""
    missing, used = [], {"fit"}
    for _, path, name in steps:
        nodes = HOUSE.files[f"cistron.{path.removesuffix('.py').replace('/', '.')}"].nodes
        used |= {node.id for node in nodes if isinstance(node, ast.Name)}
        used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        if name.split(".")[-1] not in used:
            missing.append(f"{path}:{name}")
    return missing


def test_the_way_never_goes_up():
    """Each step's file is imported by one named before it, so by the walls it lies below that."""
    assert not not_reached(way())
    assert not not_called(way())


def test_a_way_that_goes_up_is_found():
    steps = way()
    assert not_reached(steps[:6] + steps[10:])
    assert not_reached(steps[::-1])
    assert not_called([*steps[:3], ("report", "report/page.py", "heading_of")])
