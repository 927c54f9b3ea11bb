from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cistron.base.errors import InputError
from cistron.evaluation.settings import USUAL, USUAL_OF_DNA
from cistron.experiment.experiment import Experiment
from cistron.experiment.file import make_experiment, parse_model, read_experiment
from cistron.experiment.recipes import recipes, write_recipe
from cistron.samples.sequences.fasta import read_fasta

TEXT = """\
name: test
samples:
  kind: fasta
  alphabet: protein
  classes: {a: a.fasta, b: b.fasta}
  groups: {gene: "gene=(\\\\w+)"}
split:
  kind: random
encoder:
  kind: residues
model:
  kind: cnn
training:
  epochs: 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    path.write_text(TEXT)
    return path


def refused(path: Path, before: str, after: str) -> str:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(InputError) as caught:
        read_experiment(path)
    return str(caught.value)


def test_defaults_are_written_out_and_read_back(file):
    experiment = read_experiment(file)
    document = yaml.safe_load(experiment.to_yaml())
    assert document["training"]["batch_size"] == 64
    assert document["encoder"]["as"] == "one_hot"
    assert make_experiment(document) == experiment


def test_paths_are_relative_to_the_file(file):
    assert read_experiment(file).samples.classes["a"] in (
        file.parent / "a.fasta",
        [file.parent / "a.fasta"],
        (file.parent / "a.fasta",),
    )


def test_set_overrides_and_is_validated(file):
    experiment = read_experiment(
        file, ["training.epochs=5", "split.kind=group", "split.columns=gene"]
    )
    assert experiment.training.epochs == 5
    assert experiment.split.columns == ("gene",)
    with pytest.raises(InputError, match="training.epohcs.*no such key.*Did you mean 'epochs'"):
        read_experiment(file, ["training.epohcs=5"])
    with pytest.raises(InputError, match="write it as section.key=value"):
        read_experiment(file, ["training.epochs"])


def test_an_unknown_key_is_named_with_line_and_nearest_spelling(file):
    message = refused(file, "  epochs: 3", "  epcohs: 3")
    assert f"{file}, line 14: training.epcohs: there is no such key" in message
    assert "Did you mean 'epochs'?" in message


def test_a_value_out_of_range_is_named(file):
    message = refused(file, "epochs: 3", "epochs: -1")
    assert "line 14: training.epochs" in message
    assert "greater than or equal to 1" in message
    assert "it is -1" in message


def test_an_unknown_kind_lists_the_kinds(file):
    message = refused(file, "kind: random", "kind: homolgy")
    assert "split.kind: there is no 'homolgy'" in message
    assert "Did you mean 'homology'?" in message
    assert "predefined" in message


def test_an_unknown_section_and_a_missing_one(file):
    assert "no such key. Did you mean 'model'?" in refused(file, "model:", "modle:")
    with pytest.raises(InputError, match="model: this key is missing"):
        read_experiment(file)


def test_all_mistakes_are_told_at_once(file):
    file.write_text(TEXT.replace("epochs: 3", "epochs: 0\n  patience: none"))
    with pytest.raises(InputError) as caught:
        read_experiment(file)
    assert len(str(caught.value).splitlines()) == 2


def test_sections_that_cannot_work_together(file):
    message = refused(file, "alphabet: protein", "alphabet: dna")
    assert "encoder.kind: 'residues' reads protein" in message
    assert "one_hot, kmers, composition" in message
    file.write_text(TEXT)
    message = refused(file, "kind: residues", "kind: descriptors")
    assert "'cnn' reads positions per sample" in message
    assert "gives one vector" in message
    file.write_text(TEXT)
    message = refused(file, "kind: cnn", "kind: random_forest")
    assert "model.kind: 'random_forest' reads one vector" in message
    assert "light_attention" in message
    file.write_text(TEXT)
    message = refused(file, "kind: random\n", "kind: group\n  columns: gnee\n")
    assert "split.columns: 'gnee' is not declared" in message
    assert "Did you mean 'gene'?" in message
    file.write_text(TEXT)
    assert "leave nothing" in refused(file, "kind: random\n", "kind: random\n  test: 0.95\n")
    file.write_text(TEXT)
    message = refused(file, "kind: cnn", "kind: keras\n  layers: [{layer: Conv3D}]")
    assert "model.layers.0.layer: there is no 'Conv3D'. Did you mean 'Conv2D'?" in message
    file.write_text(TEXT)
    message = refused(file, "kind: cnn", "kind: deepcre\n  length: 50")
    assert "the network 'deepcre' reads 50 positions (model.length)" in message


def test_baselines_are_those_of_the_alphabet(file):
    assert read_experiment(file).evaluation.baselines == USUAL
    message = refused(file, "kind: cnn", "kind: cnn\nevaluation: {baselines: [kmers]}")
    assert "evaluation.baselines: 'kmers' reads DNA, and samples.alphabet is 'protein'" in message
    text = TEXT.replace("alphabet: protein", "alphabet: dna").replace("residues", "one_hot")
    file.write_text(text)
    assert read_experiment(file).evaluation.baselines == USUAL_OF_DNA
    chosen = read_experiment(file, ["evaluation.baselines=[gc]"])
    assert chosen.evaluation.baselines == ("gc",)


def test_profiles_are_read_where_there_are_some(file):
    message = refused(file, "kind: residues", "kind: profile")
    assert "encoder.kind: 'profile' reads profiles, and samples.kind is 'fasta'" in message
    file.write_text(TEXT)
    message = refused(file, "kind: cnn", "kind: multiloc_cnn")
    assert "encoder.max_length is 1,000, and the network 'multiloc_cnn' reads 400" in message
    assert "model.length" in message
    text = TEXT.replace("kind: cnn", "kind: multiloc_cnn")
    file.write_text(text.replace("kind: residues", "kind: residues\n  max_length: 400"))
    assert read_experiment(file).model.length == 400


def test_yaml_that_is_none(file):
    file.write_text("name: [a\nb: c")
    with pytest.raises(InputError, match="line 2: this is not valid YAML"):
        read_experiment(file)
    file.write_text("- a list")
    with pytest.raises(InputError, match="a YAML mapping with the sections"):
        read_experiment(file)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_experiment(file.with_name("absent.yaml"))
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        read_experiment(file)


def test_python_spells_models_as_the_file_does():
    assert parse_model("cnn") == parse_model({"kind": "cnn"})
    with pytest.raises(InputError, match="there is no 'cnnn'.*Did you mean 'cnn'"):
        parse_model("cnnn")


def test_schema_has_every_section():
    schema = Experiment.model_json_schema(by_alias=True)
    assert set(schema["properties"]) == set(Experiment.model_fields)
    assert "as" in str(schema["$defs"]["ResiduesSettings"]["properties"].keys())


VARIANTS = [(name, False) for name in recipes()] + [(name, True) for name in recipes(True)]


@pytest.mark.parametrize(("name", "published"), VARIANTS)
def test_recipes_are_valid_experiments(name, published, tmp_path):
    path = tmp_path / "experiment.yaml"
    write_recipe(name, path, published=published)
    assert read_experiment(path).name
    assert path.read_text().startswith("# ")
    with pytest.raises(InputError, match="never overwritten"):
        write_recipe(name, path, published=published)


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize(
    ("header", "gene"),
    [
        ("pos_CellAge|gene=AAK1|entry=UPI0000000166|file=uniparc_AAK1|idx=0", "AAK1"),
        ("neg_Cytoskeletal|gene=TUBB2A共199条|entry=NA|file=TUBB2A共199条 |idx=61", "TUBB2A"),
        ("Seq_uniparc_PEX19.xlsx_2", "PEX19"),
        ("Seq_TUBB4A共207条.xlsx_33", "TUBB4A"),
        ("Seq_ACTG1 共403条.xlsx_87", "ACTG1"),
        ("Seq_TUBB2A共199条 .xlsx_5", "TUBB2A"),
    ],
)
def test_genes_of_both_versions_of_senseqnet_are_read(header, gene, published, tmp_path):
    write_recipe("senescence", tmp_path / "x.yaml", published=published)
    keys = yaml.safe_load((tmp_path / "x.yaml").read_text())["samples"]
    paths = [tmp_path / name for name in ("a.fasta", "b.fasta")]
    for path, letters in zip(paths, ("MKVLAAGIC", "MWWEDRTYH"), strict=True):
        records = (f">{header}\n{letters * n}\n" for n in (9, 10))
        path.write_text("".join(records), encoding="utf-8")
    classes = dict(zip(keys["classes"], paths, strict=True))
    samples = read_fasta(classes, groups=keys["groups"])
    assert samples.table["gene"].tolist() == [gene] * 4


def test_unknown_recipe(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'senescence'"):
        write_recipe("senescense", tmp_path / "x.yaml")
    with pytest.raises(InputError, match="Recipes with --published: .*senescence"):
        write_recipe("dna", tmp_path / "x.yaml", published=True)


def test_an_option_is_not_blamed_on_a_line_of_the_file(tmp_path):
    path = tmp_path / "experiment.yaml"
    write_recipe("senescence", path)
    with pytest.raises(InputError, match=r"experiment\.yaml: training\.epochs: .*'three'"):
        read_experiment(path, ["training.epochs=three"])


def test_a_key_may_have_the_name_of_its_kind(tmp_path):
    document = {
        "name": "genes",
        "samples": {
            "kind": "genome",
            "genome": "g.fa",
            "annotation": "a.gtf",
            "regions": "deepcree",
        },
        "split": {"kind": "chromosome"},
        "encoder": {"kind": "one_hot"},
        "model": {"kind": "cnn"},
    }
    with pytest.raises(InputError) as caught:
        make_experiment(document)
    assert "samples.regions" in str(caught.value)
    assert "samples.genome:" not in str(caught.value)


def test_a_key_that_is_written_twice(file):
    message = refused(file, "{a: a.fasta, b: b.fasta}", "\n    a: a.fasta\n    b: b\n    a: c")
    assert f"{file}, lines 6 and 8: the key 'a' is written twice" in message
    file.write_text(TEXT)
    with pytest.raises(InputError, match="^--set split=.*, lines 1 and 1: the key 'a' is written"):
        read_experiment(file, ["split={a: 1, a: 2}"])


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ("{seed: 1e23}", "seed: input should be a valid integer"),
        ("{seed: 4294967296}", "seed: input should be at most 4,294,967,295"),
        ("{epochs: 100000000000000000000}", "epochs: input should be at most 9,007,"),
        ("{learning_rate: .inf}", "learning_rate: input should be a finite number"),
        ("{class_weights: {a: 0, b: 0}}", "weight of at least one class should be greater than 0"),
        ("{class_weights: {a: .nan, b: 1}}", "class_weights.a: input should be a finite number"),
        ("{class_weights: {a: 1.0e+300, b: 1}}", "class_weights.a: input should be less than"),
        ("{class_weights: {a: -1, b: 1}}", "class_weights.a: input should be greater than"),
    ],
)
def test_numbers_that_nothing_can_be_trained_with(file, training, words):
    assert words in refused(file, "\n  epochs: 3", f" {training}")
