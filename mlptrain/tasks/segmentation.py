"""One class per pixel."""

import colorsys
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.images.masks import read_mask
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.loading.stream import BadImage
from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.sources.source import Arrays, Content
from mlptrain.data.targets import IGNORED, MaskFiles, MaskTargets, Targets
from mlptrain.errors import DataError
from mlptrain.functions.activations import Softmax
from mlptrain.nn.model import Head
from mlptrain.paths import UnreadableError
from mlptrain.tasks.outcomes.masks import MaskOutcome
from mlptrain.tasks.task import Answer, Array, Judged, OutcomeKind, TargetSpec, Task, tasks
from mlptrain.text import exact, show_name, show_path


@dataclass(frozen=True)
class Masks(TargetReader):
    """Reads masks: PNG files listed in a table, or an array (n, height, width). Their values are
    class numbers, which `label_names` names. `known`: the classes of the training set; None if
    this is it."""

    columns: tuple[str, ...]
    known: tuple[str, ...] | None
    label_names: tuple[str, ...] | None
    ignore_index: int | None
    images_only: ClassVar[bool] = True

    def read(self, content: Content, rows: NDArray[np.int64], place: str) -> Targets:
        if isinstance(content, Arrays):
            if isinstance(content.labels, tuple) or content.labels.ndim != 3:
                raise DataError(
                    f"{show_path(place)}: its masks must be an array (n, height, width) of class "
                    "numbers."
                )
            return MaskTargets(self._whole(content.labels[rows], place), self.known or ())
        paths = content.beside([str(content.labels[row]) for row in rows.tolist()])
        return MaskFiles(np.array(paths, object), self.known or ())

    def read_files(
        self, targets: Targets, images: Sequence[str], image: ImageSettings
    ) -> tuple[Targets, dict[int, BadImage]]:
        height, width, _ = image.shape
        outside = 0 if self.ignore_index is None else self.ignore_index
        masks, bad = np.empty((len(targets), height, width), np.uint8), {}
        for index, (path, own) in enumerate(zip(targets.values.tolist(), images, strict=True)):
            try:
                masks[index] = read_mask(path, own, image.form, outside)
            except UnreadableError as error:
                bad[index] = BadImage(path, str(error))
        return MaskTargets(masks, targets.names), bad

    def complete(self, targets: Targets, image: ImageSettings, place: str) -> Targets:
        height, width, _ = image.shape
        numbers = targets.values
        if numbers.shape[1:] != (height, width):
            raise DataError(
                f"{show_path(place)}: its masks are {numbers.shape[2]}×{numbers.shape[1]}, its "
                f"images become {width}×{height}. Masks in arrays are not resized: leave out "
                "data.image.height and width, or resize the arrays."
            )
        return self._of_classes(numbers.reshape(len(numbers), -1), place)

    def _whole(self, masks: NDArray[np.float64], place: str) -> NDArray[np.uint8]:
        if not ((masks >= 0) & (masks <= 255) & (masks == np.floor(masks))).all():
            raise DataError(f"{show_path(place)}: its masks hold other than integers 0 to 255.")
        return masks.astype(np.uint8)

    def _of_classes(self, numbers: NDArray[np.uint8], place: str) -> MaskTargets:
        """Class numbers (n, pixels) as indices into the names of the classes."""
        is_there = np.zeros(256, bool)
        for mask in numbers:
            is_there[mask] = True
        found = [n for n in np.flatnonzero(is_there).tolist() if n != self.ignore_index]
        if self.label_names is not None:
            names = self.label_names
            unknown = [n for n in found if n >= len(names)]
        elif self.known is not None:
            names = self.known
            unknown = [n for n in found if str(n) not in names]
        else:
            names, unknown = tuple(map(str, found)), []
        if unknown:
            raise DataError(
                f"{show_path(place)}: its masks hold the class {unknown[0]}, which is "
                f"none of {', '.join(map(show_name, names))}. Name it in data.class_names, or set "
                "task.ignore_index to it."
            )
        if len(names) < 2:
            raise DataError(
                f"{show_path(place)}: its masks hold only one class, {', '.join(names) or 'none'}. "
                "At least two are needed to tell apart."
            )
        if not found:
            raise DataError(
                f"{show_path(place)}: every pixel of its masks has the value "
                f"{self.ignore_index}, task.ignore_index. Some have to count."
            )
        table = np.full(256, IGNORED, np.uint8)
        indices = range(len(names))
        values = tuple(indices if self.label_names is not None else map(int, names))
        table[list(values)] = indices
        if self.ignore_index is not None:
            table[self.ignore_index] = IGNORED
        return MaskTargets(table[numbers], names, class_values=values)


@tasks.register
class Segmentation(Task):
    """Classify every pixel. A mask is a gray or palette PNG whose values are class numbers."""

    type: Literal["segmentation"] = "segmentation"
    column: Annotated[str, Field(description="column of the mask files in a table")] = "mask"
    ignore_index: Annotated[
        int | None,
        Field(ge=0, le=255, description="pixels of this value count nowhere; null: there are none"),
    ] = None
    loss: ClassVar[str] = "cross_entropy"
    headline: ClassVar[str] = "macro_iou"
    noun: ClassVar[str] = "class"
    kind: ClassVar[OutcomeKind] = MaskOutcome
    gives_pictures: ClassVar[bool] = True
    error_name: ClassVar[str] = "wrong_pixels"

    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
        of_counts: bool = False,
    ) -> Masks:
        return Masks((self.column,), known.names if known else None, class_names, self.ignore_index)

    def spec(self, targets: Targets) -> TargetSpec:
        assert isinstance(targets, MaskTargets)
        return TargetSpec(names=targets.names, values=targets.class_values)

    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        pixels = math.prod(shape[:2])
        return Head(pixels * len(names), Softmax(), rows=pixels)

    def fits(self, spec: TargetSpec, *, images: bool) -> bool:
        return images and len(spec.values) == len(spec.names) and not (spec.mean or spec.std)

    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> MaskOutcome:
        return MaskOutcome(spec.names, IGNORED)

    def prediction_shape(self, shape: tuple[int, ...], names: Sequence[str]) -> tuple[int, ...]:
        return (*shape[:2], len(names))

    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        return spec.names

    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        height, width = inputs.shape[1:3]
        classes = len(spec.names)
        found = predictions.reshape(len(inputs), height, width, classes).argmax(axis=3)
        values = np.array(spec.values, np.uint8)
        palette = _palette(spec.values)
        return [self._answer(mask, values, palette, spec) for mask in found]

    def truths(self, targets: Array, inputs: Array, spec: TargetSpec) -> Sequence[Answer]:
        """The masks; pixels that are ignored have the value `ignore_index`, in gray, and are of no
        class."""
        values = np.zeros(IGNORED + 1, np.uint8)
        values[: len(spec.names)] = spec.values
        palette = _palette(spec.values)
        if self.ignore_index is not None:
            values[IGNORED] = self.ignore_index
            palette = _palette(spec.values, self.ignore_index)
        masks = targets.reshape(inputs.shape[:3])
        return [self._answer(mask, values, palette, spec) for mask in masks]

    def judge(self, predictions: Array, targets: Array, spec: TargetSpec) -> Judged:
        """The share of the pixels that are wrong, of those that are not ignored."""
        found = predictions.reshape(*targets.shape, len(spec.names)).argmax(axis=-1)
        counted = targets != IGNORED
        wrong = np.count_nonzero((found != targets) & counted, axis=1)
        return Judged(wrong / np.count_nonzero(counted, axis=1).clip(1), None)

    def _answer(
        self,
        mask: NDArray[Any],
        values: NDArray[np.uint8],
        palette: NDArray[np.uint8],
        spec: TargetSpec,
    ) -> Answer:
        """The answer for a mask (H, W) of indices into the classes, or IGNORED, whose `values` a
        picture has, as the masks of training did."""
        classes = len(spec.names)
        counts = np.bincount(mask.reshape(-1), minlength=classes)[:classes]
        shares = (counts / mask.size).tolist()
        there = [(name, share) for name, share in zip(spec.names, shares, strict=True) if share]
        there.sort(key=lambda each: -each[1])
        cells = tuple(cell for name, share in there for cell in (name, f"{share:.1%}"))
        named = {exact(name): share for name, share in zip(spec.names, shares, strict=True)}
        return Answer(cells, tuple(shares), {"shares": named}, values[mask], palette)


def _palette(values: Sequence[int], ignored: int | None = None) -> NDArray[np.uint8]:
    """(n, 3) the colours of masks that have one of the `values` for each class: black for the first
    class, the others around the circle of hues; gray for the value `ignored`."""
    others = len(values) - 1
    hues = [colorsys.hsv_to_rgb(index / others, 0.8, 1) for index in range(others)]
    palette = np.zeros((max(*values, ignored or 0) + 1, 3), np.uint8)
    if ignored is not None:
        palette[ignored] = 128
    palette[list(values)] = np.rint(np.array([(0, 0, 0), *hues]) * 255)
    return palette
