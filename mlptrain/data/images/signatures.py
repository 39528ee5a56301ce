"""Telling image formats apart by their first bytes, never by their names."""

import re
from collections.abc import Sequence

from mlptrain.paths import UnreadableError

UNKNOWN = "is not an image"  # how a refusal of unknown bytes begins

_MAGIC = re.compile(
    rb"(?P<png>\x89PNG\r\n\x1a\n)|(?P<jpeg>\xff\xd8\xff)|(?P<bmp>BM)|(?P<gif>GIF8)"
    rb"|(?P<webp>RIFF....WEBP)|(?P<tiff>II\*\0(?!....CR)|MM\0\*)|(?P<pnm>P[1-6][\s#])",
    re.DOTALL,
)
_SHOWN = {
    "png": "PNG",
    "jpeg": "JPEG",
    "bmp": "BMP",
    "gif": "GIF",
    "webp": "WebP",
    "tiff": "TIFF",
    "pnm": "PNM (PBM, PGM or PPM)",
}
_OTHERS = {  # formats that mlptrain does not read, but people try
    "an AVIF image": rb"....ftypavi[fs]",
    "a HEIC image": rb"....ftyp(hei|hev|mif1|msf1)",
    "a camera raw image": rb"....ftypcrx|II\*\0....CR|FUJIFILMCCD-RAW|IIR[OS]|IIU\0|\0MRM|FOVb",
    "a video": rb"....ftyp|\x1a\x45\xdf\xa3|RIFF....AVI ",
    "a JPEG 2000 image": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "a JPEG XL image": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "a BigTIFF image": rb"II\+\0|MM\0\+",
    "an SVG drawing": rb"(\xef\xbb\xbf)?\s*(<\?xml.{,2000}?)?(<!--.{,2000}?-->\s*)?<svg",
    "an HTML page": rb"(\xef\xbb\xbf)?\s*<(!doctype html|html)",
    "a PDF document": rb"%PDF",
    "a PostScript document": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a Photoshop image": rb"8BPS",
    "a GIMP image": rb"gimp xcf",
    "an icon": rb"\0\0[\1\2]\0",
    "an OpenEXR image": rb"\x76\x2f\x31\x01",
    "a DICOM image": rb".{128}DICM",
}
_OTHER_MAGIC = {name: re.compile(m, re.DOTALL | re.IGNORECASE) for name, m in _OTHERS.items()}


def sniff(data: bytes) -> str | None:
    """The format that `data` starts like; None if unknown."""
    found = _MAGIC.match(data)
    return found.lastgroup if found else None


def refusal(name: str | None, data: bytes, formats: Sequence[str]) -> str:
    """The reason for refusing `data`, of format `name`, which is none of `formats`."""
    allowed = ", ".join(formats)
    if name is not None:
        return (
            f"is a {_SHOWN[name]} image; allowed are {allowed}. Convert it, or add {name} to "
            "data.image.formats, or for a trained model to --formats"
        )
    for other, magic in _OTHER_MAGIC.items():
        if magic.match(data):
            return f"is {other}, which mlptrain cannot read. Convert it to PNG or JPEG"
    return f"{UNKNOWN} of the formats {allowed}: it starts with {data[:8]!r}"


def webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header of a WebP file (RFC 9649), read first because the decoder
    allocates all its memory when it is created. Raises UnreadableError."""
    kind, start = data[12:16], data[20:30]
    if len(start) < 10 or kind not in (b"VP8 ", b"VP8L", b"VP8X"):
        raise UnreadableError("is damaged: its header is cut off or unknown")
    if kind == b"VP8X":
        return 1 + int.from_bytes(start[4:7], "little"), 1 + int.from_bytes(start[7:], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(start[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    sides = int.from_bytes(start[6:8], "little"), int.from_bytes(start[8:], "little")
    return sides[0] & 0x3FFF, sides[1] & 0x3FFF
