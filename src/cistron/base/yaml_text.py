"""YAML that others wrote: no key twice, and no more than a file of settings needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cistron.base.errors import InputError

MOST_TEXT = 4_000_000  # characters
DEEPEST = 50  # levels of lists and mappings
MERGE = "tag:yaml.org,2002:merge"  # the key <<, whose keys may be overridden
MOST_NODES = 200_000  # with every alias written out

# What PyYAML raises beside its own errors for values such as 2026-13-45 or !!float "".
_VALUES = (ValueError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)


def parse_yaml(text: str, source: str) -> Any:
    """Return what a YAML text says.

    Parameters
    ----------
    text : str
    source : str
        What messages call it.

    Raises
    ------
    InputError
        If it is not valid YAML, has a key twice, is nested too deeply, or grows by its aliases.
    """
    return parse_with_nodes(text, source)[0]


def parse_with_nodes(text: str, source: str) -> tuple[Any, yaml.Node | None]:
    """Return what a YAML text says, and its nodes, which know their lines (see `parse_yaml`)."""
    if len(text) > MOST_TEXT:
        raise InputError(f"{source}: the YAML text has more than {MOST_TEXT:,} characters.")
    try:
        _require_bounded(text, source)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        _require_different_keys(node, source)
        return loader.construct_document(node), node
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise InputError(f"{source}{where}: this is not valid YAML: {problem}.") from error
    except InputError:
        raise
    except _VALUES as error:
        raise InputError(f"{source}: a value is not valid YAML ({error}).") from error


def read_yaml(path: Path) -> Any:
    """Return what a YAML file says (see `parse_yaml`).

    Raises
    ------
    InputError
        Also if it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is damaged: it is not UTF-8 text.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_yaml(text, str(path))


def _require_bounded(text: str, source: str) -> None:
    """Refuse depth and aliases before anything is built of them.

    Aliases of aliases can stand for billions of values, and one within its own anchor for
    endlessly many.
    """
    sizes: dict[str, int] = {}  # of what an anchor stands for, with its aliases written out
    opened: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(text, yaml.SafeLoader):
        anchor, size = getattr(event, "anchor", None), 1
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append((anchor, 1))
            size = 0
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = opened.pop()
        elif isinstance(event, yaml.AliasEvent):
            if anchor in {name for name, _ in opened}:
                raise _at(event, source, f"the alias *{anchor} stands within what it stands for")
            size = sizes.get(event.anchor or "", 1)
        elif not isinstance(event, yaml.ScalarEvent):
            continue
        if anchor is not None and not isinstance(event, yaml.AliasEvent) and size:
            sizes[anchor] = size
        opened[-1] = (opened[-1][0], opened[-1][1] + size)
        if len(opened) - 1 > DEEPEST:
            raise _at(event, source, f"the values are nested more than {DEEPEST} levels deep")
        if opened[-1][1] > MOST_NODES:
            raise _at(event, source, f"the aliases stand for more than {MOST_NODES:,} values")


def _require_different_keys(root: yaml.Node, source: str) -> None:
    for mapping in _mappings(root):
        lines: dict[tuple[str, str], int] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise InputError(
                    f"{source}, lines {lines[name]} and {line}: the key {key.value!r} is written "
                    "twice. Remove one of the two."
                )
            lines[name] = line


def _mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Yield every mapping once, in the order of the text."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            yield node
            waiting += [part for pair in reversed(node.value) for part in reversed(pair)]
        else:
            waiting += reversed(node.value)


def _at(event: yaml.Event, source: str, problem: str) -> InputError:
    line = event.start_mark.line + 1 if event.start_mark else 1
    return InputError(f"{source}, line {line}: {problem}.")
