"""Telling image formats apart by their first bytes, never by their names."""

from collections.abc import Sequence

from mlptrain.data import png
from mlptrain.data.reading import UnreadableError

_MAGIC = {
    "png": png.SIGNATURE,
    "jpeg": b"\xff\xd8\xff",
    "bmp": b"BM",
    "gif": b"GIF8",
    "webp": b"RIFF",
}
_SHOWN = {"png": "PNG", "jpeg": "JPEG", "bmp": "BMP", "gif": "GIF", "webp": "WebP"}


def sniff(data: bytes) -> str | None:
    """The format that `data` starts like; None if it is none that mlptrain knows."""
    for name, magic in _MAGIC.items():
        if data.startswith(magic) and (name != "webp" or data[8:12] == b"WEBP"):
            return name
    return None


def refusal(name: str | None, data: bytes, formats: Sequence[str]) -> str:
    """The reason why `data`, of format `name`, is none of `formats`."""
    allowed = ", ".join(formats)
    if name is None:
        return f"is not an image of the formats {allowed}: it starts with {data[:8]!r}"
    return (
        f"is a {_SHOWN[name]} image; data.image.formats allows {allowed}. Add {name} to it, or "
        "convert the image"
    )


def webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) from the header of a WebP file (RFC 9649): its decoder takes memory for them
    as soon as it is made. Raises UnreadableError."""
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
