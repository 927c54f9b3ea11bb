from __future__ import annotations

import json

import numpy as np
import pytest

import cistron
from cistron.base.errors import InputError
from cistron.classifier.classifier import Classifier
from cistron.experiment.file import make_experiment
from cistron.pipeline.check import check
from cistron.pipeline.pipeline import crossval, fit
from cistron.samples.genome.genome import GenomeSamples, read_genome
from cistron.training.augment import ortholog_genomes
from cistron.training.augment.augment import find_orthologs
from cistron.training.augment.phyloaug import PhyloAugSettings
from tests.samples.genome.genes_made import Gene, dna, genome, gff3, gtf, plant, reverse_complement

REGIONS = [
    {"name": "promoter", "anchor": "tss", "upstream": 30},
    {"spacer": 4},
    {"name": "terminator", "anchor": "tts", "downstream": 20},
]
TEXT = dna(1000, seed=5)


@pytest.fixture
def files(tmp_path):
    """Four genes on two chromosomes, and two species with orthologs of them."""
    genome(tmp_path / "own.fa", {"1": dna(1000, 1), "2": dna(1000, 2)})
    own = [Gene(f"AT{k}", "1" if k < 3 else "2", 200 * k, 200 * k + 90) for k in range(1, 5)]
    gtf(tmp_path / "own.gtf", own)
    genome(tmp_path / "aly.fa", {"scaffold_1": TEXT})
    aly = [
        Gene("AL1.v2.1", "scaffold_1", 201, 300),
        Gene("AL2.v2.1", "scaffold_1", 501, 600, "-"),
        Gene("AL3.v2.1", "scaffold_9", 1, 50),
        Gene("AL9.v2.1", "scaffold_1", 701, 800),
    ]
    gff3(tmp_path / "aly.gff3", aly)
    genome(tmp_path / "cru.fa", {"1": dna(900, 6)})
    gtf(tmp_path / "cru.gtf", [Gene("Carub1", "1", 101, 200), Gene("Carub4", "1", 401, 500, "-")])
    pairs = "AT1\tAL1, Carub1\nAT2\tAL2\nAT3\tAL3\nAT4\tCarub4, lost\nAT7\tAL9\nAT3\t\n"
    (tmp_path / "pairs.txt").write_text(pairs)
    return tmp_path


def settings(folder, **more) -> PhyloAugSettings:
    genomes = {
        name: {"genome": folder / f"{name}.fa", "annotation": folder / f"{name}.{kind}"}
        for name, kind in (("aly", "gff3"), ("cru", "gtf"))
    }
    return PhyloAugSettings(**{"table": folder / "pairs.txt", "genomes": genomes, **more})


def source(folder, **more) -> GenomeSamples:
    keys = {"label": None, "regions": REGIONS, **more}
    return GenomeSamples(genome=folder / "own.fa", annotation=folder / "own.gtf", **keys)


def found(folder, more=None, **keys):
    own = source(folder, **keys)
    samples = own.read()
    orthologs = find_orthologs([settings(folder, **(more or {}))], samples, own)
    related = orthologs.of(samples)
    texts = [related.sequences.text(row) for row in range(len(related))]
    ids = samples.ids[related.owners]
    return orthologs, list(zip(ids, texts, strict=True))


def test_windows_of_orthologs_are_those_of_the_samples(files):
    orthologs, pairs = found(files)
    by_gene = dict(pairs)
    assert [gene for gene, _ in pairs] == ["AT1", "AT1", "AT2", "AT4"]
    assert pairs[0][1] == TEXT[170:200] + "NNNN" + TEXT[300:320]
    minus = reverse_complement(TEXT[600:630]) + "NNNN" + reverse_complement(TEXT[480:500])
    assert by_gene["AT2"] == minus
    other = read_genome(files / "cru.fa", files / "cru.gtf", regions=REGIONS).payload
    assert (pairs[1][1], by_gene["AT4"]) == (other.text(0), other.text(1))
    assert orthologs.labels.tolist() == [None] * 4


def test_what_is_not_used_is_counted_by_its_reason(files):
    notes = found(files)[0].notes
    matched = "were matched without version suffixes such as .1"
    assert notes[:3] == (
        "Samples with orthologs: 3 of 4.",
        "Genes of the ortholog tables that are no sample: 1 ('AT7').",
        "Lines of the ortholog tables without an ortholog: 1.",
    )
    assert notes[3].startswith("aly: Genes of ")
    assert matched in notes[3]
    assert notes[4:] == (
        "aly: 2 orthologs were cut from it, not used were 1 no sequence of its chromosome "
        "(scaffold_9).",
        "cru: 2 orthologs were cut from it.",
        "Orthologs without a sequence: 2 ('AL3', 'lost').",
    )


def test_rules_of_the_samples_hold_for_their_orthologs(files):
    hidden = dict(found(files, ablate=["terminator"])[1])
    assert all(text[34:] == "N" * 20 and "N" not in text[:30] for text in hidden.values())
    plain, shuffled = dict(found(files)[1]), dict(found(files, shuffle="mononucleotide")[1])
    for gene, text in shuffled.items():
        assert text != plain[gene]
        assert sorted(text[:30]) == sorted(plain[gene][:30])
    # Neither is of the other species: a chromosome that is left out, biotypes it does not have.
    assert len(found(files, exclude_chromosomes=["2"], biotypes=["protein_coding"])[1]) == 3


def test_aliases_of_a_genome(files):
    genome(files / "aly.fa", {"CM1": TEXT})
    with pytest.raises(InputError, match=r"phyloaug\.genomes\.aly: No chromosome .* key aliases"):
        found(files)
    entry = {"genome": files / "aly.fa", "annotation": files / "aly.gff3"}
    genomes = {"aly": {**entry, "aliases": {"CM1": "scaffold_1"}}}
    assert [gene for gene, _ in found(files, {"genomes": genomes})[1]] == ["AT1", "AT2"]


def change(folder, file, *texts):
    path = folder / file
    text = path.read_text()
    for old, new in zip(texts[::2], texts[1::2], strict=True):
        text = text.replace(old, new)
    path.write_text(text)


BAD = [
    ("pairs.txt", ("AT", "Os"), r"no gene of the ortholog table is a sample\. It holds 'Os1'"),
    (
        "pairs.txt",
        ("AL", "x"),
        r"genomes\.aly: .*aly.gff3: none of the 6 orthologs .* 'AL1\.v2\.1', .*id_attribute",
    ),
    ("pairs.txt", ("AL", "NAL", "\t\n", "\tNAL1.v2.1\n"), "look like gene names: set id_attribute"),
    ("aly.gff3", ("gene\t201\t300", "gene\t201\t3000"), "genomes.aly: .*another assembly"),
    ("cru.gtf", ("Carub1", "AL1"), "'AL1' is a gene of both aly and cru"),
    ("pairs.txt", ("AL2\n", "AL2\tx\n"), "line 2: an ortholog table has two columns.* has 3"),
]


@pytest.mark.parametrize(("file", "texts", "message"), BAD)
def test_bad_files_are_told_in_a_sentence(files, file, texts, message):
    change(files, file, *texts)
    with pytest.raises(InputError, match=message):
        found(files)


def test_transcripts_that_would_become_one_gene_are_refused(files):
    (files / "pairs.txt").write_text("AT1\tAL1.1, AL1.2\n")
    with pytest.raises(InputError, match="several become one: name genes, or one transcript"):
        found(files)


def test_orthofinder_tables(files):
    rows = ["Orthogroup\town\taly", "OG1\tAT1, AT2\tAL1", "OG2\tAT3\tAL2, AL9"]
    (files / "pairs.txt").write_text("\n".join(rows) + "\n")
    only = {"aly": settings(files).genomes["aly"]}
    orthologs, pairs = found(files, {"genomes": only})
    assert [gene for gene, _ in pairs] == ["AT1", "AT2", "AT3", "AT3"]
    assert pairs[0][1] == pairs[1][1]
    assert orthologs.notes[0] == "Samples with orthologs: 3 of 4."


def test_settings_that_make_no_sense(files):
    one = {"genomes": settings(files).genomes}
    with pytest.raises(ValueError, match="two sources of orthologs: give one"):
        PhyloAugSettings(table="a", fasta="b", **one)
    with pytest.raises(ValueError, match="go together"):
        PhyloAugSettings(**one)
    with pytest.raises(InputError, match="it is not said how these were"):
        find_orthologs([settings(files)], source(files).read())


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """Made genes of which half are expressed more, and a second species drawn alike."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "own").mkdir()
    (folder / "other").mkdir()
    own, other = plant(folder / "own", each=40), plant(folder / "other", each=40, seed=1)
    text = other["genome.fa"].read_text()
    rng = np.random.default_rng(3)  # the same genes with a tenth of their bases changed
    letters = np.array(list(text))
    places = np.flatnonzero(np.isin(letters, list("ACGT")) & (rng.random(len(letters)) < 0.1))
    headers = {n for n, line in enumerate(text.splitlines()) if line[0] == ">"}
    line_of = np.cumsum(letters == "\n")
    places = places[~np.isin(line_of[places], list(headers))]
    letters[places] = rng.choice(list("ACGT"), len(places))
    other["genome.fa"].write_text("".join(letters))
    change(folder / "other", "genes.gtf", 'gene_id "AT', 'gene_id "AL')
    names = [f"{c}G{k:05d}" for c in range(1, 6) for k in range(40)]
    (folder / "pairs.txt").write_text("".join(f"AT{n}\tAL{n}\n" for n in names))
    return {
        "name": "two species",
        "samples": {
            "kind": "genome",
            "genome": str(own["genome.fa"]),
            "annotation": str(own["genes.gtf"]),
            "numbers": {"table": str(own["tpm.csv"]), "columns": ["leaf_*"]},
            "regions": "deepdife",
        },
        "split": {"kind": "chromosome"},
        "encoder": {"kind": "kmers", "k": 3},
        "model": {"kind": "logistic_regression"},
        "augment": [
            {
                "kind": "phyloaug",
                "table": str(folder / "pairs.txt"),
                "genomes": {
                    "other": {
                        "genome": str(other["genome.fa"]),
                        "annotation": str(other["genes.gtf"]),
                    }
                },
                "probability": 0,
                "average_orthologs": True,
            }
        ],
        "evaluation": {"bootstrap": 100, "baselines": ["majority"], "homology_search": False},
    }


def test_a_run_is_scored_with_orthologs_that_are_read_once(document, tmp_path, monkeypatch):
    read, times = ortholog_genomes.read_annotation, []

    def counted(*arguments):
        times.append(1)
        return read(*arguments)

    monkeypatch.setattr(ortholog_genomes, "read_annotation", counted)
    experiment = make_experiment(document)
    run = crossval(experiment, tmp_path / "run")
    assert len(times) == 1
    environment = run.read_json("environment.json")
    assert "Samples with orthologs: 200 of 200." in environment["notes"]
    assert len(environment["sources"]) == 6
    samples = experiment.samples.read()
    orthologs = find_orthologs(experiment.augment, samples, experiment.samples)
    tested = run.predictions
    tested = tested[tested["fold"] == 0].set_index("id")["p_high"]
    rows = np.flatnonzero(np.isin(samples.ids, tested.index))
    classifier = cistron.load(run.path / "folds" / "0" / "model")
    told = classifier.predict(samples.take(rows), orthologs).set_index("id")["p_high"]
    np.testing.assert_allclose(tested[told.index], told, atol=1e-6)
    resolved = make_experiment(json.loads(experiment.model_dump_json()))
    assert resolved == experiment


def test_a_network_learns_from_them(document, tmp_path):
    """The same weights whether orthologs are read or given; others than without."""
    own = {**document["augment"][0], "probability": 0.7, "average_orthologs": False}
    network = {
        **document,
        "augment": [own],
        "encoder": {"kind": "one_hot"},
        "model": {"kind": "cnn", "filters": 4},
        "training": {"epochs": 1, "batch_size": 32},
    }
    experiment = make_experiment(network)
    run = fit(experiment, tmp_path / "run")
    log = (run.path / "log.txt").read_text()
    assert "orthologs stand in for" in log
    samples = experiment.samples.read()
    split = experiment.split.split(samples)
    orthologs = find_orthologs(experiment.augment, samples, experiment.samples)
    parts = experiment.encoder, experiment.model, experiment.training
    told = cistron.load(run.path).logits(samples)
    given = Classifier(*parts, augment=experiment.augment)
    given.fit(samples, split, orthologs=orthologs)
    np.testing.assert_allclose(given.logits(samples), told, atol=1e-5)
    plain = Classifier(*parts).fit(samples, split)
    assert np.abs(plain.logits(samples) - told).max() > 1e-4


def test_check_reads_them_and_samples_must_be_windows(document, tmp_path):
    samples, *_ = check(make_experiment(document))
    assert "other: 200 orthologs were cut from it." in samples.notes
    (tmp_path / "genes.csv").write_text("id,sequence,label\na,ACGT,x\n")
    table = {"kind": "table", "path": str(tmp_path / "genes.csv"), "alphabet": "dna"}
    with pytest.raises(InputError, match=r"phyloaug\.genomes: .* samples\.kind is 'table'"):
        make_experiment({**document, "samples": table, "split": {"kind": "random"}})
