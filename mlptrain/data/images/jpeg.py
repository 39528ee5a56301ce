"""JPEG: the segments that affect pixels, passed to a decoder that reports damage.

Pillow's decoder fills gaps in damaged data and hides libjpeg's warning. simplejpeg, also built on
libjpeg-turbo and giving the same pixels, turns that warning into an error. It gets only the tables,
the frame and the scans, so metadata can neither confuse it nor be reported as damage. JPEG has no
checksums: damage that happens to leave the data at the right length is not found. (ITU-T T.81,
1992.)
"""

import re
from typing import NamedTuple

from PIL import Image

from mlptrain.data.images.form import Form, check_size
from mlptrain.paths import UnreadableError

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # sequential, progressive; Huffman, arithmetic coding
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF}  # lossless, hierarchical
_PROGRESSIVE = {0xC2, 0xCA}
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}  # Huffman, arithmetic, quantization, restart interval
_JFIF, _EXIF, _ADOBE = 0xE0, 0xE1, 0xEE
_MOST_SCANS = 200  # encoders make about 10; one for each coefficient of three colours: 190
_OVERSAMPLING = 2  # decoded pixels per wanted pixel, in each direction
# libjpeg writes a code after at most 1,000 correction bits. So a scan that refines has 512 zero
# bytes in a row only if it is damaged, or if hundreds of equal blocks happen to have all-zero codes
_SECTOR = bytes(512)
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # neither data nor a restart
_SEGMENT_OF_JFIF = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
_START_OF_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0"  # its last byte is the colour transform


class Jpeg(NamedTuple):
    """The first image of a JPEG file with an intact structure.

    Attributes:
        data: a JPEG file of only the segments that affect pixels.
        components: 1 gray, 3 colours, 4 inks.
        in_one_scan: whether it can be decoded row by row; else decoding holds all of it in memory.
        exif: the EXIF block, if there is one.
    """

    data: bytes
    width: int
    height: int
    components: int
    in_one_scan: bool
    exif: bytes | None


def check_jpeg(data: bytes) -> Jpeg:
    """Parse the segments of `data` up to the end of the image. Raises UnreadableError."""
    walk = _Walk(data)
    while (marker := walk.next_marker()) != _EOI:
        walk.take(marker)
    return walk.result()


def decode_jpeg(image: Jpeg, form: Form, *, is_turned: bool) -> Image.Image:
    """`image` as "L", "RGB" or "CMYK", at a half, a quarter or an eighth of its size if that is
    still `_OVERSAMPLING` times the size in `form`. `is_turned`: rows and columns will be swapped
    afterwards. Raises UnreadableError."""
    from simplejpeg import decode_jpeg as decode  # noqa: PLC0415  (needs NumPy: 0.1 s)

    divisor = _divisor(image, form, is_turned=is_turned)
    width, height = -(-image.width // divisor), -(-image.height // divisor)
    if image.in_one_scan:
        check_size(width, height, form.max_pixels)
    else:
        check_size(image.width, image.height, form.max_pixels)
    colours = {1: "GRAY", 3: "RGB", 4: "CMYK"}[image.components]
    try:
        pixels = decode(
            image.data,
            colours,
            min_height=height,
            min_width=width,
            min_factor=divisor,
        )
    except ValueError as error:
        raise UnreadableError(_explained(str(error))) from None
    if pixels.shape[:2] != (height, width):
        raise UnreadableError(f"cannot be decoded at 1/{divisor} of its size")
    if image.components == 4:  # Adobe's programs, which write these, store them inverted
        return Image.frombuffer("CMYK", (width, height), pixels, "raw", "CMYK;I", 0, 1)
    mode = "L" if image.components == 1 else "RGB"
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def _divisor(image: Jpeg, form: Form, *, is_turned: bool) -> int:
    """8, 4, 2 or 1. It depends only on the image's size and `form`, so an image has the same pixels
    wherever it is decoded."""
    if form.height is None or form.width is None:
        return 1
    height, width = (form.width, form.height) if is_turned else (form.height, form.width)
    room = min(image.height // height, image.width // width) // _OVERSAMPLING
    return next(divisor for divisor in (8, 4, 2, 1) if divisor <= max(room, 1))


def _explained(message: str) -> str:
    """libjpeg's `message` as the end of a sentence that starts with the file's name."""
    if message.startswith(("Corrupt", "Premature")):
        return "is damaged: its pixel data breaks off, or is not what its headers say. Replace it"
    return "is damaged, or a JPEG of a kind that is not read. Replace it, or save it anew"


class _Walk:
    """A parser of the segments of `data`: its position, and what it has found so far."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 2
        self.parts = [data[:2]]  # of the file for the decoder; JFIF's and Adobe's to come
        self.frame = b""
        self.frame_marker = self.scans = 0
        self.bits_to_come: dict[int, bytearray] = {}  # per component: of each of 64 coefficients
        self.exif: bytes | None = None
        self.has_jfif = False
        self.transform: int | None = None  # Adobe's

    def next_marker(self) -> int:
        """The second byte of the next marker; the first byte, FF, may be repeated."""
        try:
            if self.data[self.position] != 0xFF:
                raise UnreadableError("is damaged: a segment does not end where it should")
            while (marker := self.data[self.position + 1]) == 0xFF:
                self.position += 1
        except IndexError:
            raise UnreadableError("is cut off: its end (marker FF D9) is missing") from None
        self.position += 2
        return marker

    def take(self, marker: int) -> None:
        """Read the segment after `marker`; if it starts a scan, skip the scan's data."""
        start = self.position
        length = int.from_bytes(self.data[start : start + 2])
        self.position = stop = start + length
        if marker < 0xC0 or _SOI <= marker <= _EOI or 0xD0 <= marker <= 0xD7 or length < 2:
            raise UnreadableError(f"is damaged: marker FF {marker:02X} where none can be")
        if stop > len(self.data):
            raise UnreadableError(f"is cut off or damaged inside segment FF {marker:02X}")
        content = self.data[start + 2 : stop]
        if marker == _SOS:
            self._take_scan(content)
        elif marker in _FRAMES or marker in _OTHER_FRAMES:
            self._take_frame(marker, content)
        elif marker not in _TABLES:
            self._take_metadata(marker, content)
            return
        self.parts.append(self.data[start - 2 : self.position])

    def _take_frame(self, marker: int, content: bytes) -> None:
        if self.frame:
            raise UnreadableError("is damaged: it has two frame headers")
        if marker in _OTHER_FRAMES:
            raise UnreadableError("is a lossless or hierarchical JPEG. Save it as a usual one")
        if len(content) < 6 or len(content) != 6 + 3 * content[5]:
            raise UnreadableError("is damaged: its frame header has a wrong length")
        if content[0] != 8:
            raise UnreadableError(f"has samples of {content[0]} bits. Save it with 8")
        if content[5] not in (1, 3, 4):
            raise UnreadableError(f"has {content[5]} colour components; 1, 3 or 4 are read")
        self.frame, self.frame_marker = content, marker
        self.bits_to_come = {number: bytearray(b"\xff" * 64) for number in content[6::3]}

    def _take_scan(self, content: bytes) -> None:
        count = content[0] if content else 0
        if not self.frame or len(content) != 4 + 2 * count:
            raise UnreadableError("is damaged: a scan header has a wrong length or place")
        first, last, bits = 0, 63, 0
        if self.frame_marker in _PROGRESSIVE:
            first, last, bits = content[-3], content[-2], content[-1] & 15
        for number in content[1 : 1 + 2 * count : 2]:
            if number not in self.bits_to_come or not first <= last <= 63:
                raise UnreadableError("is damaged: a scan is of nothing that it has")
            self.bits_to_come[number][first : last + 1] = bytes([bits]) * (last + 1 - first)
        self.scans += 1
        if self.scans > _MOST_SCANS:
            raise UnreadableError(f"has more than {_MOST_SCANS} scans. Save it anew")
        found = _MARKER.search(self.data, self.position)
        if found is None:
            raise UnreadableError("is cut off: its end (marker FF D9) is missing")
        is_refined = self.frame_marker in _PROGRESSIVE and first and content[-1] >> 4
        if is_refined and self.data.find(_SECTOR, self.position, found.start()) >= 0:
            raise UnreadableError("is damaged: part of its pixel data is zero. Replace it")
        self.position = found.start()

    def _take_metadata(self, marker: int, content: bytes) -> None:
        if marker == _JFIF and content.startswith(b"JFIF\0"):
            self.has_jfif = True
        elif marker == _EXIF and content.startswith(b"Exif\0\0") and self.exif is None:
            self.exif = content
        elif marker == _ADOBE and content.startswith(b"Adobe") and len(content) >= 12:
            self.transform = content[11]

    def result(self) -> Jpeg:
        if not self.frame or any(map(any, self.bits_to_come.values())):
            raise UnreadableError("is cut off: scans are missing")
        height, width = int.from_bytes(self.frame[1:3]), int.from_bytes(self.frame[3:5])
        components = self.frame[5]
        self.parts[1:1] = [_SEGMENT_OF_JFIF] * self.has_jfif
        if self.transform is not None:  # libjpeg warns of values other than 0, 1, 2
            known = bytes([min(self.transform, 1) * (2 if components == 4 else 1)])
            self.parts[1:1] = [_START_OF_ADOBE + known]
        data = b"".join((*self.parts, b"\xff\xd9"))
        in_one_scan = self.scans == 1 and self.frame_marker not in _PROGRESSIVE
        return Jpeg(data, width, height, components, in_one_scan, self.exif)
