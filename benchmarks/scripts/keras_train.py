"""Train for one epoch on a folder of class folders."""

import argparse
from pathlib import Path

import keras
import numpy as np
from PIL import Image

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folder", type=Path)
parser.add_argument("model", type=Path)
options = parser.parse_args()

paths = sorted(options.folder.glob("*/*.png"))
x = np.array([np.asarray(Image.open(path)).ravel() for path in paths], np.float32) / 255
names = sorted({path.parent.name for path in paths})
labels = np.array([names.index(path.parent.name) for path in paths])
net = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(len(names), activation="softmax"),
    ]
)
net.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
history = net.fit(x, labels, batch_size=32, epochs=1, verbose=0)
print(f"loss {history.history['loss'][0]:.4f}")
net.save(options.model)
