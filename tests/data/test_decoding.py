"""One image, whole or odd or broken: the exact pixels, or the exact reason."""

from pathlib import Path

import numpy as np
import pytest
from pictures import chunk, encoded, exif, gradient, png
from PIL import Image, ImageOps

from mlptrain.data.images.arrays import fit_array, load_image, resolve
from mlptrain.data.images.decoding import read_into
from mlptrain.data.images.settings import ImageSettings

ALL = ("png", "jpeg", "bmp", "gif", "webp")
GRAY = gradient()
COLOUR = gradient(channels=3)


def load(tmp_path: Path, data: bytes, **settings: object) -> np.ndarray:
    """The image in `data` as stored, unless `settings` say otherwise."""
    path = tmp_path / "image.png"
    path.write_bytes(data)
    resolved, _ = resolve(ImageSettings.model_validate(settings), [str(path)])
    return load_image(str(path), resolved)


def gray_png(depth: int, samples: list[int], transparent: int | None = None) -> bytes:
    """One row of gray `samples` that fill whole bytes."""
    packed = sum(sample << depth * i for i, sample in enumerate(reversed(samples)))
    row = b"\0" + packed.to_bytes(len(samples) * depth // 8)
    before = b"" if transparent is None else chunk(b"tRNS", transparent.to_bytes(2))
    return png(len(samples), 1, depth, 0, row, before=before)


def palette_png(colours: bytes, indices: bytes, alphas: bytes | None = None) -> bytes:
    before = chunk(b"PLTE", colours)
    before += b"" if alphas is None else chunk(b"tRNS", alphas)
    return png(len(indices), 1, 8, 3, b"\0" + indices, before=before)


RED, BLUE, WHITE = [255, 0, 0], [0, 0, 255], [255, 255, 255]
ROWS = {  # one row each: the file, and its pixels as stored, on a background of 100
    "gray 1 bit": (gray_png(1, [0, 1, 1, 0, 0, 0, 0, 1]), [0, 255, 255, 0, 0, 0, 0, 255]),
    "gray 2 bits": (gray_png(2, [0, 1, 2, 3]), [0, 85, 170, 255]),
    "gray 4 bits": (gray_png(4, [0, 1, 14, 15]), [0, 17, 238, 255]),
    "gray 8 bits": (gray_png(8, [0, 1, 254, 255]), [0, 1, 254, 255]),
    "gray 16 bits": (
        gray_png(16, [0, 128, 129, 257, 32768, 65406, 65407, 65535]),
        [0, 0, 1, 1, 128, 254, 255, 255],
    ),
    "gray 1 bit, transparent": (gray_png(1, [0, 1] * 4, 1), [0, 100] * 4),
    "gray 2 bits, transparent": (gray_png(2, [0, 1, 2, 3], 2), [0, 85, 100, 255]),
    "gray 4 bits, transparent": (gray_png(4, [0, 15], 15), [0, 100]),
    "gray 8 bits, transparent": (gray_png(8, [7, 8], 7), [100, 8]),
    "gray 16 bits, transparent": (gray_png(16, [300, 301], 300), [100, 1]),
    "gray and alpha": (png(3, 1, 8, 4, bytes([0, 9, 255, 9, 0, 200, 51])), [9, 100, 120]),
    "gray and alpha, 16 bits": (
        png(2, 1, 16, 4, bytes([0, 9, 9, 255, 255, 9, 9, 0, 0])),
        [9, 100],
    ),
    "rgb": (png(2, 1, 8, 2, bytes([0, *RED, *BLUE])), [RED, BLUE]),
    "rgb, transparent": (
        png(2, 1, 8, 2, bytes([0, *RED, *BLUE]), before=chunk(b"tRNS", b"\0\xff\0\0\0\0")),
        [[100] * 3, BLUE],
    ),
    "rgb 16 bits": (
        png(2, 1, 16, 2, bytes([0, 255, 255, 0, 0, 9, 9, 1, 1, 2, 2, 3, 3])),
        [[255, 0, 9], [1, 2, 3]],
    ),
    "rgb 16 bits, transparent": (
        png(
            2, 1, 16, 2, bytes([0, *range(6), *range(5), 6]), before=chunk(b"tRNS", bytes(range(6)))
        ),
        [[100] * 3, [0, 2, 4]],
    ),
    "rgb and alpha": (
        png(2, 1, 8, 6, bytes([0, *RED, 255, *WHITE, 0])),
        [RED, [100] * 3],
    ),
    "palette": (palette_png(bytes(RED + BLUE), b"\0\1\1"), [RED, BLUE, BLUE]),
    "palette of grays": (palette_png(bytes([5, 5, 5, 9, 9, 9]), b"\0\1\1"), [5, 9, 9]),
    "palette, one transparent": (
        palette_png(bytes(RED + BLUE), b"\0\1", b"\xff\0"),
        [RED, [100] * 3],
    ),
    "palette, half transparent": (
        palette_png(bytes(RED + BLUE), b"\0\1", b"\x33\xff"),
        [[131, 80, 80], BLUE],
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_stored_kinds_of_png(name: str, tmp_path: Path) -> None:
    data, expected = ROWS[name]
    pixels = load(tmp_path, data, background=100)
    assert pixels.shape[2] == (3 if isinstance(expected[0], list) else 1)
    np.testing.assert_array_equal(pixels[0], np.reshape(expected, pixels[0].shape))


@pytest.mark.parametrize(("mode", "colour_type", "channels"), [("grayscale", 0, 1), ("rgb", 2, 3)])
def test_filters_of_many_images_at_once(
    mode: str, colour_type: int, channels: int, tmp_path: Path
) -> None:
    """Each filter in each row, the first one too, and images of other kinds between them."""
    random = np.random.default_rng(0)
    height, width = 6, 5
    files = [encoded(gradient(height, width, channels), "JPEG"), b"no image"]
    for kind in [*range(5), None] * 4:
        rows = random.integers(0, 256, (height, 1 + width * channels), np.uint8)
        rows[:, 0] = random.integers(0, 5, height) if kind is None else kind
        files.append(png(width, height, 8, colour_type, rows.tobytes()))
    files.append(png(width + 1, height, 8, 0, bytes((width + 2) * height)))  # to be resized
    random.shuffle(files)
    paths = [tmp_path / str(index) for index in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    found = np.full((len(files), height, width, channels), 7, np.uint8)
    settings = ImageSettings(mode=mode, height=height, width=width)
    bad = read_into(found.reshape(-1).data, list(map(str, paths)), settings.form, None).bad
    assert list(bad) == [files.index(b"no image")]
    for path, pixels in zip(paths, found, strict=True):
        if path.read_bytes() == b"no image":
            assert (pixels == 7).all()
        else:
            image = Image.open(path).convert("L" if channels == 1 else "RGB")
            wanted = np.asarray(image.resize((width, height)))
            np.testing.assert_array_equal(pixels, wanted.reshape(pixels.shape))


@pytest.mark.parametrize(("colour_type", "samples"), [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("interlace", [0, 1])
def test_16_bits_follow_one_rule_for_all_values(
    colour_type: int, samples: int, interlace: int, tmp_path: Path
) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    stored = np.repeat(values, samples, axis=2)
    stored[..., 1::2] = values.swapaxes(0, 1) if samples % 2 else 65535  # another colour, or alpha
    if samples == 4:
        stored[..., 1] = values[::-1, :, 0]
    exact = np.round(stored / 65535 * 255)[..., : samples - (samples % 2 == 0)]
    passes = adam7(stored) if interlace else [stored]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for part in passes for row in part)
    pixels = load(tmp_path, png(256, 256, 16, colour_type, rows, interlace=interlace))
    np.testing.assert_array_equal(pixels, exact)


def adam7(pixels: np.ndarray) -> list[np.ndarray]:
    starts = ((0, 0), (0, 4), (4, 0), (0, 2), (2, 0), (0, 1), (1, 0))
    steps = ((8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1))
    return [pixels[y::dy, x::dx] for (y, x), (dy, dx) in zip(starts, steps, strict=True)]


def test_16_bit_filters_and_alpha_are_exact(tmp_path: Path) -> None:
    """Paeth in every row of gray and alpha, half of it transparent, on black and on white."""
    values = np.random.default_rng(0).integers(0, 65536, (9, 7, 2)).astype(">u2")
    raw = values.view(np.uint8).reshape(9, 28).astype(int)
    left = np.pad(raw, ((0, 0), (4, 0)))[:, :28]
    above = np.pad(raw, ((1, 0), (0, 0)))[:9]
    corner = np.pad(raw, ((1, 0), (4, 0)))[:9, :28]
    guess = left + above - corner
    off = [abs(guess - other) for other in (left, above, corner)]
    nearest = np.where(
        (off[0] <= off[1]) & (off[0] <= off[2]), left, np.where(off[1] <= off[2], above, corner)
    )
    rows = b"".join(b"\4" + row.astype(np.uint8).tobytes() for row in (raw - nearest) % 256)
    gray, alpha = np.moveaxis(np.round(values / 65535 * 255), 2, 0)
    for background in (0, 255):
        found = load(tmp_path, png(7, 9, 16, 4, rows), background=background)[..., 0]
        wanted = (gray * alpha + background * (255 - alpha)) / 255
        assert abs(found - wanted).max() <= 1


@pytest.mark.parametrize("name", ALL)
def test_lossless_formats_give_their_pixels(name: str, tmp_path: Path) -> None:
    for pixels in (GRAY, COLOUR):
        options = {"lossless": True} if name == "webp" else {}
        image = Image.fromarray(np.squeeze(pixels))
        if name == "gif":
            image = image.quantize(256) if pixels.shape[2] == 3 else image
        data = encoded(image, name, **options)
        loaded = load(tmp_path, data, formats=ALL, mode="rgb")
        if name == "jpeg":
            assert abs(loaded.astype(int) - pixels).mean() < 60
        else:
            np.testing.assert_array_equal(loaded, np.asarray(image.convert("RGB")))


TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNS)
def test_exif_orientation_is_applied(orientation: int, tmp_path: Path) -> None:
    pixels = gradient(5, 9, 3)
    expected = TURNS[orientation](pixels)
    loaded = load(tmp_path, encoded(pixels, "PNG", exif=exif(orientation)))
    np.testing.assert_array_equal(loaded, expected)
    big = np.kron(pixels, np.ones((16, 16, 1), np.uint8))
    data = encoded(big, "JPEG", exif=exif(orientation), quality=100, subsampling=0)
    difference = load(tmp_path, data)[8::16, 8::16].astype(int) - expected
    assert abs(difference).max() < 8


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    assert load(tmp_path, encoded(image, "JPEG"))[8, 8].tolist() == pytest.approx(RED, abs=3)


def test_an_animated_gif_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), tuple(colour)) for colour in (RED, BLUE)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert load(tmp_path, data, formats=["gif"])[4, 4].tolist() == RED


@pytest.mark.parametrize("size", [(8, 8), (20, 9), (3, 50)])
@pytest.mark.parametrize("shape", [(4, 12), (31, 17)])
def test_resizing(size: tuple[int, int], shape: tuple[int, int], tmp_path: Path) -> None:
    pixels = gradient(*shape, 3)
    image, bilinear = Image.fromarray(pixels), Image.Resampling.BILINEAR
    expected = {
        "stretch": image.resize(size, bilinear),
        "crop": ImageOps.fit(image, size, bilinear),
        "pad": Image.new("RGB", size, (50, 50, 50)),
    }
    inner = ImageOps.contain(image, size, bilinear)
    corner = ((size[0] - inner.width) // 2, (size[1] - inner.height) // 2)
    expected["pad"].paste(inner, corner)
    for resize, wanted in expected.items():
        found = load(
            tmp_path,
            encoded(pixels, "PNG"),
            width=size[0],
            height=size[1],
            resize=resize,
            background=50,
        )
        np.testing.assert_array_equal(found, wanted)


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))[..., None]
    pixels = load(tmp_path, encoded(stripes, "PNG"), height=4, width=4)
    assert abs(pixels.astype(int) - 127).max() <= 8


def test_mode_converts_both_ways(tmp_path: Path) -> None:
    luma = np.asarray(Image.fromarray(COLOUR).convert("L"))[..., None]
    np.testing.assert_array_equal(load(tmp_path, encoded(COLOUR, "PNG"), mode="grayscale"), luma)
    np.testing.assert_array_equal(
        load(tmp_path, encoded(GRAY, "PNG"), mode="rgb"), np.repeat(GRAY, 3, axis=2)
    )


def test_arrays_take_the_same_path_as_files(tmp_path: Path) -> None:
    settings = {"mode": "grayscale", "height": 9, "width": 7}
    fitted, resolved = fit_array(COLOUR[None], ImageSettings.model_validate(settings))
    np.testing.assert_array_equal(fitted[0], load(tmp_path, encoded(COLOUR, "PNG"), **settings))
    assert resolved.shape == (9, 7, 1)
    same, resolved = fit_array(COLOUR[None], ImageSettings())
    assert same.base is COLOUR
    assert resolved.shape == COLOUR.shape
