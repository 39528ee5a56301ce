"""python keras_predict.py MODEL IMAGE: predict one image; the classes are the digits 0 to 9."""

import sys

import keras
import numpy as np
from PIL import Image

net = keras.saving.load_model(sys.argv[1])
x = np.asarray(Image.open(sys.argv[2]), np.float32).reshape(1, -1) / 255
p = np.asarray(net(x))[0]
print(sys.argv[2], p.argmax(), f"{p.max():.3f}")
