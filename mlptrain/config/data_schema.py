"""What a config can say of the examples."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Tag

from mlptrain.config import branches
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.names import distinct
from mlptrain.data.sources.source import Source
from mlptrain.registry import BRANCH, Definition

Fraction = Annotated[float, Field(gt=0, lt=1)]
HeldOut = Annotated[
    Annotated[Fraction, Tag(BRANCH + "fraction")] | Annotated[Source, Tag(BRANCH + "source")],
    branches.HELD_OUT,
]


class DataConfig(Definition):
    """Which examples, and how they become numbers."""

    train: Annotated[
        Source,
        Field(description="training examples: class folders, .csv, IDX, .npz, .npy or a table"),
    ]
    test: Annotated[
        HeldOut | None,
        Field(description="fraction of the examples in train, between 0 and 1, a path, or null"),
    ] = None
    validation: Annotated[
        HeldOut | None,
        Field(description="the same; a fraction is drawn from what the test split leaves of train"),
    ] = 0.1
    weight: Annotated[
        str | None,
        Field(description="column, or array in an .npz, of each example's weight in the loss"),
    ] = None
    class_names: Annotated[
        Annotated[
            tuple[str, ...],
            Field(strict=False, min_length=2),
            AfterValidator(distinct),
        ]
        | None,
        Field(description="names of the labels 0, 1, ... in IDX and .npz; null: the numbers"),
    ] = None
    image: Annotated[ImageSettings, Field(description="mode and size of every image")] = (
        ImageSettings()
    )
    normalize: Annotated[
        Literal["none", "standard"],
        Field(
            description="none: pixels in [0, 1], numbers as they are; standard: mean 0, deviation 1"
        ),
    ] = "standard"
    on_bad_image: Annotated[
        Literal["error", "skip"], Field(description="stop, or train without the bad images")
    ] = "error"
    cache: Annotated[
        bool, Field(description="keep decoded images in ~/.cache/mlptrain for the next start")
    ] = True
