"""Write data/digits: the 1,797 test digits of UCI's "Optical Recognition of Handwritten Digits".

    python data/make_digits.py        needs scikit-learn, which ships the digits

Each is an 8×8 image of 17 gray levels, spread over 0..255. One fifth of each class, drawn with a
fixed seed, is the test set. A file is named by the digit's index in the original.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

FOLDER = Path(__file__).parent / "digits"
TEST_FRACTION = 0.2
SEED = 0


def main() -> None:
    digits = load_digits()
    levels = np.round(digits.images * 255 / 16).astype(np.uint8)
    random = np.random.default_rng(SEED)
    for label in range(10):
        indices = random.permutation(np.flatnonzero(digits.target == label))
        tests = set(indices[: round(TEST_FRACTION * len(indices))].tolist())
        for index in indices.tolist():
            split = "test" if index in tests else "train"
            path = FOLDER / split / str(label) / f"{index:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(levels[index]).save(path, optimize=True)


if __name__ == "__main__":
    main()
