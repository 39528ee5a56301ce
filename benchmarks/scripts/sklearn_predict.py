"""python sklearn_predict.py MODEL IMAGE: predict one image."""

import pickle
import sys
from pathlib import Path

import numpy as np
from PIL import Image

net = pickle.loads(Path(sys.argv[1]).read_bytes())
x = np.asarray(Image.open(sys.argv[2]), np.float32).reshape(1, -1) / 255
p = net.predict_proba(x)[0]
print(sys.argv[2], net.classes_[p.argmax()], f"{p.max():.3f}")
