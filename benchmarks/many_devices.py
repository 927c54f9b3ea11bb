"""An epoch of training by one process and by two, on the processors of this machine.

Three networks: the default `cnn` on short proteins, whose steps are too small to be shared; a `cnn`
of 256 filters; and a transformer with the layers and width of ESM-2 8M, all of whose weights are
trained. Both ways see the same batches; each process has one thread. Told are the best wall time of
the epochs, and the time of the processor in the main process, which a busy machine changes less:
where nothing else runs, the wall time is that and what the processes wait for one another.
The losses of both ways are compared.

    OMP_NUM_THREADS=1 python benchmarks/many_devices.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np

NETWORKS = {  # settings, proteins, their length, proteins a step
    "cnn": ({"kind": "cnn"}, 512, 60, 64),
    "cnn, 256 filters": ({"kind": "cnn", "filters": 256}, 32, 400, 16),
    "transformer of 7 million": (
        {"kind": "transformer", "hidden": 320, "layers": 6, "heads": 20},
        16,
        200,
        4,
    ),
}
EPOCHS = 2


def measured():
    """Return for every network: seconds and processor seconds of the best epoch, and losses."""
    import torch

    from cistron.base.ragged import Ragged
    from cistron.encoders.proteins.residues import ResiduesSettings
    from cistron.experiment.file import parse_model
    from cistron.models.input import Network
    from cistron.training.examples import Examples
    from cistron.training.fit import train
    from cistron.training.settings import TrainingSettings

    found = {}
    for name, (model, proteins, length, batch) in NETWORKS.items():
        rng = np.random.default_rng(0)
        codes = rng.integers(0, 20, proteins * length, dtype=np.uint8)
        x = Ragged(codes, np.arange(proteins + 1) * length)
        weights = np.ones(proteins, np.float32)
        examples = Examples(x, rng.integers(0, 2, proteins), weights)
        few = Examples(Ragged(codes[: 4 * length], x.offsets[:5]), np.arange(4) % 2, weights[:4])
        torch.manual_seed(0)
        network = Network(ResiduesSettings().shape(), parse_model({**model, "dropout": 0.0}), 2)
        settings = TrainingSettings(epochs=EPOCHS, batch_size=batch, learning_rate=1e-4)
        clocks = [(time.perf_counter(), time.process_time())]
        history = train(
            network,
            examples,
            few,
            settings,
            after_epoch=lambda _, c=clocks: c.append((time.perf_counter(), time.process_time())),
        )
        wall, processor = np.diff(clocks, axis=0)[1:].min(axis=0)  # the first one warms up
        losses = [entry["train_loss"] for entry in history]
        found[name] = (float(wall), float(processor), losses)
    return found


def run(processes):
    """Run this script in as many processes; return what the main one measured."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517", "WORLD_SIZE": str(processes)}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--measure"],
            env={**os.environ, **place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]
    told = [process.communicate()[0] for process in started]
    return json.loads(told[0])


def main():
    os.environ["OMP_NUM_THREADS"] = "1"
    one, two = run(1), run(2)
    print(f"{'':26}{'1 process':>20}{'2 processes':>20}{'ratio':>16}   losses differ by")
    for name in NETWORKS:
        (wall, processor, losses), (wall2, processor2, losses2) = one[name], two[name]
        apart = np.abs(np.subtract(losses, losses2)).max()
        print(
            f"{name:26}{wall:9.2f} s ({processor:5.2f}){wall2:10.2f} s ({processor2:5.2f})"
            f"{wall / wall2:8.2f} ({processor / processor2:4.2f})   {apart:.0e}"
        )
    print("In parentheses: time of the processor in the main process.")
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        from cistron.training.processes.processes import together

        together(lambda: print(json.dumps(measured())))
    else:
        main()
