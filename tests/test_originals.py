"""The published systems against ours: losses, gradients, schedules, windows and features."""

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cistron.base.encoded import InputShape
from cistron.models.input import Network
from cistron.models.published.oncopersistnet import OncoPersistNetSettings
from cistron.training.examples import Examples
from cistron.training.fit import train
from cistron.training.outputs import compute_logits
from cistron.training.settings import TrainingSettings
from tests.places import REAL_DATA, ROOT

DOCS = ROOT / "docs"


@pytest.fixture
def originals(monkeypatch):
    """The script of the page, and the programs it compares with."""
    monkeypatch.syspath_prepend(str(DOCS))
    import originals

    yield originals
    for name in ("originals", "original_programs"):
        sys.modules.pop(name, None)


def test_every_row_of_the_page_is_what_the_script_prints(originals):
    page = (DOCS / "originals.md").read_text(encoding="utf-8")
    rows = originals.rows()
    assert not [row for row in rows if not row.difference <= row.allowed]
    assert originals.HEAD in page
    assert not [row.line for row in rows if row.line not in page]


def test_a_difference_above_what_is_allowed_is_printed(originals):
    row = originals.Row("LCRE", "windows", "a", "b", 12.0, 0.0)
    assert row.line == "| LCRE | windows | a | b | 1e+01 |"


@pytest.mark.real_data
def test_windows_of_yeast_are_the_published_ones(originals):
    if not REAL_DATA.is_dir():
        pytest.skip("no real data here")
    page = (DOCS / "originals.md").read_text(encoding="utf-8")
    for row in originals.yeast(REAL_DATA / "yeast"):
        assert row.difference == 0
        assert row.line in page


def test_training_gives_the_losses_and_rates_of_the_original(originals):
    """Five epochs of one batch: losses with L2, as Keras reports them, and its learning rates."""
    from original_programs import oncopersistnet, reduce_on_plateau

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 20)).astype(np.float32), np.arange(24) % 2
    torch.manual_seed(0)
    network = Network(InputShape("vector", 20), OncoPersistNetSettings(dropout=0), 2)
    state = {name: p.detach().clone() for name, p in network.body.named_parameters()}
    penalised = ["convolution.weight", "dense.weight"]
    penalised += [f"lstms.{k}.cell.weight_ih_l0" for k in (0, 1)]
    keys = {"epochs": 5, "batch_size": 24, "learning_rate": 1e-2, "weight_decay": 0, "warmup": 0}
    more = {"clip": None, "class_weights": "none", "decay": 0.85, "decay_after": 2, "device": "cpu"}
    settings = TrainingSettings(**keys, **more, schedule="plateau", patience=20)
    examples = Examples(x, y, np.ones(24, dtype=np.float32))
    history = train(network, examples, examples, settings)
    trained = {n: p.requires_grad_() for n, p in state.items() if "bias_hh" not in n}
    optimiser = torch.optim.Adam(trained.values(), lr=1e-2)
    losses, rates = [], reduce_on_plateau([-n for n in range(5)], 1e-2, 0.5, 10, 0.0, 0.85, 1)
    for rate in rates:
        optimiser.param_groups[0]["lr"] = rate
        z = oncopersistnet(state, torch.from_numpy(x))[:, 0]
        loss = F.binary_cross_entropy(z.sigmoid(), torch.from_numpy(y).float())
        loss = loss + sum(1e-3 * (state[name] ** 2).sum() for name in penalised)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert [entry["learning_rate"] for entry in history] == pytest.approx(rates.tolist())
    assert [entry["train_loss"] for entry in history] == pytest.approx(losses, rel=1e-4)
    kept = dict(network.body.named_parameters())
    logits = torch.from_numpy(compute_logits(network, x, settings))
    expected = F.cross_entropy(logits, torch.from_numpy(y))
    expected += sum(1e-3 * (kept[name].detach() ** 2).sum() for name in penalised)
    lowest = min(entry["validation_loss"] for entry in history)
    assert lowest == pytest.approx(float(expected), rel=1e-5)
