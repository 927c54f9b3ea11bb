from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.encoders.one_hot import OneHotSettings
from cistron.models.input import Network
from cistron.models.published.deepdife import DeepDifESettings
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.fasta import read_fasta
from cistron.splits.random import random_split
from cistron.splits.split import TEST, TRAIN, VALIDATION
from cistron.training.augment.augment import Augmentation, find_orthologs
from cistron.training.augment.orthologs import averaged_logits
from cistron.training.augment.phyloaug import PhyloAugSettings, training_orthologs
from cistron.training.augmented import augmenter
from cistron.training.examples import Examples
from tests.places import REAL_DATA

TRAINING = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3}
SMALL = {"kind": "cnn", "filters": 8}


def dna(rng, n, length=40):
    return ["".join(rng.choice(list("ACGT"), length)) for _ in range(n)]


@pytest.fixture
def genes():
    rng = np.random.default_rng(0)
    names = [f"g{i}" for i in range(60)]
    return make_samples(Sequences.from_text(dna(rng, 60), "dna"), ids=names, labels=["a", "b"] * 30)


def written(folder: Path, pairs, records) -> dict:
    table, fasta = folder / "orthologs.txt", folder / "orthologs.fasta"
    table.write_text("".join(f"{gene}\t{ortholog}\n" for gene, ortholog in pairs))
    fasta.write_text("".join(f">{name}\n{text}\n" for name, text in records))
    return {"kind": "phyloaug", "table": [table], "fasta": [fasta]}


@pytest.fixture
def files(genes, tmp_path):
    """Two orthologs for each gene; the sequence of each is told by its number."""
    rng = np.random.default_rng(1)
    pairs = [(name, f"{name}.{k}") for name in genes.ids for k in (1, 2)]
    records = zip((ortholog for _, ortholog in pairs), dna(rng, 120), strict=True)
    return written(tmp_path, pairs, list(records))


def texts(sequences):
    return [sequences.text(row) for row in range(len(sequences))]


def test_orthologs_of_each_gene_are_found(genes, files):
    orthologs = find_orthologs([PhyloAugSettings(**files)], genes)
    there = dict(zip(*[iter(Path(files["fasta"][0]).read_text().split())] * 2, strict=True))
    related = orthologs.of(genes.take([5, 0]))
    assert related.offsets.tolist() == [0, 2, 4]
    assert related.owners.tolist() == [0, 0, 1, 1]
    names = [">g5.1", ">g5.2", ">g0.1", ">g0.2"]
    assert texts(related.sequences) == [there[name] for name in names]
    assert orthologs.notes == ("Samples with orthologs: 60 of 60.",)


def test_published_ids_with_a_label(genes, tmp_path):
    settings = written(
        tmp_path,
        [("g0", "x_1"), ("g1", "y"), ("g1", "z")],
        [("x_1_a", "AC"), ("y_a", "GG"), ("z_1", "TT")],
    )
    orthologs = find_orthologs([PhyloAugSettings(**settings)], genes)
    related = orthologs.of(genes)
    assert texts(related.sequences) == ["AC", "GG", "TT"]
    assert related.labels.tolist() == ["a", "a", None]  # g1 is of class b; 1 is no class
    said = []
    kept = training_orthologs(orthologs, genes, genes.take([]), said.append)
    assert texts(kept.sequences) == ["AC", "TT"]
    assert any("label is another than their gene's, not used in training: 1" in s for s in said)


def test_what_is_not_used_is_counted_and_listed(genes, tmp_path):
    pairs = [("g0", "x"), ("g0", "lost"), ("other", "y"), ("g0", "x")]
    settings = written(tmp_path, pairs, [("x", "ACGT"), ("y", "GG"), ("z", "GG")])
    notes = find_orthologs([PhyloAugSettings(**settings)], genes).notes
    assert notes == (
        "Samples with orthologs: 1 of 60.",
        "Genes of the ortholog tables that are no sample: 1 ('other').",
        "Orthologs without a sequence: 1 ('lost').",
    )


BAD = [
    (
        [("AT1", "x")],
        [("x", "ACGT")],
        r"no gene of the ortholog table is a sample\. It holds 'AT1'; .*'g0', 'g1', 'g2', …",
    ),
    (
        [("g0", "x")],
        [("y", "ACGT")],
        r"none of the 1 orthologs that .* names is there, such as 'x'",
    ),
    ([("g0", "x")], [("x", "ACGU" * 30)], "it looks like RNA"),
    (
        [("g0", "x")],
        [("x", "ACGT"), ("x_a", "ACGT")],
        r"record 2: the ortholog 'x' has a sequence already",
    ),
    ([("g0", "x\tz")], [("x", "ACGT")], r"line 1: an ortholog table has two columns.* has 3"),
    ([("g0 x", "")], [("x", "ACGT")], r"line 1: an ortholog table has two columns"),
    ([], [("x", "ACGT")], "orthologs.txt is empty"),
    ([("g0", "x")], [], "orthologs.fasta is empty"),
]


@pytest.mark.parametrize(("pairs", "records", "message"), BAD)
def test_bad_files_are_told_in_a_sentence(genes, tmp_path, pairs, records, message):
    settings = PhyloAugSettings(**written(tmp_path, pairs, records))
    with pytest.raises(InputError, match=message):
        find_orthologs([settings], genes)


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValidationError, match="give both or neither"):
        PhyloAugSettings(table="a.txt")
    with pytest.raises(ValidationError, match="name the group column"):
        PhyloAugSettings()
    with pytest.raises(ValidationError, match="would have no effect"):
        PhyloAugSettings(gene="ath", probability=0)


def test_samples_of_one_gene_are_each_others_orthologs(genes):
    table = genes.table.assign(ath=["x", "y", "x", *[f"n{i}" for i in range(57)]])
    samples = type(genes)(table, genes.payload, genes.classes, ("ath",))
    related = find_orthologs([PhyloAugSettings(gene="ath")], samples).of(samples)
    assert related.owners.tolist() == [0, 2]
    assert texts(related.sequences) == [genes.payload.text(2), genes.payload.text(0)]
    with pytest.raises(InputError, match=r"'at' is not a group column.*Did you mean 'ath'"):
        find_orthologs([PhyloAugSettings(gene="at")], samples)


def test_orthologs_of_held_out_genes_never_enter_training(genes, tmp_path):
    split = random_split(genes, folds=2)
    train, held_out = split.rows(TRAIN), np.flatnonzero(split.part != TRAIN)
    assert {*split.part[held_out]} == {VALIDATION, TEST}
    one, other, test = genes.ids[train[0]], genes.ids[train[1]], held_out[0]
    pairs = [(one, "good"), (one, "shared"), (genes.ids[test], "shared"), (other, "copy")]
    copy = genes.payload.text(held_out[1])
    records = [("good", "ACGT" * 5), ("shared", "GGCC" * 5), ("copy", copy)]
    orthologs = find_orthologs([PhyloAugSettings(**written(tmp_path, pairs, records))], genes)
    said = []
    related = training_orthologs(orthologs, genes.take(train), genes.take(held_out), said.append)
    assert texts(related.sequences) == ["ACGT" * 5]
    assert "held-out samples, or orthologs of one, not used in training: 2." in said[1]


def test_held_out_orthologs_change_nothing_in_training(genes, files, tmp_path):
    """Whatever stands for the orthologs of held-out genes, the weights are the same."""
    split = random_split(genes, folds=2)
    held_out = {f">{name}" for name in genes.ids[split.part != TRAIN]}
    words = Path(files["fasta"][0]).read_text().split()
    for row in range(0, len(words), 2):
        if words[row].split(".")[0] in held_out:
            words[row + 1] = "TTTTGGGG" + words[row + 1][8:]
    other = tmp_path / "changed.fasta"
    other.write_text("\n".join(words) + "\n")
    found = [
        Classifier("one_hot", SMALL, TRAINING, augment=[settings]).fit(genes, split)
        for settings in (files, {**files, "fasta": [other]})
    ]
    plain = Classifier("one_hot", SMALL, TRAINING).fit(genes, split)
    first, second, without = (c.logits(genes) for c in (*found, plain))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - without).max() > 1e-3  # orthologs of training genes do change it


def test_rows_are_replaced_with_the_probability():
    offsets = np.array([0, 2, 2, 5])
    augmentation = Augmentation(3, offsets=offsets, probability=0.7)
    rows = np.tile([0, 1, 2], 4000)
    drawn = augmentation.rows(rows, np.random.default_rng(0)).reshape(-1, 3)
    assert (drawn[:, 1] == 1).all()
    assert np.mean(drawn[:, 0] != 0) == pytest.approx(0.7, abs=0.03)
    assert set(drawn[:, 0]) == {0, 3, 4}
    assert set(drawn[:, 2]) == {2, 5, 6, 7}
    counts = np.bincount(drawn[:, 2])[5:]
    np.testing.assert_allclose(counts / counts.sum(), 1 / 3, atol=0.03)


class Asymmetric(torch.nn.Module):
    """Counts A and C: a body that both strands tell apart."""

    def forward(self, x, mask):
        return x.sum(dim=1)[:, :2]


def test_a_random_strand_is_one_row_a_draw(genes):
    """Published: each draw is read forward or as its reverse complement, half of the time."""
    settings = PhyloAugSettings(gene="g", probability=0, random_strand=True)
    assert settings.changes_epochs
    encoder = OneHotSettings(both_strands="rows").fit(genes)
    x, weights = encoder.encode(genes), np.ones(len(genes), dtype=np.float32)
    examples = augmenter([settings], None, encoder, None)(Examples(x, genes.targets, weights))
    network = Network(encoder.shape, DeepDifESettings(length=40), 2)
    network.body, network.single_logit = Asymmetric(), False
    rows = np.arange(len(genes)).repeat(40)
    codes = torch.from_numpy(np.stack([np.pad(x[k], (0, 40 - len(x[k]))) for k in rows]))
    lengths = torch.tensor([len(x[k]) for k in rows])
    inputs = examples.augmentation.batch(codes, lengths, torch.Generator().manual_seed(0))
    network.train()
    found, both = network(*inputs), network(codes, lengths).unflatten(0, (2, -1))
    forward, reverse = ((found == strand).all(dim=1) for strand in both)
    assert (forward | reverse).all()
    apart = (both[0] != both[1]).any(dim=1)
    assert float(reverse[apart].float().mean()) == pytest.approx(0.5, abs=0.1)


def test_a_random_strand_needs_two(genes):
    augment = {"kind": "phyloaug", "gene": "gene", "random_strand": True}
    with pytest.raises(InputError, match="random_strand draws one of two strands"):
        Classifier(
            {"kind": "one_hot", "both_strands": False}, SMALL, TRAINING, augment=[augment]
        ).fit(genes)


def test_logits_are_averaged_over_a_sample_and_its_orthologs(genes, files):
    orthologs = find_orthologs([PhyloAugSettings(**files)], genes)
    classifier = Classifier("one_hot", SMALL, TRAINING).fit(genes)
    some = genes.take([3, 8])
    related = orthologs.of(some)
    own = classifier.logits(some)
    theirs = classifier.logits(make_samples(related.sequences))
    expected = [(own[i] + theirs[2 * i] + theirs[2 * i + 1]) / 3 for i in (0, 1)]
    np.testing.assert_allclose(classifier.logits(some, orthologs), expected, atol=1e-5)
    nobody = make_samples(Sequences.from_text(["ACGT"], "dna"))
    np.testing.assert_array_equal(classifier.logits(nobody, orthologs), classifier.logits(nobody))


def test_averaging_chooses_orthologs_without_looking_at_labels(genes, tmp_path):
    settings = written(tmp_path, [("g0", "x"), ("g1", "y")], [("x_b", "AC"), ("y_b", "GG")])
    orthologs = find_orthologs([PhyloAugSettings(**settings)], genes)

    def count(samples):
        return np.array([[len(text)] for text in texts(samples.payload)], dtype=np.float32)

    found = averaged_logits(count, genes, orthologs.of(genes))
    assert found[:3, 0].tolist() == [21, 21, 40]


@pytest.mark.real_data
def test_the_published_files_are_read():
    data = REAL_DATA / "stress_aba"
    if not data.is_dir():
        pytest.skip("the published files are not here")
    classes = {str(k): data / f"example_c{k}.fasta.gz" for k in (1, 2)}
    samples = read_fasta(
        classes, "dna", groups={"gene": "^([^:]+)"}, conflicts="drop", max_unknown=None
    )
    settings = PhyloAugSettings(
        table=sorted((data / "phylo_aug" / "orthologs").glob("*.txt.gz")),
        fasta=sorted((data / "phylo_aug" / "fasta").glob("*.fasta.gz")),
        gene="gene",
    )
    orthologs = find_orthologs([settings], samples)
    related = orthologs.of(samples)
    assert len(related) == 239
    assert orthologs.notes[0] == "Samples with orthologs: 141 of 1,976."
    assert set(related.sequences.lengths.tolist()) == {600}
    assert "Orthologs without a sequence" in orthologs.notes[-1]
