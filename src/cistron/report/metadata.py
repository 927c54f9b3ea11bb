"""What a run is, for machines: its data, model and scores in the words of schema.org.

`metadata.jsonld` is a graph of a Dataset (what was learned from), a SoftwareApplication (the
classifier), a Dataset of its scores, and the CreateAction that made them, as RO-Crate's workflow
runs describe one (https://w3id.org/ro/wfrun/workflow). It says what the run knows and nothing
else: a licence, an author or an address is for whoever publishes the run to add.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from cistron.base.files import sha256
from cistron.experiment.run_folder import Run
from cistron.report.names import label, meaning
from cistron.report.read import Content, Json, read_run
from cistron.report.tables import metric_names, parts_of

METADATA = "metadata.jsonld"
CONTEXT = "https://schema.org/"
SECTIONS = ("split", "encoder", "model", "training", "evaluation")  # whose settings are told
MODEL_FILES = "model"
SOFTWARE = {"@id": "#cistron", "@type": "SoftwareApplication", "name": "Cistron"}

Node = dict[str, Any]


def write_metadata(run: str | Path) -> None:
    """Write metadata.jsonld into a run that is finished but for its report.

    Parameters
    ----------
    run : path
        The run directory.
    """
    Run(Path(run)).write_json(METADATA, describe(run))


def describe(run: str | Path) -> Node:
    """Return the graph of a run, from what its directory holds.

    Raises
    ------
    InputError
        If the run has no metrics.json, or one of its files is damaged.
    """
    content = read_run(run)
    nodes = (
        _data(content),
        _classifier(content, Path(run) / MODEL_FILES),
        _scores(content),
        {**SOFTWARE, "softwareVersion": (content.environment or {}).get("cistron")},
        _action(content),
    )
    return {"@context": CONTEXT, "@graph": [_known(node) for node in nodes]}


def embedded(run: str | Path) -> str:
    """Return metadata.jsonld as it may stand inside a page's script element; empty without one.

    What would end the element, or begin a comment, is written as JSON's own escapes.
    """
    path = Path(run) / METADATA
    if not path.is_file():
        return ""
    text = json.dumps(Run(Path(run)).read_json(METADATA), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _data(content: Content) -> Node:
    environment = content.environment or {}
    used = content.used
    node: Node = {
        "@id": "#data",
        "@type": "Dataset",
        "name": f"Data of {content.name}",
        "distribution": [
            _file(Path(name), checksum)
            for name, checksum in (environment.get("sources") or {}).items()
        ],
    }
    if used is None:
        return {**node, "description": _kind_of_data(content)}
    members = content.members(used["label"])
    return {
        **node,
        "description": _kind_of_data(content),
        "size": _size(len(used)),
        "variableMeasured": _label(content),
        "hasPart": [
            *(_part("class", name, int(members[name].sum())) for name in content.classes),
            *(_part("part", n, int(inside.sum())) for n, inside in parts_of(content, used).items()),
        ],
    }


def _kind_of_data(content: Content) -> str:
    kinds = {"cells": "Counts of single cells", "genome": "Windows of a genome"}
    alphabets = {"protein": "Protein sequences", "dna": "DNA sequences"}
    section = content.section("samples")
    what = kinds.get(str(section.get("kind"))) or alphabets.get(str(section.get("alphabet")))
    text = f"{what or 'Samples'} from which a classifier was trained and on which it was scored"
    dropped = 0 if content.samples is None else int(content.samples["dropped"].ne("").sum())
    return f"{text}; {dropped:,} records were read and not used." if dropped else f"{text}."


def _label(content: Content) -> Node:
    return {"@type": "PropertyValue", **content.target.measured()}


def _part(kind: str, name: str, n: int) -> Node:
    plain = name.replace("\N{NO-BREAK SPACE}", " ")
    return {"@type": "Dataset", "name": f"{kind}: {plain}", "size": _size(n)}


def _size(n: int) -> Node:
    return {"@type": "QuantitativeValue", "value": n, "unitText": "samples"}


def _file(path: Path, checksum: str, name: str = "") -> Node:
    """Describe a file by its name, not by where it lies on this machine."""
    there = path.is_file()
    return _known(
        {
            "@type": "DataDownload",
            "name": name or path.name,
            "contentSize": f"{path.stat().st_size} B" if there else None,
            "sha256": checksum,
        }
    )


def _classifier(content: Content, folder: Path) -> Node:
    environment = content.environment or {}
    model, encoder = (content.section(name).get("kind") for name in ("model", "encoder"))
    description = (
        f"A model ({model}) that reads what an encoder ({encoder}) makes of samples and "
        f"{content.target.told()}"
    )
    if content.folds:
        description += (
            f"; cross-validated in {len(content.folds)} folds, each with a model of its own"
        )
    elif content.repeats:
        description += (
            f"; {len(content.repeats)} classifiers of as many seeds, which answer together"
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        "@id": "#classifier",
        "@type": "SoftwareApplication",
        "name": content.name,
        "description": f"{description}.",
        "applicationCategory": "Machine learning model",
        "isBasedOn": {"@id": "#data"},
        "softwareRequirements": f"cistron {environment.get('cistron', '')}".strip(),
        "dateCreated": environment.get("started"),
        "encoding": [
            {
                **_file(path, sha256(path), f"{MODEL_FILES}/{path.relative_to(folder).as_posix()}"),
                "@type": "MediaObject",
            }
            for path in files
        ],
    }


def _scores(content: Content) -> Node:
    test, positive = content.test, content.metrics.get("positive")
    values = [_score(name, test[name], test.get("resampled")) for name in metric_names(test)]
    return {
        "@id": "#scores",
        "@type": "Dataset",
        "name": f"Scores of {content.name}",
        "description": "Scores on held-out samples; minValue and maxValue are the ends of 95 % "
        f"bootstrap intervals{f'; the positive class is {positive}' if positive else ''}.",
        "about": {"@id": "#classifier"},
        "isBasedOn": {"@id": "#data"},
        "size": _size(int(test["n"])),
        "variableMeasured": [value for value in values if value is not None],
    }


def _score(name: str, score: Json, resampled: object) -> Node | None:
    if score.get("value") is None:
        return None
    drawn = f"percentile bootstrap over {resampled}" if resampled else None
    return _known(
        {
            "@type": "PropertyValue",
            "propertyID": name,
            "name": label(name),
            "description": meaning(name),
            "value": score["value"],
            "minValue": score.get("low"),
            "maxValue": score.get("high"),
            "measurementTechnique": drawn,
        }
    )


def _action(content: Content) -> Node:
    environment = content.environment or {}
    chosen = {name: content.section(name) for name in SECTIONS}
    return {
        "@id": "#run",
        "@type": "CreateAction",
        "name": "cistron crossval" if content.folds else "cistron fit",
        "startTime": environment.get("started"),
        "instrument": {"@id": "#cistron"},
        "object": [
            {"@id": "#data"},
            *(
                {"@type": "PropertyValue", "name": key, "value": value}
                for key, value in _settings(chosen)
            ),
        ],
        "result": [{"@id": "#classifier"}, {"@id": "#scores"}],
    }


def _settings(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Return dotted keys and plain values; of a path only the name of the file."""
    inner: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        inner = value.items()
    elif isinstance(value, list | tuple):
        inner = enumerate(value)
    elif isinstance(value, str) and _absolute(value):
        yield key, PureWindowsPath(value).name
    elif value is not None:
        yield key, value
    for name, setting in inner:
        yield from _settings(setting, f"{key}.{name}".lstrip("."))


def _absolute(text: str) -> bool:
    return Path(text).is_absolute() or PureWindowsPath(text).is_absolute()


def _known(node: Node) -> Node:
    """Leave out what is not known."""
    return {key: value for key, value in node.items() if value not in (None, "", [])}
