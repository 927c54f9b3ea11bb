"""What a run says of itself to machines: schema.org's words, and the run's own numbers."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from cistron.report.metadata import describe, embedded, write_metadata
from cistron.report.page import render
from tests.report.conftest import RUNS
from tests.report.test_page import Page

# Properties of schema.org, by the type they may stand on (https://schema.org, CreativeWork's
# where they are inherited).
WORK = {"name", "description", "isBasedOn", "about", "size", "hasPart", "encoding", "dateCreated"}
ALLOWED = {
    "Dataset": WORK | {"distribution", "variableMeasured"},
    "SoftwareApplication": WORK
    | {"applicationCategory", "softwareRequirements", "softwareVersion"},
    "DataDownload": {"name", "contentSize", "sha256"},
    "MediaObject": {"name", "contentSize", "sha256"},
    "QuantitativeValue": {"value", "unitText"},
    "PropertyValue": {"propertyID", "name", "description", "value", "minValue", "maxValue"}
    | {"measurementTechnique"},
    "CreateAction": {"name", "startTime", "instrument", "object", "result"},
}


def nodes(value: object) -> list[dict]:
    """Return every node of a document, the innermost too."""
    found = []
    if isinstance(value, dict):
        found = [value]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            found += nodes(one)
    return found


def graph(run: Path) -> dict[str, dict]:
    return {node["@id"]: node for node in describe(run)["@graph"]}


@pytest.mark.parametrize("name", RUNS)
def test_every_word_is_one_of_schema_org(run, name):
    document = describe(run(name))
    assert document["@context"] == "https://schema.org/"
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    ids = {node["@id"] for node in document["@graph"]}
    assert ids == {"#data", "#classifier", "#scores", "#cistron", "#run"}
    for node in nodes(document["@graph"]):
        if set(node) == {"@id"}:
            assert node["@id"] in ids
            continue
        assert set(node) - {"@id", "@type"} <= ALLOWED[node["@type"]]
        assert None not in node.values()
    for node in document["@graph"]:
        assert node["name"]


@pytest.mark.parametrize("name", RUNS)
def test_numbers_are_those_of_the_run(run, name):
    metrics = json.loads((run(name) / "metrics.json").read_text())
    found = graph(run(name))["#scores"]
    told = {one["propertyID"]: one for one in found.get("variableMeasured", [])}
    scored = {
        m: s
        for m, s in metrics["test"].items()
        if isinstance(s, dict) and s.get("value") is not None
    }
    assert set(told) == set(scored)
    for metric, score in scored.items():
        assert told[metric]["value"] == score["value"]
        assert told[metric].get("minValue") == score["low"]
        assert told[metric].get("maxValue") == score["high"]
    assert found["size"]["value"] == metrics["test"]["n"]


def test_samples_are_counted_by_class_and_part(run):
    import pandas as pd

    table = pd.read_parquet(run("binary") / "samples.parquet")
    used = table[table["dropped"] == ""]
    parts = {one["name"]: one["size"]["value"] for one in graph(run("binary"))["#data"]["hasPart"]}
    for name, n in used["label"].value_counts().items():
        assert parts[f"class: {name}"] == n
    for name, n in used["part"].value_counts().items():
        assert parts[f"part: {name.capitalize()}"] == n


def test_files_have_their_checksums_and_sizes_and_no_place(run, tmp_path):
    copy = shutil.copytree(run("binary"), tmp_path / "copy")
    data = tmp_path / "cells.h5ad"
    data.write_bytes(b"counts")
    (copy / "model" / "classifier.json").write_text("{}")
    environment = json.loads((copy / "environment.json").read_text())
    environment["sources"] = {str(data): hashlib.sha256(b"counts").hexdigest(), "gone": "00"}
    (copy / "environment.json").write_text(json.dumps(environment))
    write_metadata(copy)
    text = (copy / "metadata.jsonld").read_text()
    assert str(tmp_path) not in text
    found = graph(copy)
    first, second = found["#data"]["distribution"]
    assert first == {
        "@type": "DataDownload",
        "name": "cells.h5ad",
        "contentSize": "6 B",
        "sha256": hashlib.sha256(b"counts").hexdigest(),
    }
    assert "contentSize" not in second
    (model,) = found["#classifier"]["encoding"]
    assert (model["name"], model["contentSize"]) == ("model/classifier.json", "2 B")
    assert model["sha256"] == hashlib.sha256(b"{}").hexdigest()


def test_settings_are_told_without_places(run, tmp_path):
    copy = shutil.copytree(run("binary"), tmp_path / "copy")
    with (copy / "experiment.yaml").open("a") as stream:
        stream.write("\naugment: []\n")
    text = (copy / "experiment.yaml").read_text()
    text = text.replace("crop: ends", "crop: ends\n  aliases: /home/someone/aliases.csv")
    (copy / "experiment.yaml").write_text(text)
    told = {one["name"]: one["value"] for one in graph(copy)["#run"]["object"] if "name" in one}
    assert told["model.kind"] == "cnn_lstm"
    assert told["model.filters"] == 64
    assert told["encoder.aliases"] == "aliases.csv"
    assert graph(copy)["#run"]["name"] == "cistron fit"
    assert graph(run("multi"))["#run"]["name"] == "cistron crossval"


@pytest.mark.parametrize("name", ["hostile", "cells"])
def test_what_stands_in_the_page_is_the_file(run, page, name):
    text = embedded(run(name))
    assert "<" not in text
    assert "&" not in text
    document = json.loads((run(name) / "metadata.jsonld").read_text())
    assert json.loads(text) == document
    scripts = [word for tag, word in Page(page(name)).words if tag == "script"]
    graphs = [word for word in scripts if "@graph" in word]
    assert len(graphs) == 1
    assert json.loads(graphs[0]) == document


def test_a_run_without_it_has_a_page_without_it(run, page):
    assert not (run("binary") / "metadata.jsonld").exists()
    assert embedded(run("binary")) == ""
    assert "ld+json" not in page("binary")
    assert "ld+json" not in render(run("binary"))


def test_no_licence_and_no_author_is_made_up(run):
    text = json.dumps(describe(run("cells")))
    for word in ("license", "author", "creator", "publisher", "conformsTo"):
        assert word not in text
