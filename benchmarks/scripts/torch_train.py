"""Train for one epoch on a folder of class folders."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("model", type=Path)
options = parser.parse_args()

paths = sorted(options.folder.glob("*/*.png"))
images = np.array([np.asarray(Image.open(path)).ravel() for path in paths])
x = torch.from_numpy(images).float() / 255
names = sorted({path.parent.name for path in paths})
labels = torch.tensor([names.index(path.parent.name) for path in paths])
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, len(names)))
optimizer = torch.optim.Adam(net.parameters(), fused=True)
total = 0.0
for rows in torch.randperm(len(x)).split(32):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x[rows]), labels[rows])
    loss.backward()
    optimizer.step()
    total += loss.item() * len(rows)
print(f"loss {total / len(x):.4f}")
torch.save({"names": names, "state": net.state_dict()}, options.model)
