"""PyTorch with its fused Adam, eager or with torch.compile (forms "compile…").

"compile" compiles the forward pass and the loss, and so the backward pass; "compile with optimizer"
also the update, for which Adam must not be fused. Shapes are static, so that the short last batch
of a pass gets its own kernels; kernels for any batch size would be slower.
"""

import itertools
import logging

import torch
from torch import nn

from benchmarks import fashion_mnist
from benchmarks.workers.serve import Task, serve


class TorchTrainer:
    """nn.Sequential on a float32 tensor in memory; rows are gathered batch by batch."""

    def __init__(self, task: Task) -> None:
        torch.manual_seed(task.seed)
        self.data, self.batch_size = task.data, task.row.batch_size
        self.x, self.labels = tensors(fashion_mnist.load(task.data, "train", task.row.examples))
        layers = [(nn.Linear(n, m), nn.ReLU()) for n, m in task.row.layers]
        self.net = nn.Sequential(*list(itertools.chain(*layers))[:-1])
        criterion = nn.CrossEntropyLoss()
        compiles_update = task.form == "compile with optimizer"
        self.optimizer = torch.optim.Adam(self.net.parameters(), fused=not compiles_update)
        self._update = self.optimizer.step

        def loss(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            return criterion(self.net(x), labels)

        self._loss = loss
        if task.form.startswith("compile"):
            torch._logging.set_logs(all=logging.ERROR)  # hides a warning about a skipped hook
            self._loss = torch.compile(loss, dynamic=False)
        if compiles_update:
            self._update = torch.compile(self.optimizer.step, dynamic=False)

    def train(self, passes: int) -> None:
        for _ in range(passes):
            for rows in torch.randperm(len(self.x)).split(self.batch_size):
                self.optimizer.zero_grad()
                self._loss(self.x[rows], self.labels[rows]).backward()
                self._update()

    @torch.no_grad()
    def accuracy(self) -> float:
        x, labels = tensors(fashion_mnist.load(self.data, "test"))
        return float((self.net(x).argmax(1) == labels).float().mean())


def tensors(arrays: tuple) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


if __name__ == "__main__":
    serve(TorchTrainer)
