"""The published SenSeqNet becomes a run that predicts what it predicts."""

import json
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import cistron
from cistron import cli
from cistron.base.errors import InputError
from cistron.classifier.imports.senseqnet import ENCODER, import_senseqnet
from cistron.classifier.imports.state_dict import load_strictly, read_state_dict
from cistron.models.published.senseqnet import SenSeqNetSettings
from cistron.pipeline.imports import import_model
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.public import fetch
from cistron.targets.calibration import apply
from cistron.training.outputs import compute_logits


def shapes():
    """Return the names and shapes of the published checkpoint."""
    found = {}
    for layer in range(4):
        for way in ("", "_reverse"):
            tail = f"_l{layer}{way}"
            found[f"lstm.weight_ih{tail}"] = (724, 362 if layer else 1280)
            found[f"lstm.weight_hh{tail}"] = (724, 181)
            found[f"lstm.bias_ih{tail}"] = found[f"lstm.bias_hh{tail}"] = (724,)
    found |= {"conv1.weight": (76, 1, 6, 1), "conv2.weight": (111, 76, 4, 1)}
    found |= {"conv3.weight": (487, 111, 5, 1), "fc.weight": (2, 20_941), "fc.bias": (2,)}
    found |= {f"conv{k}.bias": (n,) for k, n in ((1, 76), (2, 111), (3, 487))}
    for name, n in (("bn", 362), ("bn1", 76), ("bn2", 111), ("bn3", 487)):
        found |= {f"{name}.{part}": (n,) for part in ("weight", "bias", "running_mean")}
        found |= {f"{name}.running_var": (n,), f"{name}.num_batches_tracked": ()}
    return found


def checkpoint(seed=0):
    """Return tensors with the names and shapes of the published ones."""
    rng = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes().items():
        drawn = torch.randn(shape, generator=rng)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            state[name] = drawn.square() + 0.5
        elif len(shape) == 1:
            state[name] = 0.1 * drawn + (name.startswith("bn") and name.endswith("weight"))
        else:  # as large as lets the vectors tell
            state[name] = drawn * (6 if "lstm" in name else 1.5) / drawn[0].numel() ** 0.5
    return state


def published(state, x):
    """Return the probabilities of embeddings, as the published network is described."""
    for layer in range(4):
        ways = []
        for way in ("", "_reverse"):
            tail = f"_l{layer}{way}"
            biases = state[f"lstm.bias_ih{tail}"] + state[f"lstm.bias_hh{tail}"]
            entry, _, cell, out = (x @ state[f"lstm.weight_ih{tail}"].T + biases).chunk(4, dim=1)
            ways.append(out.sigmoid() * (entry.sigmoid() * cell.tanh()).tanh())
        x = torch.cat(ways, dim=1)
    x = x[:, None, :, None]
    for k in (1, 2, 3):
        x = F.conv2d(x, state[f"conv{k}.weight"], state[f"conv{k}.bias"], padding=(1, 0))
        parts = ("running_mean", "running_var", "weight", "bias")
        x = F.batch_norm(x, *[state[f"bn{k}.{part}"] for part in parts]).relu()
        x = F.max_pool2d(x, (2, 1))
    x = x.flatten(1) @ state["fc.weight"].T + state["fc.bias"]
    return F.log_softmax(x, dim=1).exp()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("published") / "SenSeqNet_model.pth"
    torch.save(checkpoint(), path)
    return path


@pytest.fixture(scope="module")
def run(file, tmp_path_factory):
    out = tmp_path_factory.mktemp("imported") / "senseqnet"
    import_model("senseqnet", [file], out, command="cistron import")
    return out


def embeddings(n=40, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, (n, 1280)).astype(np.float32)


def predicted(classifier, x):
    logits = compute_logits(classifier.model_, x, classifier.training_)
    return apply(logits, classifier.temperature_)


def test_the_shapes_are_those_of_the_published_file():
    state = checkpoint()
    assert len(state) == 60
    assert sum(value.numel() for value in state.values()) == 4_837_095


@torch.no_grad()
def test_the_network_gives_the_published_probabilities(file):
    network = SenSeqNetSettings().build(1280, 2)
    load_strictly(network, read_state_dict(file), file)
    x = torch.from_numpy(embeddings()).double()
    expected = published({name: value.double() for name, value in checkpoint().items()}, x)
    assert expected[:, 1].std() > 0.05
    found = network.double().eval()(x).softmax(1)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_the_run_gives_the_published_probabilities(run):
    x = embeddings()
    expected = published(checkpoint(), torch.from_numpy(x)).numpy()
    classifier = cistron.load(run)
    np.testing.assert_allclose(predicted(classifier, x), expected, atol=1e-5)
    assert list(classifier.classes_) == ["not_senescent", "senescent"]
    assert classifier.parameters == 4_835_019
    encoder = classifier.encoder_.settings.document()
    assert {key: encoder[key] for key in ENCODER} == ENCODER
    assert classifier.encoder_.shape.width == 1280


def test_nothing_is_said_of_training_samples_that_are_not_known(run):
    proteins = make_samples(Sequences.from_text(["M", "W" * 5000, "MX" * 20, "MKVLAT" * 9]))
    assert cistron.load(run).novelty_.warnings(proteins) == ["", "", "letters unknown: 50 %", ""]


def test_what_the_run_directory_says(run, file):
    assert {path.name for path in run.iterdir()} == {
        ".cistron",
        "model",
        "environment.json",
        "log.txt",
        "sections.yaml",
    }
    environment = json.loads((run / "environment.json").read_text())
    provenance = json.loads((run / "model" / "classifier.json").read_text())["provenance"]
    for document in (environment, provenance):
        assert document["imported"] == "senseqnet"
        assert list(document["sources"]) == [str(file)]
        assert document["published"] is None  # these are not the published weights
        assert len(document["notes"]) == 3
    assert environment["parameters"] == 4_835_019
    assert environment["command"] == "cistron import"
    assert "not calibrated" in (run / "log.txt").read_text()


def test_safetensors_are_the_same(file, tmp_path):
    save_file(checkpoint(), tmp_path / "weights.safetensors")
    other = import_senseqnet([tmp_path / "weights.safetensors"])
    x = embeddings(5)
    np.testing.assert_array_equal(predicted(other, x), predicted(import_senseqnet([file]), x))


def command(*arguments):
    before, sys.argv = sys.argv, ["cistron", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    finally:
        sys.argv = before
    return 0


def test_the_command(file, tmp_path, capsys):
    out = tmp_path / "deep" / "run"
    assert command("import", "senseqnet", file, "--out", out) == 0
    said = capsys.readouterr()
    assert "4,835,019 parameters, classes not_senescent, senescent" in said.out
    assert "not calibrated" in said.err
    assert [path.name for path in out.parent.iterdir()] == ["run"]
    assert command("report", out) == 2
    expected = f"{out} holds an imported model: nothing was scored, so there is nothing to report."
    assert capsys.readouterr().err.strip() == expected


@torch.no_grad()
def test_predicts_from_any_weights_of_the_language_models_name(run, tmp_path, monkeypatch):
    from transformers import EsmModel, EsmTokenizer

    from tests.encoders.language_models.tiny import make_tiny_esm

    folder = tmp_path / "models" / "esm2_t33_650M_UR50D"
    sizes = {"hidden_size": 1280, "num_hidden_layers": 1, "intermediate_size": 16}
    make_tiny_esm(folder, **sizes)
    monkeypatch.setenv("CISTRON_MODELS", str(folder.parent))
    monkeypatch.setenv("CISTRON_CACHE", str(tmp_path / "cache"))
    proteins = ["MKVLAT", "WWHCWACDEFGHIKLMNPQRSTVWY", "MKKLLPTAAAGLLLLAAQPAMA"]
    table = cistron.load(run).predict(make_samples(Sequences.from_text(proteins)))
    tokens = EsmTokenizer.from_pretrained(folder)
    model = EsmModel.from_pretrained(folder, add_pooling_layer=False).eval()
    means = [
        model(**tokens(protein, return_tensors="pt")).last_hidden_state[0, 1:-1].mean(0)
        for protein in proteins
    ]
    expected = published(checkpoint(), torch.stack(means))[:, 1].numpy()
    np.testing.assert_allclose(table["p_senescent"], expected, atol=1e-4)
    assert (table["warning"] == "").all()


def test_a_run_is_never_overwritten(file, tmp_path, planted):
    out = tmp_path / "run"
    import_model("senseqnet", [file], out)
    before = (out / "environment.json").read_bytes()
    with pytest.raises(InputError, match="holds an imported model, which is never overwritten"):
        import_model("senseqnet", [file], out)
    cut = tmp_path / "cut.pth"
    cut.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(InputError, match="is damaged"):
        import_model("senseqnet", [cut], out, force=True)
    assert (out / "environment.json").read_bytes() == before
    import_model("senseqnet", [file], out, force=True)
    assert (out / "model" / "classifier.json").is_file()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    with pytest.raises(InputError, match="exists and is not a run"):
        import_model("senseqnet", [file], precious, force=True)
    assert (precious / "thesis.txt").read_text() == "years"


def test_formats_files_and_options_that_are_not_there(file, tmp_path):
    with pytest.raises(InputError, match="no format 'sensqnet'. Did you mean 'senseqnet'"):
        import_model("sensqnet", [file], tmp_path / "run")
    with pytest.raises(InputError, match="--both-strands means nothing for senseqnet"):
        import_model("senseqnet", [file], tmp_path / "run", both_strands=True)
    with pytest.raises(InputError, match=r"none\.pth: there is no such file"):
        import_model("senseqnet", [tmp_path / "none.pth"], tmp_path / "run")
    with pytest.raises(InputError, match="one file is needed"):
        import_model("senseqnet", [file, file], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def refused(state, tmp_path, words):
    torch.save(state, tmp_path / "weights.pth")
    network = SenSeqNetSettings().build(1280, 2)
    with pytest.raises(InputError, match=words):
        load_strictly(network, read_state_dict(tmp_path / "weights.pth"), tmp_path / "weights.pth")


def test_other_networks_are_refused_by_their_first_tensor(tmp_path):
    state = checkpoint()
    less = {name: value for name, value in state.items() if name != "conv2.bias"}
    refused(less, tmp_path, r"weights\.pth lacks the tensor 'conv2.bias'")
    refused(state | {"head.weight": torch.zeros(2)}, tmp_path, "holds the tensor 'head.weight'")
    narrow = {"lstm.weight_ih_l0": torch.zeros(724, 480)}
    refused(state | narrow, tmp_path, r"'lstm.weight_ih_l0' has the shape \(724, 480\).* \(724, 12")
    refused(state | {"fc.bias": torch.tensor([0, torch.nan])}, tmp_path, "'fc.bias' holds values")
    refused({"model": state}, tmp_path, "'model' is no tensor")
    refused([1, 2], tmp_path, "holds no tensors by name")


class Danger:
    def __reduce__(self):
        return exec, ("raise SystemExit('code in a file was run')",)


def test_nothing_in_a_file_is_run(tmp_path, file):
    torch.save({"fc.weight": Danger()}, tmp_path / "pickle.pth")
    for path in (tmp_path / "pickle.pth", tmp_path / "text.pth", tmp_path / "half.pth"):
        if path.name == "text.pth":
            path.write_text("weights")
        if path.name == "half.pth":
            path.write_bytes(file.read_bytes()[:5_000_000])
        with pytest.raises(InputError, match="is damaged, or holds more than tensors"):
            read_state_dict(path)


# Of the published code on the published weights, for 16 vectors whose feature f is
# 0.2 sin(r² f / 100 + r), r from 1 to 16.
SENESCENT = [0.007164, 0.086863, 0.999954, 0.771763, 0.0, 0.0, 0.998021, 0.999959, 0.0, 0.0]
SENESCENT += [0.35428, 0.01588, 0.458687, 0.0, 0.999819, 0.0]


@pytest.mark.slow
def test_senseqnet_for_real(tmp_path):
    path = fetch("senescence", tmp_path)[-1]
    import_model("senseqnet", [path], tmp_path / "run")
    classifier = cistron.load(tmp_path / "run")
    assert classifier.provenance_["published"] == "senseqnet==1.1.2"
    r, f = np.arange(1, 17)[:, None], np.arange(1280)[None]
    x = (0.2 * np.sin(1e-2 * r * r * f + r)).astype(np.float32)
    np.testing.assert_allclose(predicted(classifier, x)[:, 1], SENESCENT, atol=2e-6)
    state = read_state_dict(path)
    drawn = [value for name, value in state.items() if "weight_hh" in name]
    assert len(drawn) == 8
    assert all(value.abs().max() <= 181**-0.5 for value in drawn)  # as they were initialised
    expected = published(state, torch.from_numpy(embeddings())).numpy()
    np.testing.assert_allclose(predicted(classifier, embeddings()), expected, atol=1e-5)
