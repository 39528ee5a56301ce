"""python mlptrain_decode.py FOLDER: only decode the 28×28 images in FOLDER."""

import sys

from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.stream import load_images
from mlptrain.data.sources.listing import images_below

settings = ImageSettings(mode="grayscale", height=28, width=28)
print(len(load_images(images_below(sys.argv[1], []), settings).images))
