"""Processes that share the cores."""

from __future__ import annotations

import torch

from cistron.training.crossval import threads_each


def test_workers_share_the_threads_that_torch_was_given() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(6)
        assert [threads_each(workers) for workers in (1, 2, 4, 9)] == [6, 3, 1, 1]
        torch.set_num_threads(1)
        assert threads_each(1) == 1
    finally:
        torch.set_num_threads(before)
