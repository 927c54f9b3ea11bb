from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.classifier.predict.predict import predict_file
from cistron.experiment.file import make_experiment
from cistron.experiment.run_folder import Run
from cistron.pipeline.check import check
from cistron.pipeline.one import fit_fold
from cistron.pipeline.pipeline import fit
from cistron.samples.samples import Sequences, make_samples
from cistron.splits.random import random_split
from cistron.training.augment.augment import find_orthologs
from tests.cli.test_cli import command

STAGES = [{"epochs": 2}, {"epochs": 1, "augment": False, "learning_rate": 1e-4}]


class Killed(Exception):
    pass


@pytest.fixture
def document(tmp_path):
    """Promoters of 80 genes with an ortholog each, in the published files' form."""
    rng = np.random.default_rng(0)
    genes = [f"AT{i}" for i in range(80)]
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(160)]
    rows = [
        f"{g},{'up' if i % 2 else 'not'},f{i % 20},{t}"
        for i, (g, t) in enumerate(zip(genes, texts[:80], strict=True))
    ]
    (tmp_path / "genes.csv").write_text("\n".join(["id,label,family,sequence", *rows]) + "\n")
    (tmp_path / "pairs.txt").write_text("".join(f"{g}\tAL{g}\n" for g in genes))
    records = [f">AL{g}_0\n{t}\n" for g, t in zip(genes, texts[80:], strict=True)]
    (tmp_path / "orthologs.fasta").write_text("".join(records))
    phyloaug = {
        "kind": "phyloaug",
        "table": str(tmp_path / "pairs.txt"),
        "fasta": str(tmp_path / "orthologs.fasta"),
        "average_orthologs": True,
    }
    return {
        "name": "stress",
        "samples": {
            "kind": "table",
            "path": str(tmp_path / "genes.csv"),
            "alphabet": "dna",
            "groups": ["family"],
        },
        "split": {"kind": "group", "columns": "family", "folds": 2, "validation": 0.3},
        "encoder": {"kind": "one_hot", "max_length": 60, "both_strands": "rows"},
        "augment": ["evoaug", phyloaug],
        "model": {"kind": "deepdife", "length": 70, "filters": 8},
        "training": {"batch_size": 20, "stages": STAGES},
        "evaluation": {"baselines": ["majority"], "bootstrap": 100, "homology_search": False},
    }


def test_a_run_trains_in_stages_and_is_scored_on_averaged_orthologs(document, tmp_path):
    experiment = make_experiment(document)
    run = fit(experiment, tmp_path / "run")
    history = pd.read_csv(run.path / "history.csv")
    assert history["stage"].tolist() == [1, 1, 2]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert not list(run.path.glob("checkpoint*"))
    classifier = cistron.load(run.path)
    samples = experiment.samples.read()
    orthologs = find_orthologs(experiment.augment, samples)
    told = run.predictions.set_index("id")["p_up"]
    rows = pd.Series(np.arange(80), index=samples.ids)[told.index].to_numpy()
    tested = samples.take(rows)
    np.testing.assert_allclose(told, classifier.predict(tested, orthologs)["p_up"], atol=1e-6)
    assert np.abs(told.to_numpy() - classifier.predict(tested)["p_up"].to_numpy()).max() > 1e-4
    written = json.loads((run.path / "model" / "classifier.json").read_text())
    assert [kind["kind"] for kind in written["provenance"]["augment"]] == ["evoaug", "phyloaug"]
    assert len(written["training"]["stages"]) == 2
    assert "Samples with orthologs: 80 of 80." in run.read_json("environment.json")["notes"]
    assert len(run.read_json("environment.json")["sources"]) == 3
    resolved = yaml.safe_load((run.path / "experiment.yaml").read_text())
    assert make_experiment(resolved) == experiment


def test_a_fold_interrupted_in_the_second_stage_is_the_same(document, tmp_path, monkeypatch):
    experiment = make_experiment(document)
    samples = experiment.samples.read()
    split = experiment.split.split(samples)
    fit_fold(experiment, samples, split, 0, tmp_path / "whole")
    kept = Run.write_history

    def die(self, history, name="history.csv"):
        kept(self, history, name)
        if len(history) == 3:
            raise Killed

    monkeypatch.setattr(Run, "write_history", die)
    with pytest.raises(Killed):
        fit_fold(experiment, samples, split, 0, tmp_path / "again")
    assert (tmp_path / "again" / "checkpoint-2.safetensors").is_file()
    monkeypatch.undo()
    fit_fold(experiment, samples, split, 0, tmp_path / "again")
    whole, again = (Run(tmp_path / name).predictions for name in ("whole", "again"))
    pd.testing.assert_frame_equal(whole, again)
    assert not list(tmp_path.rglob("checkpoint*"))


def test_a_changed_ortholog_file_is_noticed(document, tmp_path, monkeypatch):
    experiment = make_experiment(document)

    def die(*_, **__):
        raise Killed

    monkeypatch.setattr("cistron.pipeline.pipeline.describe_samples", die)
    with pytest.raises(Killed):
        fit(experiment, tmp_path / "run")
    monkeypatch.undo()
    path = tmp_path / "pairs.txt"
    path.write_text(path.read_text() + "AT1\tALAT2\n")
    with pytest.raises(InputError, match=r"pairs\.txt changed since .* was begun"):
        fit(experiment, tmp_path / "run", resume=True)


def test_a_mistake_in_the_orthologs_is_found_by_check(document, tmp_path):
    (tmp_path / "pairs.txt").write_text("")
    with pytest.raises(InputError, match=r"pairs\.txt is empty"):
        check(make_experiment(document))


def test_averaging_works_with_a_classical_model(document):
    phyloaug = {**document["augment"][1], "probability": 0}
    experiment = make_experiment(
        {
            **document,
            "augment": [phyloaug],
            "encoder": {"kind": "kmers", "k": 2},
            "model": {"kind": "logistic_regression"},
            "training": {},
        }
    )
    samples = experiment.samples.read()
    orthologs = find_orthologs(experiment.augment, samples)
    classifier = Classifier(experiment.encoder, experiment.model, augment=experiment.augment)
    classifier.fit(samples, random_split(samples, folds=2))
    related = orthologs.of(samples)
    mean = (classifier.logits(samples) + classifier.logits(make_samples(related.sequences))) / 2
    np.testing.assert_allclose(classifier.logits(samples, orthologs), mean, atol=1e-6)


def test_an_insertion_into_a_network_of_fixed_length_is_cropped(document):
    """Sequences as long as the network reads stay so, whatever is put in."""
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 60)) for _ in range(60)]
    samples = make_samples(Sequences.from_text(texts, "dna"), labels=["a", "b"] * 30)
    off = {"deletion": 0, "translocation": 0, "mutation": 0, "noise": 0, "reverse_complement": 0}
    evoaug = {"kind": "evoaug", "most": 1, "insertion": 40, **off}
    model = {"kind": "deepdife", "length": 60, "filters": 8}
    classifier = Classifier(document["encoder"], model, {"epochs": 1}, augment=[evoaug])
    assert len(classifier.fit(samples).history_) == 1


def test_noise_is_added_to_channels_and_not_to_padding():
    from cistron.encoders.one_hot import OneHotSettings
    from cistron.experiment.file import parse_model
    from cistron.models.input import Network

    network = Network(OneHotSettings(both_strands=False).shape(), parse_model("cnn"), 2)
    x, lengths = torch.zeros((200, 30), dtype=torch.uint8), torch.tensor([30, 10] * 100)
    noise = torch.tensor([0.2, 0.2, 0.0, 0.0] * 50)
    plain, mask = network.channels(x, lengths)
    noisy, _ = network.channels(x, lengths, noise)
    added = noisy - plain
    assert bool((added[~mask] == 0).all())
    assert bool((added[noise == 0] == 0).all())
    inside = added[noise > 0][mask[noise > 0]]
    assert float(inside.std()) == pytest.approx(0.2, abs=0.01)
    assert float(inside.mean()) == pytest.approx(0, abs=0.01)


def test_a_file_is_predicted_with_orthologs(document, tmp_path, capsys):
    experiment = make_experiment({**document, "training": {"epochs": 1}})
    samples = experiment.samples.read()
    classifier = Classifier(
        experiment.encoder, experiment.model, experiment.training, augment=experiment.augment
    ).fit(samples)
    classifier.save(tmp_path / "model")
    classifier = cistron.load(tmp_path / "model")
    orthologs = find_orthologs(experiment.augment, samples)
    table, fasta = [tmp_path / "pairs.txt"], [tmp_path / "orthologs.fasta"]
    counts = predict_file(
        classifier, tmp_path / "genes.csv", tmp_path / "p.tsv", orthologs=(table, fasta)
    )
    assert counts["averaged"] == 80
    told = pd.read_csv(tmp_path / "p.tsv", sep="\t")["p_up"]
    np.testing.assert_allclose(told, classifier.predict(samples, orthologs)["p_up"], atol=1e-5)
    arguments = [str(tmp_path / "model"), str(tmp_path / "genes.csv"), "--json"]
    arguments += ["--orthologs", str(table[0]), "--out", str(tmp_path / "c.tsv")]
    assert command("predict", *arguments) == 2
    assert "--ortholog-fasta go together" in capsys.readouterr().err
    assert command("predict", *arguments, "--ortholog-fasta", str(fasta[0])) == 0
    assert json.loads(capsys.readouterr().out)["averaged"] == 80
    assert (tmp_path / "c.tsv").read_text() == (tmp_path / "p.tsv").read_text()
    (tmp_path / "pairs.txt").write_text("nobody\tALAT1\n")
    with pytest.raises(InputError, match="no record has orthologs in the tables"):
        predict_file(
            classifier, tmp_path / "genes.csv", tmp_path / "q.tsv", orthologs=(table, fasta)
        )
    assert not (tmp_path / "q.tsv").exists()
