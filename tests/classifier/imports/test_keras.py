"""Keras networks come in, compute what Keras computes, and live on as runs."""

import json

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

import cistron
from cistron.base.errors import InputError
from cistron.classifier.imports.keras import import_keras
from cistron.cli import app
from cistron.pipeline.imports import import_model
from cistron.samples.samples import Sequences, make_samples
from tests.classifier.imports import made

LENGTH = 37


def lstm_shapes(inputs, units):
    return (inputs, 4 * units), (units, 4 * units), (4 * units,)


def chain():
    """Every layer of one dimension, with one sigmoid output."""
    net = made.Net((LENGTH, 4))
    net.add("Conv1D", (4, 4, 5), 5, filters=5, kernel_size=[4], padding="same", activation="relu")
    net.add("BatchNormalization", 5, 5, 5, 5, axis=[2], epsilon=0.01, momentum=0.9)
    net.add("MaxPooling1D", pool_size=[3], strides=[3], padding="same")
    net.add("Dropout", rate=0.3)
    net.add("LayerNormalization", 5, 5, axis=[2], epsilon=0.001)
    inner = {"units": 3, "return_sequences": True, "activation": "tanh"}
    both = {"layer": {"class_name": "LSTM", "config": inner}, "merge_mode": "concat"}
    net.add("Bidirectional", *lstm_shapes(5, 3), *lstm_shapes(5, 3), **both)
    net.add("LSTM", *lstm_shapes(6, 4), units=4, return_sequences=True, activation="tanh")
    net.add("Conv1D", (3, 4, 6), filters=6, kernel_size=[3], strides=[2], use_bias=False,
            padding="same")  # fmt: skip
    net.add("BatchNormalization", 6, 6, 6, axis=-1, scale=False)
    net.add("Activation", activation="swish")
    net.add("Conv1D", (2, 6, 3), 3, filters=3, kernel_size=[2], dilation_rate=[2], padding="causal",
            activation="elu")  # fmt: skip
    net.add("Flatten")
    net.add("Dense", (21, 6), 6, units=6, activation="linear")
    net.add("ReLU")
    return net.add("Dense", (6, 1), 1, units=1, activation="sigmoid")


def picture():
    """Layers of two dimensions, with a softmax over three."""
    net = made.Net((LENGTH, 4, 1), seed=1)
    net.add("Conv2D", (5, 4, 1, 6), 6, filters=6, kernel_size=[5, 4], activation="relu")
    net.add("MaxPooling2D", pool_size=[3, 1], strides=[2, 1], padding="same")
    net.add("Conv2D", (3, 1, 6, 5), 5, filters=5, kernel_size=[3, 1], strides=[3, 1],
            padding="same", activation="tanh")  # fmt: skip
    net.add("GlobalAveragePooling2D", keepdims=False)
    net.add("Dense", (5, 3), 3, units=3)
    return net.add("Activation", activation="softmax")


def transposed():
    """A picture of one row, then a layer that reads the last state, with two outputs."""
    net = made.Net((1, LENGTH, 4), seed=2)
    net.add("Conv2D", (1, 4, 4, 6), 6, filters=6, kernel_size=[1, 4], padding="same")
    net.add("Reshape", target_shape=[LENGTH, 6])
    net.add("LSTM", *lstm_shapes(6, 4), units=4, activation="tanh")
    return net.add("Dense", (4, 2), 2, units=2, activation="softmax")


NETS = {"chain": chain, "picture": picture, "transposed": transposed}


def write(folder, net, layout):
    """Return the files of a network in one of Keras's layouts."""
    model, weights = folder / "model.json", folder / "weights.h5"
    version = 2 if layout.startswith("keras 2") else 3
    kind = "Functional" if "functional" in layout else "Sequential"
    model.write_text(json.dumps(net.json(version, kind)))
    if layout == "keras 2 whole":
        return [made.write_keras2(folder / "whole.h5", net, whole=True)]
    if layout == "keras archive":
        return [made.write_archive(folder / "model.keras", net)]
    if version == 2 and "2.13" not in layout:
        # Another session of Keras numbers the same layers otherwise: they go by order.
        names = [f"{name}_7" for _, name, _, _ in net.layers]
        return [model, made.write_keras2(weights, net, names=names)]
    root = "_layer_checkpoint_dependencies" if "2.13" in layout else "layers"
    return [model, made.write_keras3(weights, net, root)]


LAYOUTS = [
    "keras 2",
    "keras 2 functional",
    "keras 2 whole",
    "keras 2.13",
    "keras 3",
    "keras 3 functional",
    "keras archive",
]


def dna(n=6, seed=0):
    """Return samples, some of them short, and their one-hot arrays, shape (n, LENGTH, 4)."""
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACGTN"), LENGTH - (k % 3) * 5)) for k in range(n)]
    x = np.zeros((n, LENGTH, 4))
    for row, text in enumerate(texts):
        for place, letter in enumerate(text):
            if letter != "N":
                x[row, place, "ACGT".index(letter)] = 1
    return make_samples(Sequences.from_text(texts, "dna")), x


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NETS)
def test_predictions_are_those_of_keras(tmp_path, name, layout):
    net = NETS[name]()
    import_model("keras", write(tmp_path, net, layout), tmp_path / "run")
    classifier = cistron.load(tmp_path / "run")
    samples, x = dna()
    expected = made.predict(net, x)
    found = classifier.predict_proba(samples)
    if name == "chain":
        assert classifier.classes_.tolist() == ["negative", "positive"]
        expected = np.concatenate([1 - expected, expected], axis=1)
    assert found.std(axis=0).max() > 1e-3  # the network tells the samples apart
    np.testing.assert_allclose(found, expected, atol=2e-6)
    count = sum(array.size for *_, arrays in net.layers for array in arrays)
    statistics = sum(a.size for k, *_, v in net.layers if k == "BatchNormalization" for a in v[-2:])
    unscaled = 6 if name == "chain" else 0  # a scale of one, which Keras leaves out
    assert classifier.parameters == count - statistics + unscaled


@pytest.mark.parametrize("place", ["first layer", "build_config", "build_input_shape"])
def test_the_input_shape_is_found_where_there_is_no_input_layer(tmp_path, place):
    files = write(tmp_path, chain(), "keras 2")
    document, shape = json.loads(files[0].read_text()), [None, LENGTH, 4]
    del document["config"]["layers"][0]
    if place == "first layer":
        document["config"]["layers"][0]["config"]["batch_input_shape"] = shape
    elif place == "build_config":
        document["build_config"] = {"input_shape": shape}
    else:
        document["config"]["build_input_shape"] = shape
    files[0].write_text(json.dumps(document))
    samples, x = dna()
    found = import_keras(files).predict_proba(samples)[:, 1:]
    np.testing.assert_allclose(found, made.predict(chain(), x), atol=2e-6)


def test_both_strands_are_averaged_when_asked(tmp_path):
    files = write(tmp_path, chain(), "keras 2")
    one, both = import_keras(files), import_keras(files, both_strands=True)
    samples, _ = dna()
    texts = [samples.payload.alphabet.text(samples.payload[k]) for k in range(len(samples))]
    other = [text.translate(str.maketrans("ACGT", "TGCA"))[::-1] for text in texts]
    reverse = make_samples(Sequences.from_text(other, "dna"))
    mean = (one.logits(samples) + one.logits(reverse)) / 2
    np.testing.assert_allclose(both.logits(samples), mean, atol=1e-6)
    np.testing.assert_allclose(both.logits(reverse), mean, atol=1e-6)
    assert not np.allclose(one.logits(samples), mean, atol=1e-3)


def test_the_command_makes_a_run_that_predicts(tmp_path):
    files = [str(path) for path in write(tmp_path, chain(), "keras 2")]
    run = tmp_path / "run"
    command = ["import", "keras", *files, "--out", str(run), "--classes", "unresponsive, up"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert "classes unresponsive, up" in done.stdout
    assert cistron.load(run).provenance_["imported"] == "keras"
    fasta, out = tmp_path / "new.fasta", tmp_path / "out.csv"
    fasta.write_text(">a\n" + "ACGTA" * 7 + "\n>long\n" + "ACGTA" * 9 + "\n")
    CliRunner().invoke(app, ["predict", str(run), str(fasta), "--out", str(out), "--quiet"])
    lines = out.read_text().splitlines()
    assert lines[0] == "id,predicted,p_unresponsive,p_up,warning"
    assert lines[1].endswith(",")  # nothing is known of the training samples
    assert "cropped to 37 of 45" in lines[2]
    with pytest.raises(InputError, match="which is never overwritten"):
        import_model("keras", files, run)
    import_model("keras", files, run, force=True)
    assert cistron.load(run).classes_.tolist() == ["negative", "positive"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a run"):
        import_model("keras", files, tmp_path / "other", force=True)


def changed(number, **config):
    """Return the chain with keys of one layer changed."""
    net = chain()
    net.layers[number][2].update(config)
    return net


def replaced(number, kind):
    net = chain()
    _, name, config, arrays = net.layers[number]
    net.layers[number] = (kind, name, config, arrays)
    return net


def shaped(*shape):
    net = chain()
    net.shape = shape
    return net


def ending(**config):
    return changed(-1, **config)


def two_ways(**config):
    """Return the chain whose bidirectional layer holds another one."""
    inner = {"units": 3, "return_sequences": True, **config.pop("inner", {})}
    layer = {"class_name": config.pop("around", "LSTM"), "config": inner}
    return changed(5, layer=layer, **config)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (replaced(9, "LeakyReLU"), r"layer 11, LeakyReLU 'activation_9': this layer cannot be imp"),
        (replaced(9, "Add"), r"layer 11, Add .* Supported are Activation, BatchNormalization"),
        (changed(6, recurrent_activation="hard_sigmoid"), r"LSTM 'lstm_6': recurrent_activation ="),
        (changed(6, stateful=True), r"layer 8, LSTM .* stateful = True is not supported"),
        (changed(1, axis=[1]), r"layer 3, BatchNormalization .* axis = \[1\]"),
        (changed(0, data_format="channels_first"), r"layer 2, Conv1D .* data_format"),
        (changed(0, activation="leaky_relu"), r"the activation 'leaky_relu' is not supported"),
        (changed(0, kernel_size=[50], padding="valid"), r"Conv1D cannot read what comes before"),
        (changed(0, filters=6), r"layer 2, Conv1D .* the weights have the shapes \(4, 4, 5\)"),
        (changed(0, filters=0), r"layer 2, Conv1D .* filters: Input should be greater"),
        (changed(13, max_value=6), r"layer 15, ReLU .* max_value = 6 is not supported, only None"),
        (two_ways(around="GRU"), r"Bidirectional .* around GRU it is not supported, only around L"),
        (two_ways(inner={"stateful": True}), r"layer 7, Bidirectional .* stateful = True is not"),
        (two_ways(inner={"go_backwards": True}), r"its forward layer goes backwards"),
        (
            two_ways(backward_layer={"config": {"units": 3, "go_backwards": True}}),
            "its backward layer differs from its forward layer",
        ),
        (two_ways(merge_mode="max"), r"Bidirectional .* merge_mode: Input should be 'concat'"),
        (ending().add("Activation", activation="softmax"), r"ends otherwise \(softmax\)"),
        (made.Net((LENGTH, 4)), r"layer 1, InputLayer .* ends otherwise \(linear\)"),
        (ending(activation="linear"), r"layer 16, Dense .* ends otherwise \(linear\)"),
        (ending(units=3), r"one sigmoid unit, or with a softmax"),
        (shaped(LENGTH, 20), r"the input has the shape \(37, 20\), and only DNA"),
        (shaped(None, 4), r"the input has the shape \(None, 4\).* of a stated length"),
    ],
    ids=lambda value: None if isinstance(value, str) else "net",
)
def test_what_cannot_be_imported_is_named(tmp_path, net, words):
    with pytest.raises(InputError, match=words):
        import_model("keras", write(tmp_path, net, "keras 2"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_network_that_branches_is_refused(tmp_path):
    files = write(tmp_path, chain(), "keras 3 functional")
    document = json.loads(files[0].read_text())
    nodes = document["config"]["layers"][5]["inbound_nodes"][0]["args"]
    nodes[0]["config"]["keras_history"][0] = "entry"
    files[0].write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"layer 6, LayerNormalization .* it reads from entry, a"):
        import_keras(files)
    document["class_name"] = "MyModel"
    files[0].write_text(json.dumps(document))
    with pytest.raises(InputError, match="a MyModel model cannot be imported"):
        import_keras(files)


def test_files_that_are_not_keras_s(tmp_path):
    model, weights = write(tmp_path, chain(), "keras 2")
    other, odd = tmp_path / "other.h5", tmp_path / "odd.json"
    odd.write_text('{"class_name": "Sequential", "config": {"name": "empty"}}')
    with h5py.File(other, "w") as file:
        file["data"] = np.zeros(3)
    archive = write(tmp_path, chain(), "keras archive")[0]
    cases = [
        ([model, tmp_path / "none.h5"], "there is no such file"),
        ([model], "not the JSON|no HDF5"),
        ([weights], "holds weights alone"),
        ([model, other], "holds no weights of Keras"),
        ([odd, weights], "is not the JSON of a Keras model"),
        ([model, odd], "is cut short or no HDF5 file"),
        ([model, weights, other], r"give MODEL.json and WEIGHTS.h5"),
    ]
    for files, words in cases:
        with pytest.raises(InputError, match=words):
            import_keras(files)
    weights.write_bytes(weights.read_bytes()[:3000])
    with pytest.raises(InputError, match="cut short"):
        import_keras([model, weights])
    assert import_keras([archive]).parameters
    with pytest.raises(InputError, match=r"no format 'kerras'\. Did you mean 'keras'"):
        import_model("kerras", [archive], tmp_path / "run")


def test_weights_of_another_network_are_refused(tmp_path):
    files = write(tmp_path, chain(), "keras 2")
    longer = chain()
    longer.add("Dense", (1, 1), 1, units=1)
    made.write_keras2(files[1], longer)
    with pytest.raises(InputError, match="holds weights of more layers"):
        import_keras(files)
    made.write_keras2(files[1], picture())
    with pytest.raises(InputError, match=r"layer 2, Conv1D .* the weights have the shapes \(5, 4,"):
        import_keras(files)
    broken = chain()
    broken.layers[6][3][1][0, 0] = np.nan
    made.write_keras2(files[1], broken)
    with pytest.raises(InputError, match=r"layer 8, LSTM .* no numbers"):
        import_keras(files)


def test_classes_are_as_many_as_the_network_tells_apart(tmp_path):
    files = write(tmp_path, picture(), "keras 3")
    assert import_keras(files).classes_.tolist() == ["class_0", "class_1", "class_2"]
    assert import_keras(files, classes=["a", "b", "c"]).classes_.tolist() == ["a", "b", "c"]
    for names in (["a", "b"], ["a", "b", "b"], ["a", "b", ""]):
        with pytest.raises(InputError, match="tells 3 classes apart"):
            import_keras(files, classes=names)
