"""With what, on what and from what the run was made."""

from __future__ import annotations

from cistron.figures.numbers import count
from cistron.report.html import duration
from cistron.report.names import human, without_folders
from cistron.report.read import Content
from cistron.report.section import ReportSection, Shown
from cistron.report.tables import facts

_MACHINE = ("platform", "device", "threads", "seed", "seeds")
_NOT_VERSIONS = {*_MACHINE, "started", "seconds", "parameters", "command", "sources", "notes"}


def provenance(content: Content) -> Shown | None:
    """Say with what, on what and from what the run was made; None where that is not known."""
    environment = content.environment
    if not environment:
        return None
    known = {key: value for key, value in environment.items() if value is not None}
    versions = [(key, str(value)) for key, value in known.items() if key not in _NOT_VERSIONS]
    machine = [(human(key), str(known[key])) for key in _MACHINE if key in known]
    if environment.get("started"):
        time = str(environment["started"]).replace("T", " ").replace("+00:00", " UTC")
        machine.append(("Started", time))
    if "parameters" in known:
        machine.append(("Parameters", count(known["parameters"])))
    sources = [(without_folders(name), sha) for name, sha in known.get("sources", {}).items()]
    stages = environment.get("seconds") or {}
    times = [(human(stage), duration(value)) for stage, value in stages.items()]
    if len(times) > 1:
        times.append(("All", duration(sum(stages.values()))))
    tables = (
        facts("Software.", versions),
        facts("Hardware and seed.", machine),
        facts("Wall time.", times),
    )
    return {
        "facts": [table for table in tables if table],
        "sources": facts("Input files and their sha256.", sources),
        "command": without_folders(str(environment.get("command") or "")),
    }


PROVENANCE = ReportSection(
    "provenance", "Provenance", "Provenance", provenance, "sections/provenance.html"
)
