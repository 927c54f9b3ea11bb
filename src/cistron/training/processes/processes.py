"""One training by many processes, each with a device of its own.

The main process (rank 0) runs a command as if it were alone: only it reads, splits, writes and
speaks. The others wait until it trains a network. They are then given all that it trains with,
and every process takes its share of the rows of every batch, until the training is over.

Hugging Face accelerate finds the devices and joins the processes, however they were launched
(`accelerate launch`, `torchrun`). It is imported there alone.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

import numpy as np
import torch
import torch.distributed as dist

from cistron.base.errors import InputError
from cistron.training.processes.collectives import (
    SharedError,
    add_gradients,
    told_by_each,
    told_by_main,
)
from cistron.training.processes.shared_batch_norm import SharedStatistics
from cistron.training.settings import TrainingSettings

WAITING = timedelta(days=30)  # what the main process does before and after training may take long
SPEAKS_FIRST = 5  # seconds that the main process has to say what is wrong with all of them


class DivergedError(SharedError):
    """The loss is not a number, in all processes alike."""


@dataclass(eq=False)
class Processes:
    """The processes of one training, as one of them sees them.

    Parameters
    ----------
    rank : int
        Of this process; 0 is the main one.
    count : int
    device : device, optional
        Where this process computes; None where it is alone.
    mixed_precision : str
        What the launcher was told: no, bf16, …
    words : process group, optional
        By which Python objects are sent.
    trainings : int
        How many were shared so far, in the main process.
    """

    rank: int = 0
    count: int = 1
    device: torch.device | None = None
    mixed_precision: str = "no"
    words: Any = None
    trainings: int = 0

    @property
    def main(self) -> bool:
        """Whether this process reads, writes and speaks."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """Return which of so many rows of a batch are those of this process.

        Batches are sorted by length, so every process takes rows from end to end of it. A process
        for which there is none computes the first row, and has to make it count for nothing.
        """
        return slice(self.rank, None, self.count) if self.counts(rows) else slice(0, 1)

    def counts(self, rows: int) -> bool:
        """Say whether this process has a share of so many rows."""
        return self.rank < rows

    def own(self, weights: torch.Tensor, rows: int) -> torch.Tensor:
        """Return the weights of this process in a batch of so many rows, or twice the rows."""
        if self.count == 1:
            return weights
        own = weights.unflatten(0, (-1, rows))[:, self.share(rows)].flatten(0, 1)
        return own if self.counts(rows) else torch.zeros_like(own)

    def same(self, thing: Any) -> Any:
        """Return what the main process has, in every process."""
        return thing if self.count == 1 else told_by_main(thing, self.words)

    def gathered(self, thing: Any) -> list[Any]:
        """Return what each process has, in the order of their ranks."""
        return [thing] if self.count == 1 else told_by_each(thing, self.words)

    def caught_up(
        self, network: torch.nn.Module, optimizer: torch.optim.Optimizer, restored: Any
    ) -> Any:
        """Bring all to the state that the main one restored; return what it restored beside it."""
        begun = restored is not None and self.count > 1
        told = self.same(
            (network.state_dict(), optimizer.state_dict(), restored) if begun else None
        )
        if self.main or told is None:
            return restored
        network.load_state_dict(told[0])
        optimizer.load_state_dict(told[1])
        return told[2]

    def add_gradients(self, network: torch.nn.Module) -> None:
        """Replace every gradient by its sum over the processes."""
        if self.count > 1:
            add_gradients(network)

    def statistics(self, rows: int) -> AbstractContextManager[object]:
        """Return the context in which batch normalisation sees a whole batch of so many rows."""
        return nullcontext() if self.count == 1 else SharedStatistics(rows, self.counts(rows))

    def generator(self, rng: np.random.Generator, *seed: int) -> np.random.Generator:
        """Return what this process draws noise from: in the main one, the given generator."""
        return rng if self.main else np.random.default_rng((*seed, self.rank))

    def require(self, settings: TrainingSettings) -> None:
        """Refuse a device or a precision that is not the one of the launcher.

        Raises
        ------
        InputError
        """
        if self.device is None:
            return
        if settings.device not in ("auto", self.device.type):
            raise InputError(
                f"training.device: {settings.device!r} cannot be had by {self.count} processes "
                f"that were launched for {self.device.type!r}, each with a device of its own. Use "
                "auto, and choose the devices where the processes are launched "
                "(CUDA_VISIBLE_DEVICES, accelerate launch --cpu)."
            )
        wanted, given = settings.precision, self.mixed_precision
        if given not in ("no", wanted) and (wanted, given) != ("auto", "bf16"):
            raise InputError(
                f"training.precision is {wanted!r}, and the processes were launched with mixed "
                f"precision {given!r}. Cistron computes in the precision of the experiment: launch "
                "with --mixed_precision no."
            )

    def ask(self, train: Callable[..., Any], *arguments: Any) -> None:
        """Let the other processes call `train(*arguments)`, as the main one is about to do.

        They are given copies. In the other processes nothing happens.
        """
        if self.main and self.count > 1:
            self.trainings += 1
            told_by_main((train, arguments), self.words)

    def help(self) -> None:
        """Take part in every training of the main process, until it dismisses this one.

        Raises
        ------
        SharedError
            If it ended before its time.
        """
        while (task := self.same(None)) is not None:
            train, arguments = task
            try:
                train(*arguments)
            except DivergedError:
                continue  # the main process knows it too, and decides what follows


ALONE = Processes()
_current: ContextVar[Processes] = ContextVar("processes", default=ALONE)


def current() -> Processes:
    """Return the processes that train together; one alone where no more were launched."""
    return _current.get()


def launched() -> bool:
    """Say whether this process is one of several that a launcher started."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") not in ("", "0", "1")


def together(command: Callable[[], object]) -> None:
    """Run a command in the main process, and let the others help wherever it trains a network.

    Every process calls this once, with the same command. One that was not launched as one of
    several simply runs it.

    Raises
    ------
    InputError
        If accelerate is missing, or was told to do what Cistron cannot.

    Where the main process ends before its time and says why, the others end without a word.
    """
    if not launched():
        command()
        return
    main = os.environ["RANK"] == "0"
    if not main:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process answers it, and all end
    try:
        processes = _join()
    except InputError:
        if main:
            raise
        _leave()
    token = _current.set(processes)
    try:
        if main:
            _lead(processes, command)
        else:
            processes.help()
    except SharedError:
        if not main:
            _leave()
        dist.destroy_process_group()
        raise
    finally:
        _current.reset(token)
    dist.destroy_process_group()


def _leave() -> NoReturn:
    """End this process, after the main one: launchers end all as soon as the first has failed.

    What is left of broken connections must not be taken down in order: that aborts.
    """
    time.sleep(SPEAKS_FIRST)
    os._exit(2)


def require_alone(what: str) -> None:
    """Refuse what several processes cannot do together.

    Raises
    ------
    InputError
    """
    if current().count > 1:
        raise InputError(
            f"{what} cannot be run by {current().count} processes that train one network together. "
            "Run it without the launcher; --workers N trains several networks at the same time."
        )


def _lead(processes: Processes, command: Callable[[], object]) -> None:
    """Run the command, then dismiss the others.

    They are told only if it went well. If not, they may be in the middle of a step: they end when
    they find this process gone.
    """
    try:
        command()
    except SystemExit as ended:  # how a command line ends, well or not
        if ended.code:
            raise
    if not processes.trainings:
        sys.stderr.write(
            f"{processes.count - 1} of {processes.count} processes had nothing to do: only the "
            "training of networks is shared.\n"
        )
    processes.same(None)


def _join() -> Processes:
    """Join the processes that were launched.

    Raises
    ------
    InputError
        If accelerate is missing, or was told to do what Cistron cannot.
    """
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise InputError(
            "Training by several processes needs accelerate: pip install 'cistron[cluster]'."
        ) from error
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    kind = accelerator.distributed_type.value
    if kind not in ("MULTI_CPU", "MULTI_GPU"):
        raise InputError(
            f"The processes were launched for {kind}. Cistron shares the rows of each batch among "
            "CPU processes or CUDA devices: answer `accelerate config` with multi-CPU or multi-GPU "
            "and no to DeepSpeed, FSDP and the like."
        )
    return Processes(
        accelerator.process_index,
        accelerator.num_processes,
        accelerator.device,
        accelerator.mixed_precision,
        dist.new_group(backend="gloo", timeout=WAITING),
    )
