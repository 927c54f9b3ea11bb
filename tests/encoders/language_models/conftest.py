from pathlib import Path

import pytest
import torch
from transformers.utils import logging

from tests.encoders.language_models.tiny import make_tiny_esm, make_tiny_t5


@pytest.fixture(autouse=True, scope="session")
def _no_bars():
    logging.disable_progress_bar()
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_esm(tmp_path_factory) -> Path:
    return make_tiny_esm(tmp_path_factory.mktemp("models") / "esm2_tiny")


@pytest.fixture(scope="session")
def tiny_t5(tmp_path_factory) -> Path:
    return make_tiny_t5(tmp_path_factory.mktemp("models") / "prot_t5_tiny")
