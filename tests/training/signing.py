"""Checkpoint files taken apart, and put together again with a digest that fits."""

import hashlib
import json
from typing import Any

from mlptrain.training.checkpoint import DIGEST_BYTES

Document = dict[str, Any]


def signed(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


def split(data: bytes) -> tuple[Document, bytes]:
    """A checkpoint's header, and the arrays behind it without the digest."""
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size : -DIGEST_BYTES]


def joined(header: str, arrays: bytes) -> bytes:
    """The file with this header, signed."""
    encoded = header.encode("utf-8", "surrogatepass")
    encoded += b" " * (-len(encoded) % 8)
    return signed(len(encoded).to_bytes(8, "little") + encoded + arrays)
