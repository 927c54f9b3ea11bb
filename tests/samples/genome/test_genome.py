from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from cistron.samples.genome.genome import GenomeSamples, read_genome
from tests.places import REAL_DATA
from tests.samples.genome.genes_made import (
    Gene,
    dna,
    genome,
    gff3,
    gtf,
    plant,
    reverse_complement,
    table,
)
from tests.samples.made import compress, refused

TEXTS = {"1": dna(3000, 1), "2": dna(2000, 2)}
GENES = [
    Gene("a", "1", 501, 800),
    Gene("b", "1", 1201, 1500, "-"),
    Gene("c", "2", 301, 700),
    Gene("d", "2", 1001, 1400, "-"),
    Gene("e", "2", 31, 90),
]
NUMBERS = {"a": 0, "b": 9, "c": 99, "d": 999, "e": 9999}
REGIONS = [
    {"name": "promoter", "anchor": "tss", "upstream": 40},
    {"name": "body", "anchor": "tss", "downstream": 10},
]


@pytest.fixture
def files(tmp_path):
    return {
        "genome": genome(tmp_path / "genome.fa", TEXTS),
        "annotation": gtf(tmp_path / "genes.gtf", GENES),
        "numbers": table(tmp_path / "tpm.csv", NUMBERS),
    }


def read(files, **keys):
    return read_genome(**files, **{"regions": REGIONS, **keys})


def test_a_genome_becomes_labelled_windows(files):
    samples = read(files, label={"kind": "thresholds", "low": 1, "high": 2})
    assert samples.ids.tolist() == list("abcde")
    assert samples.table["label"].tolist() == ["low", "low", "high", "high", "high"]
    assert samples.classes == ("low", "high")
    assert samples.groups == ("chromosome",)
    assert samples.table["chromosome"].tolist() == list("11222")
    assert samples.table["start"].tolist() == [500, 1200, 300, 1000, 30]
    assert samples.table["end"].tolist() == [800, 1500, 700, 1400, 90]
    assert samples.table["strand"].tolist() == list("+-+-+")
    assert samples.table["number"].tolist() == [0, 1, 2, 3, 4]
    assert samples.payload.text(0) == TEXTS["1"][460:510]
    assert samples.payload.text(1) == reverse_complement(TEXTS["1"][1490:1540])
    assert samples.payload.text(4) == 10 * "N" + TEXTS["2"][:40]
    assert "Windows that pass an end of their chromosome, N there: 1." in samples.notes
    assert set(samples.sources) == {str(path) for path in files.values()}
    assert samples.rule is None


def test_gff3_and_gzip_read_the_same(files, tmp_path):
    first = read(files, label=None)
    files["annotation"] = compress(gff3(tmp_path / "genes.gff3", GENES), "genes.gff3.gz")
    files["genome"] = compress(files["genome"], "genome.fa.gz")
    second = read(files, label=None)
    assert all((first.payload[row] == second.payload[row]).all() for row in range(5))
    columns = ["id", "chromosome", "start", "end", "strand", "number"]
    assert first.table[columns].equals(second.table[columns])


def test_percentiles_wait_for_the_split(files):
    samples = read(files)
    assert samples.rule is not None
    assert samples.table["label"].tolist() == ["low", "low", None, "high", "high"]


def test_without_numbers_all_genes_are_there(files):
    samples = read_genome(files["genome"], files["annotation"], regions=REGIONS)
    assert len(samples) == 5
    assert samples.classes == ()
    assert samples.table["number"].isna().all()


def test_every_gene_that_is_dropped_is_listed_with_its_reason(files, tmp_path):
    texts = {**TEXTS, "3": "N" * 500 + dna(100, 3), "4": dna(900, 5), "Mt": dna(900, 4)}
    more = [
        Gene("t", "1", 2001, 2080, biotype="tRNA"),
        Gene("s", "1", 2101, 2180, "."),
        Gene("m", "Mt", 300, 400),
        Gene("n", "3", 401, 450),
        Gene("o", "4", 401, 450),
        Gene("u", "scaffold_9", 100, 200),
        Gene("w", "1", 2301, 2400),
        Gene("x", "1", 2501, 2600),
    ]
    files["genome"] = genome(tmp_path / "genome.fa", texts)
    files["annotation"] = gtf(tmp_path / "genes.gtf", [*GENES, *more])
    numbers = {**NUMBERS, **dict.fromkeys("tsmnou", 5), "x": "NA", "ghost": 7}
    files["numbers"] = table(tmp_path / "tpm.csv", numbers)
    samples = read(files, exclude_chromosomes=["4"], edges="drop")
    assert samples.ids.tolist() == list("abcd")
    reasons = dict(samples.dropped[["id", "reason"]].itertuples(index=False))
    assert reasons == {
        "e": "its window passes an end of the chromosome",
        "t": "of another biotype (tRNA)",
        "s": "on an unknown strand (.)",
        "m": "on an organelle (Mt)",
        "n": "more than 50% of its bases are unknown",
        "o": "on an excluded chromosome (4)",
        "u": "no sequence of its chromosome (scaffold_9)",
        "w": "no number: not in the table",
        "x": "no number in the table",
        "ghost": "not in the annotation",
    }
    sources = samples.dropped.set_index("id")
    assert sources.loc["t", "record"] == 7
    assert sources.loc["ghost", "source"] == str(files["numbers"])
    kept = read(files, organelles="keep", biotypes=[], exclude_chromosomes=[])
    assert set(kept.ids) == set("abcdemot")


def test_names_that_differ_between_files(tmp_path):
    paths = plant(tmp_path)
    samples = read_genome(
        paths["genome.fa"],
        paths["genes.gtf"],
        {"table": paths["tpm.csv"], "columns": ["leaf_*", "root_1"]},
        regions="deepdife",
        groups={"family": {"table": paths["families.csv"], "column": "family"}},
    )
    assert len(samples) == 300
    assert samples.groups == ("chromosome", "family")
    assert any("without version suffixes" in note for note in samples.notes)
    assert set(samples.table["chromosome"]) == set("12345")
    assert samples.dropped["reason"].tolist() == [
        "on an organelle (Mt)",
        "of another biotype (tRNA)",
    ]


def test_short_genes(files):
    keys = {"regions": [*REGIONS[:1], {"name": "in", "anchor": "tss", "downstream": 200},
            {"name": "out", "anchor": "tts", "upstream": 200}]}  # fmt: skip
    samples = read(files, **keys)
    assert any(
        note.startswith("Genes shorter than what is read inside: 3 ") for note in samples.notes
    )
    samples = read(files, **keys, short_genes="drop", label=None)
    assert samples.ids.tolist() == ["c", "d"]
    assert samples.dropped["reason"].unique().tolist() == [
        "shorter than what is read inside of a gene"
    ]


def test_codons_need_a_coding_sequence(files):
    keys = {"regions": [{"name": "start", "anchor": "start_codon", "upstream": 9}]}
    with refused("0 genes are left", "5: no coding sequence in the annotation"):
        read(files, **keys)


def test_groups_of_a_table(files, tmp_path):
    families = table(tmp_path / "families.csv", {"a": "F1", "c": "F1", "d": "F2"}, "gene_id,family")
    keys = {"groups": {"family": {"table": families, "column": "family"}}, "label": None}
    samples = read(files, **keys)
    assert samples.table["family"].tolist() == ["F1", "b", "F1", "F2", "e"]
    assert any("each alone: 2" in note for note in samples.notes)
    families.write_text("gene_id,family\nX1,F1\n")
    with refused("samples.groups.family", "knows none", "'X1'"):
        read(files, **keys)
    families.write_text("gene_id,family\na,F1\nX1,F1\nX2,F1\n")
    with refused(
        "samples.groups.family", "Only 33% of either", "'a', 'X1', 'X2'", "50% are needed"
    ):
        read(files, **keys)
    families.write_text("gene_id,family\na,F1\na,F2\n")
    with refused("samples.groups.family", "'a' two values"):
        read(files, **keys)


def test_groups_are_found_by_the_rule_of_numbers(tmp_path):
    """A table whose ids are written otherwise for most genes leaves none of them alone."""
    paths = plant(tmp_path)
    families = pd.read_csv(paths["families.csv"])
    expected = families.set_index("gene_id")["family"]
    families["gene_id"] += [".v4.1" if row % 10 else "" for row in range(len(families))]
    families.to_csv(paths["families.csv"], index=False)
    samples = read_genome(
        paths["genome.fa"],
        paths["genes.gtf"],
        {"table": paths["tpm.csv"], "columns": "leaf_1"},
        regions="deepdife",
        groups={"family": {"table": paths["families.csv"], "column": "family"}},
    )
    assert samples.table["family"].tolist() == expected[samples.ids].tolist()
    assert any("families.csv were matched without version" in note for note in samples.notes)
    assert not any("alone" in note for note in samples.notes)


def test_a_table_of_a_few_families_of_many_genes(tmp_path):
    """All ids of the table are genes, although few genes are in it."""
    paths = plant(tmp_path)
    paths["families.csv"].write_text("gene_id,family\nAT1G00000,F\nAT2G00001,F\n")
    samples = read_genome(
        paths["genome.fa"],
        paths["genes.gtf"],
        {"table": paths["tpm.csv"], "columns": "leaf_1"},
        regions="deepdife",
        groups={"family": {"table": paths["families.csv"], "column": "family"}},
    )
    assert (samples.table["family"] == "F").sum() == 2
    assert any("each alone: 298 of 300." in note for note in samples.notes)


def test_matched_genes(tmp_path):
    paths = plant(tmp_path)
    rng = np.random.default_rng(0)
    ids = pd.read_csv(paths["tpm.csv"])["gene"].str.removesuffix(".1")
    up = rng.random(len(ids)) < 0.2
    frame = pd.DataFrame(
        {
            "gene": ids,
            "baseMean": np.where(up, 200, 50) * rng.gamma(2, 1, len(ids)),
            "log2FoldChange": np.where(up, 2, 0),
            "padj": np.where(up, 0.001, 0.9),
        }
    )
    frame.to_csv(tmp_path / "deseq.csv", index=False)
    label = {"kind": "response", "level": "baseMean", "match": {}}
    samples = read_genome(
        paths["genome.fa"],
        paths["genes.gtf"],
        tmp_path / "deseq.csv",
        label=label,
        regions="deepdife",
    )
    counts = samples.table["label"].value_counts()
    assert counts["up"] == counts["unresponsive"]
    assert (samples.dropped["reason"] == "unresponsive, and matched with no responsive gene").any()
    assert any("were matched" in note for note in samples.notes)


def test_several_species(tmp_path):
    species = {}
    for seed, name in enumerate(("thale", "rice")):
        (tmp_path / name).mkdir()
        paths = plant(tmp_path / name, each=30, seed=seed + 1)
        species[name] = {
            "genome": paths["genome.fa"],
            "annotation": paths["genes.gtf"],
            "numbers": {"table": paths["tpm.csv"], "columns": "leaf_1"},
        }
    samples = GenomeSamples(species=species, regions="deepdife").read()
    assert samples.groups == ("species", "chromosome")
    assert samples.table["species"].value_counts().to_dict() == {"thale": 150, "rice": 150}
    assert samples.ids[0] == "thale:AT1G00000"
    assert samples.table["chromosome"].nunique() == 10
    assert samples.table["id"].is_unique
    for name in species:  # a quarter of each species
        inside = samples.table["species"] == name
        assert (samples.table["label"][inside] == "low").sum() == 38


def test_shuffled_controls_keep_composition(files):
    plain = read(files, label=None)
    for kind in ("mononucleotide", "dinucleotide"):
        shuffled = read(files, label=None, shuffle=kind, seed=3)
        for row in range(len(plain)):
            assert sorted(plain.payload.text(row)) == sorted(shuffled.payload.text(row))
        assert any((plain.payload[row] != shuffled.payload[row]).any() for row in range(5))


def test_an_annotation_of_another_assembly(files, tmp_path):
    files["annotation"] = gtf(tmp_path / "genes.gtf", [*GENES, Gene("f", "2", 1900, 2001)])
    files["numbers"] = table(tmp_path / "tpm.csv", {**NUMBERS, "f": 1})
    with refused("line 7", "f ends at 2,001", "2,000 bases", "another assembly"):
        read(files)


def test_no_chromosome_in_common(files, tmp_path):
    files["genome"] = genome(tmp_path / "genome.fa", {"NC_1": TEXTS["1"], "NC_2": TEXTS["2"]})
    with refused("No chromosome of", "'NC_1', 'NC_2'", "'1', '2'", "the key aliases"):
        read(files)
    samples = read(files, aliases={"NC_1": "1", "NC_2": "2"}, label=None)
    assert len(samples) == 5


def test_no_gene_in_common(files, tmp_path):
    files["numbers"] = table(tmp_path / "tpm.csv", {"x": 1, "y": 2, "z": 3, "w": 4})
    with refused("'x', 'y', 'z'", "'a', 'b', 'c'"):
        read(files)


def test_duplicate_ids(files, tmp_path):
    files["annotation"] = gtf(tmp_path / "genes.gtf", [*GENES, Gene("a", "2", 1500, 1600)])
    with refused("'a' stands on lines 2 and 7", "duplicate_genes"):
        read(files)
    samples = read(files, duplicate_genes="drop", label=None)
    assert samples.ids.tolist() == list("bcde")


def test_biotypes_and_chromosomes_that_are_not_there(files):
    with refused("samples.biotypes", "lncRNA", "protein_coding"):
        read(files, biotypes=["lncRNA"])
    with refused("samples.exclude_chromosomes", "'9'"):
        read(files, exclude_chromosomes=["9"])


def test_all_genes_in_one_class(files):
    with refused("two classes of at least two genes", "high (0 genes)"):
        read(files, label={"kind": "thresholds", "low": 50, "high": 60})


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"genome": None}, "genome, annotation and numbers"),
        ({"numbers": None}, "label: null"),
        ({"species": {"a": {}, "b": {}}}, "genome"),
        ({"groups": {"start": {"table": "x", "column": "y"}}}, "'start'"),
        ({"regions": [{"name": "x", "anchor": "tss"}]}, "no base"),
        ({"regions": "deepcree"}, "deepcre"),
    ],
)
def test_settings_that_cannot_be(keys, told):
    given = {"genome": "g", "annotation": "a", "numbers": {"table": "t"}}
    with pytest.raises(ValidationError, match=told):
        GenomeSamples(**{**given, **keys})


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="no real data here")
def test_yeast():
    folder = REAL_DATA / "yeast"
    numbers = {"table": folder / "tpm.csv", "columns": "tpm"}
    files = folder / "genome.fa.gz", folder / "genes.gff3.gz"
    samples = read_genome(*files, numbers, regions="lcre")
    assert len(samples) == 6571
    assert set(samples.payload.lengths) == {3020}
    stored = pd.read_csv(folder / "tpm.csv").set_index("gene_id")["logMaxTPM"]
    assert samples.table["number"].to_numpy() == pytest.approx(stored[samples.ids].to_numpy())
    body = {"name": "cds", "anchor": "start_codon", "downstream": 3}
    stop = {"name": "stop", "anchor": "stop_codon", "upstream": 3}
    codons = read_genome(*files, regions=[body, stop], organelles="keep")
    starts = pd.Series([codons.payload.text(row)[:3] for row in range(len(codons))])
    stops = pd.Series([codons.payload.text(row)[3:] for row in range(len(codons))])
    assert (starts == "ATG").mean() > 0.99
    assert stops.isin(["TAA", "TAG", "TGA"]).mean() > 0.99
