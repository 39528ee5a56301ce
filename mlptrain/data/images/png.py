"""The strict PNG gate: the decoder cannot read wrong pixels from a file that passes it.

Every chunk's checksum, the order of the chunks and the length of the inflated pixel data are
checked, in a few microseconds for a small image. Decoders check less: Pillow fills the rows missing
from a short pixel stream with black. Whatever does not affect pixels is not checked: damaged
metadata chunks are dropped, and anything may follow the end. (PNG specification, third edition, W3C
2025.)
"""

import struct
import zlib
from typing import NamedTuple

from mlptrain.data.images.form import check_size
from mlptrain.paths import UnreadableError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6

_SAMPLES = {GRAY: 1, RGB: 3, PALETTE: 1, GRAY_ALPHA: 2, RGB_ALPHA: 4}
_DEPTHS = {
    GRAY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GRAY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_USED = (b"IHDR", b"PLTE", b"tRNS", b"eXIf")
_METADATA = (
    *(b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"pHYs", b"hIST", b"sPLT", b"sBIT", b"bKGD"),
    *(b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"acTL", b"fcTL", b"fdAT"),
)
_PAETH = 4  # the last of the filters
_IHDR = struct.Struct(">IIBBBBB")
_CHUNK_START = struct.Struct(">I4s")
# (first column, first row, column step, row step) of each pass of an interlaced image
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_INFLATE_STEP = 1 << 20

Chunk = tuple[bytes, int, int]  # kind, and where its content starts and stops


class Header(NamedTuple):
    """What the IHDR chunk says."""

    width: int
    height: int
    depth: int
    colour_type: int
    interlaced: bool


class Png(NamedTuple):
    """A PNG that passed the gate: its chunks that affect pixels, each None if absent.

    Attributes:
        compressed: the pixel data as stored.
        rows: the inflated pixel data, if that fits into 1 MiB.
    """

    header: Header
    compressed: bytes
    rows: bytes | None
    palette: bytes | None
    transparency: bytes | None
    exif: bytes | None

    @property
    def stream(self) -> bytes:
        """The pixel data for a decoder, uncompressed if possible, to be read in one piece."""
        return self.compressed if self.rows is None else zlib.compress(self.rows, level=0)

    @property
    def is_plain(self) -> bool:
        """Whether the rows are 8-bit gray or RGB, and undoing the filters gives the pixels."""
        return (
            self.header.depth == 8
            and self.header.colour_type in (GRAY, RGB)
            and not self.header.interlaced
            and self.transparency is None
            and self.exif is None
        )

    def minimal_file(self) -> bytes:
        """The same image as a PNG file of these chunks alone, without what can confuse a decoder
        (animation, text, profiles)."""
        h = self.header
        ihdr = _IHDR.pack(h.width, h.height, h.depth, h.colour_type, 0, 0, h.interlaced)
        contents = (
            (b"IHDR", ihdr),
            (b"PLTE", self.palette),
            (b"tRNS", self.transparency),
            (b"IDAT", self.stream),
            (b"IEND", b""),
        )
        return SIGNATURE + b"".join(_chunk(kind, c) for kind, c in contents if c is not None)


def check_png(data: bytes, max_pixels: int) -> Png:
    """Pass `data` through the gate, holding 1 MiB of its pixels at most. Raises UnreadableError."""
    chunks = _read_chunks(data)
    _check_order([kind for kind, _, _ in chunks])
    contents = {kind: data[start:stop] for kind, start, stop in chunks if kind in _USED}
    header = _read_header(contents[b"IHDR"])
    check_size(header.width, header.height, max_pixels)
    streams = [data[start:stop] for kind, start, stop in chunks if kind == b"IDAT"]
    compressed = streams[0] if len(streams) == 1 else b"".join(streams)
    palette = contents.get(b"PLTE") if header.colour_type == PALETTE else None
    has_alpha = header.colour_type in (GRAY_ALPHA, RGB_ALPHA)
    transparency = None if has_alpha else contents.get(b"tRNS")
    _check_colours(header, palette, transparency)
    rows = _inflated(compressed, _stream_length(header))
    if rows is not None and not header.interlaced:
        _check_filters(rows, len(rows) // header.height)
    return Png(header, compressed, rows, palette, transparency, contents.get(b"eXIf"))


def outline(data: bytes) -> tuple[Header, bytes | None]:
    """The header and the EXIF block, if there is one, of a PNG that passes the gate."""
    contents = {kind: data[start:stop] for kind, start, stop in _read_chunks(data) if kind in _USED}
    return _read_header(contents[b"IHDR"]), contents.get(b"eXIf")


def _read_chunks(data: bytes) -> list[Chunk]:
    chunks: list[Chunk] = []
    view = memoryview(data)
    position, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        if position + 12 > len(data):
            raise UnreadableError("is cut off: the end (chunk IEND) is missing")
        length, kind = _CHUNK_START.unpack_from(data, position)
        start, stop = position + 8, position + 8 + length
        if stop + 4 > len(data):
            raise UnreadableError(f"is cut off or damaged inside chunk {_show(kind)}")
        if zlib.crc32(view[position + 4 : stop]) == int.from_bytes(view[stop : stop + 4]):
            chunks.append((kind, start, stop))
        elif kind not in _METADATA:
            raise UnreadableError(f"is damaged: the checksum of chunk {_show(kind)} is wrong")
        position = stop + 4
    return chunks


def _check_order(kinds: list[bytes]) -> None:
    if kinds == [b"IHDR", b"IDAT", b"IEND"]:
        return
    if kinds[0] != b"IHDR":
        raise UnreadableError("is damaged: the first chunk is not IHDR")
    for kind in kinds:
        if not kind[0] & 0x20 and kind not in _CRITICAL:
            raise UnreadableError(f"is damaged: chunk {_show(kind)} is unknown")
    for kind in (b"IHDR", b"PLTE", b"tRNS"):
        if kinds.count(kind) > 1:
            raise UnreadableError(f"is damaged: chunk {_show(kind)} appears twice")
    count = kinds.count(b"IDAT")
    if not count:
        raise UnreadableError("is damaged: the pixel data (chunk IDAT) is missing")
    first = kinds.index(b"IDAT")
    if kinds[first : first + count] != [b"IDAT"] * count:
        raise UnreadableError("is damaged: the pixel data (chunk IDAT) is interrupted")
    for kind in (b"PLTE", b"tRNS"):
        if kind in kinds[first:]:
            raise UnreadableError(f"is damaged: chunk {_show(kind)} follows the pixel data")


def _read_header(content: bytes) -> Header:
    if len(content) != _IHDR.size:
        raise UnreadableError(f"is damaged: its header has {len(content)} bytes, not 13")
    width, height, depth, colour_type, compression, filtering, interlace = _IHDR.unpack(content)
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise UnreadableError(f"is damaged: its size is {width}×{height}")
    if depth not in _DEPTHS.get(colour_type, ()) or compression or filtering or interlace > 1:
        raise UnreadableError(f"is damaged: its header ends with {content[8:].hex()}")
    return Header(width, height, depth, colour_type, bool(interlace))


def _check_colours(header: Header, palette: bytes | None, transparency: bytes | None) -> None:
    entries = len(palette) / 3 if palette is not None else 0
    if header.colour_type == PALETTE and entries not in range(1, 2**header.depth + 1):
        raise UnreadableError("is damaged: its palette is missing or has a wrong length")
    if transparency is None:
        return
    if header.colour_type == PALETTE:
        fits = 1 <= len(transparency) <= entries
    else:
        fits = len(transparency) == 2 * _SAMPLES[header.colour_type]
    if not fits:
        raise UnreadableError("is damaged: its transparency (chunk tRNS) has a wrong length")


def _stream_length(header: Header) -> int:
    """Bytes of the inflated pixel data: per row one filter byte and the packed samples."""
    bits = header.depth * _SAMPLES[header.colour_type]
    if not header.interlaced:
        return header.height * (1 + (header.width * bits + 7) // 8)
    total = 0
    for column, row, column_step, row_step in _PASSES:
        width = (header.width - column + column_step - 1) // column_step
        height = (header.height - row + row_step - 1) // row_step
        if width > 0 and height > 0:
            total += height * (1 + (width * bits + 7) // 8)
    return total


def _inflated(stream: bytes, expected: int) -> bytes | None:
    """Inflate `stream` piece by piece and check its length and its checksum. Returns its content if
    that is a single piece."""
    inflater = zlib.decompressobj()
    length, rest, piece = 0, stream, b""
    try:
        while not inflater.eof:
            piece = inflater.decompress(rest, min(expected - length + 1, _INFLATE_STEP))
            length, rest = length + len(piece), inflater.unconsumed_tail
            if length > expected or not (piece or inflater.eof):
                break
    except zlib.error:
        raise UnreadableError("is damaged: its pixel data does not inflate") from None
    if length != expected:
        amount = f"only {length:,}" if length < expected else "more"
        raise UnreadableError(f"is damaged: {expected:,} bytes of pixels are due, it has {amount}")
    if not inflater.eof or inflater.unused_data:
        raise UnreadableError("is damaged: its pixel data does not end where it should")
    return piece if len(piece) == expected else None


def _check_filters(rows: bytes, row_length: int) -> None:
    highest = max(rows[::row_length])
    if highest > _PAETH:
        raise UnreadableError(f"is damaged: a row has filter {highest}, and 4 is the last")


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return b"".join((_CHUNK_START.pack(len(content), kind), content, checksum.to_bytes(4)))


def _show(kind: bytes) -> str:
    return kind.decode() if kind.isalpha() else kind.hex()
