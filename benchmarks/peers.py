"""Training throughput beside scikit-learn and PyTorch, on Fashion-MNIST in memory.

    python benchmarks/peers.py [--data FOLDER] [--rounds 7]

All train the same nets with Adam in float32, one epoch each, in turn within every round, so that a
machine that speeds up or slows down does so for all of them. mlptrain runs its own loop on uint8
pixels: gathering, scaling, accuracy and the checks for NaN included. PyTorch runs eagerly with its
fused Adam on a float32 tensor, scikit-learn is `MLPClassifier.partial_fit` on a float32 array.
Prints the medians of samples per second, and of the ratios within a round.
"""

import argparse
import itertools
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from mlptrain.training.job import Job
from mlptrain.training.loop import train_epoch
from mlptrain.training.machine import environment
from mlptrain.training.setup import open_job

CASES = (((100,), 200), ((50, 50), 32), ((512, 512), 128))
Epoch = Callable[[], None]

CONFIG = """\
data:
  train: {images: %(data)s/train-images-idx3-ubyte.gz, labels: %(data)s/train-labels-idx1-ubyte.gz}
  validation: null
  normalize: none
model: {hidden_layers: %(hidden)s, activation: relu}
training: {batch_size: %(batch)d, optimizer: adam}
"""


def mlptrain_epoch(job: Job) -> None:
    """One epoch of the training loop, without what follows it: validation and checkpoints."""
    for _ in train_epoch(job):
        pass
    job.progress.epoch += 1
    job.progress.epoch_steps = 0


def torch_epoch(
    images: NDArray[np.float32], labels: NDArray[np.int64], hidden: tuple[int, ...], batch: int
) -> Epoch:
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    widths = (x.shape[1], *hidden, 10)
    layers: list[torch.nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    loss_function = torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss_function(net(x[rows]), y[rows]).backward()
            optimizer.step()

    return epoch


def sklearn_epoch(
    images: NDArray[np.float32], labels: NDArray[np.int64], hidden: tuple[int, ...], batch: int
) -> Epoch:
    net = MLPClassifier(hidden, batch_size=batch, alpha=0.0)
    classes = np.arange(10)
    return lambda: net.partial_fit(images, labels, classes=classes)


def compare(data: Path, hidden: tuple[int, ...], batch: int, rounds: int) -> None:
    """Time the three in turn, `rounds` times after one round to warm up, and print a row."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "fashion.yaml")
        config.write_text(CONFIG % {"data": data, "hidden": list(hidden), "batch": batch})
        run = Path(folder, "run")
        with open_job(config, (), run, resume=False, reading=lambda *_: None) as job:
            images = job.train.pixels / np.float32(255)
            labels = job.train.labels
            torch.set_num_threads(job.threads)
            epochs: dict[str, Epoch] = {
                "mlptrain": lambda: mlptrain_epoch(job),
                "torch": torch_epoch(images, labels, hidden, batch),
                "scikit-learn": sklearn_epoch(images, labels, hidden, batch),
            }
            rates: dict[str, list[float]] = {name: [] for name in epochs}
            for _ in range(rounds + 1):
                for name, epoch in epochs.items():
                    start = time.perf_counter()
                    epoch()
                    rates[name].append(len(images) / (time.perf_counter() - start))
    medians = {name: statistics.median(values[1:]) for name, values in rates.items()}
    print(f"784-{'-'.join(map(str, hidden))}-10, batch {batch}")
    for name, values in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["mlptrain"], values, strict=True)][1:]
        beside = (
            f"   mlptrain is {statistics.median(ratios):.2f} times as fast"
            f" ({min(ratios):.2f}-{max(ratios):.2f})"
        )
        print(f"  {name:<13}{medians[name]:>9,.0f} samples/s{beside if name != 'mlptrain' else ''}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {environment()}")
    print(f"torch {torch.__version__}, scikit-learn {sklearn.__version__}")
    for hidden, batch in CASES:
        compare(arguments.data, hidden, batch, arguments.rounds)


if __name__ == "__main__":
    main()
