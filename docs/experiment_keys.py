"""Write docs/experiment-keys.md: every key of an experiment file, from the settings themselves.

Run it as `python docs/experiment_keys.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cistron.base.settings import Settings, kinds_in
from cistron.experiment.experiment import Experiment

HEAD = """\
# Every key of an experiment file

Written by `python docs/experiment_keys.py` from the settings themselves; a test keeps it current.
`cistron schema` prints the same as a JSON schema, which editors use to complete and check files.
"""
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}


def main() -> None:
    """Write the page."""
    Path(__file__).with_name("experiment-keys.md").write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page as Markdown."""
    parts = [HEAD]
    schema = Experiment.model_json_schema(by_alias=True)
    for section, field in Experiment.model_fields.items():
        if section == "name":
            continue
        parts.append(f"## {section}\n")
        for settings in kinds_in(field.annotation, field.metadata):
            kind = settings.model_fields.get("kind")
            if kind is not None:
                parts.append(f"### kind: {kind.default}\n")
            summary = (settings.__doc__ or "").strip().splitlines()[0]
            parts.append(f"{summary}\n")
            parts.append(table(settings.__name__, schema))
            parts += sections(settings, schema)
    return "\n".join(parts).rstrip() + "\n"


def sections(owner: type[Settings], schema: dict[str, Any]) -> list[str]:
    """Return the tables of keys that hold keys of their own."""
    parts = []
    for key, field in owner.model_fields.items():
        for settings in kinds_in(field.annotation, field.metadata):
            if issubclass(owner, settings):  # stages: the keys of the section itself
                continue
            kind = settings.model_fields.get("kind")
            named = f", kind: {kind.default}" if kind is not None else ""
            parts.append(f"`{key}`{named}:\n")
            parts.append(table(settings.__name__, schema))
    return parts


def table(name: str, schema: dict[str, Any]) -> str:
    """Return the keys of one settings class as a Markdown table."""
    lines = ["| key | default | range | what it is |", "|---|---|---|---|"]
    properties = schema["$defs"][name]["properties"]
    required = schema["$defs"][name].get("required", [])
    for key, facts in properties.items():
        if key != "kind":
            default = "" if key in required else _yaml(facts.get("default"))
            meaning = facts["description"].replace("|", "\\|")
            lines.append(f"| `{key}` | {default} | {_range(facts)} | {meaning} |")
    return "\n".join(lines) + "\n"


def _range(facts: dict[str, Any]) -> str:
    """Return the words, or the bounds of a number, that a key allows; empty where any will do."""
    for option in (facts, *facts.get("anyOf", [])):
        if "enum" in option:
            return ", ".join(f"`{choice}`" for choice in option["enum"])
        bounds = [words.format(option[key]) for key, words in BOUNDS.items() if key in option]
        if bounds:
            return " and ".join(bounds)
    return ""


def _yaml(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    if isinstance(value, dict):  # keys of their own: see their table
        return f"kind `{value['kind']}`" if "kind" in value else ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


if __name__ == "__main__":
    main()
