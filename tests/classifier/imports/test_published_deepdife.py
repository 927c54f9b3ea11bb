"""The published DeepDifE network gives the predictions that TensorFlow gave."""

import numpy as np
import pytest
import torch

import cistron
from cistron.encoders.one_hot import OneHotSettings
from cistron.models.input import Network
from cistron.models.published.deepdife import DeepDifESettings
from cistron.pipeline.imports import import_model
from cistron.samples.samples import Sequences, make_samples
from cistron.samples.sequences.stream import stream
from cistron.splits.search.strands import reverse_complements
from tests.places import REAL_DATA

FOLDER = REAL_DATA / "stress_aba"
MODEL, WEIGHTS = FOLDER / "model_single.json", FOLDER / "weights_single.h5"
GENES = {
    "AT1G34550": (0.196016, 0.161808),
    "AT3G46120": (0.602915, 0.494750),
    "AT2G02695": (0.263799, 0.225027),
    "AT4G16280": (0.789800, 0.711448),
}
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not MODEL.is_file(), reason="the published network is not here"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("deepdife") / "run"
    import_model("keras", [MODEL, WEIGHTS], path, classes=["unresponsive", "up"])
    return path


@pytest.fixture(scope="module")
def regions():
    """Both files of regions as they are, and the other strand of each."""
    parts = [
        part
        for name in ("example_c1.fasta.gz", "example_c2.fasta.gz")
        for part in stream(FOLDER / name, "dna")
    ]
    sequences = Sequences.stack([part.payload for part in parts])
    ids = np.concatenate([part.ids for part in parts])
    return ids, make_samples(sequences), make_samples(reverse_complements(sequences))


def test_every_reference_number(run, regions):
    classifier = cistron.load(run)
    assert classifier.parameters == 97_953
    ids, forward, reverse = regions
    assert len(ids) == 1978
    found = np.stack([classifier.predict_proba(part)[:, 1] for part in (forward, reverse)])
    genes = np.array([name.split("::")[0] for name in ids])
    for gene, expected in GENES.items():
        row = np.flatnonzero(genes == gene)[0]
        np.testing.assert_allclose(found[:, row], expected, atol=1e-6, err_msg=gene)
    np.testing.assert_allclose(found.mean(axis=1), (0.4716, 0.4876), atol=5e-5)
    tensorflow = FOLDER / "example_predictions_tensorflow.npy"
    if tensorflow.is_file():
        np.testing.assert_allclose(found, np.load(tensorflow), atol=1e-6)


@torch.no_grad()
def test_the_same_weights_in_our_own_architecture(run, regions):
    classifier, forward = cistron.load(run), regions[1].take(np.arange(100))
    encoder = OneHotSettings(max_length=620, both_strands=False).fit(forward)
    network = Network(encoder.shape, DeepDifESettings(), 2)
    theirs = list(classifier.model_.body.parameters())
    ours = list(network.body.parameters())
    assert len(ours) == len(theirs) == 12
    theirs[0] = theirs[0].squeeze(1).mT  # (filters, 1, positions, letters), a picture
    for mine, published in zip(ours, theirs, strict=True):
        mine.copy_(published.reshape(mine.shape))
    expected = classifier.logits(forward)
    classifier.encoder_, classifier.model_ = encoder, network.eval()
    np.testing.assert_allclose(classifier.logits(forward), expected, atol=1e-5)
    assert expected.std() > 0.1
