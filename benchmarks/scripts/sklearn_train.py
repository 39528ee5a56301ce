"""Train for one epoch on a folder of class folders."""

import argparse
import pickle
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.neural_network import MLPClassifier

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("model", type=Path)
options = parser.parse_args()

paths = sorted(options.folder.glob("*/*.png"))
x = np.array([np.asarray(Image.open(path)).ravel() for path in paths], np.float32) / 255
labels = np.array([path.parent.name for path in paths])
net = MLPClassifier((64,), batch_size=32)
net.partial_fit(x, labels, classes=np.unique(labels))
print(f"loss {net.loss_:.4f}")
options.model.write_bytes(pickle.dumps(net))
