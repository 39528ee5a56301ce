"""python torch_predict.py MODEL IMAGE: predict one image."""

import sys

import numpy as np
import torch
from PIL import Image
from torch import nn

saved = torch.load(sys.argv[1])
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, len(saved["names"])))
net.load_state_dict(saved["state"])
x = torch.from_numpy(np.asarray(Image.open(sys.argv[2]), np.float32).reshape(1, -1) / 255)
with torch.no_grad():
    p = net(x).softmax(1)[0]
print(sys.argv[2], saved["names"][p.argmax()], f"{p.max():.3f}")
