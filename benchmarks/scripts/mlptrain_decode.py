"""python mlptrain_decode.py FOLDER: decode its 28×28 images, and do nothing with them."""

import sys

from mlptrain.data.listing import images_below
from mlptrain.data.loading import load_images
from mlptrain.data.settings import ImageSettings

settings = ImageSettings(mode="grayscale", height=28, width=28)
print(len(load_images(images_below(sys.argv[1]), settings).images))
