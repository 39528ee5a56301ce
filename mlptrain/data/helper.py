"""A process that decodes images for its parent, which is at the other end of `decoder.py`.

It takes in the next batches while it decodes, so that neither end ever waits for the other to read.
"""

import json
import math
import os
import struct
import sys
import traceback
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO

from mlptrain.data.form import Expected, Form
from mlptrain.data.images import read_into

LENGTH = struct.Struct("<I")  # of the reasons in an answer


def main(job: str) -> None:
    """Serve batches until the other end is gone."""
    requests: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_take_in, args=(requests,), daemon=True).start()
    try:
        _serve(job, requests, sys.stdout.buffer)
    except BrokenPipeError:
        pass
    except BaseException:
        traceback.print_exc()
    os._exit(1)  # the usual end would wait for the other thread, which waits for the parent


def _take_in(requests: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)


def _serve(job: str, requests: "SimpleQueue[bytes]", answers: BinaryIO) -> None:
    fields, first = json.loads(job)
    form = Form(*fields)
    expected = _expected(first)
    while True:
        paths = json.loads(requests.get())
        pixels = bytearray(len(paths) * math.prod(form.shape))
        bad = read_into(memoryview(pixels), paths, form, expected)
        reasons = json.dumps(list(bad.items())).encode()
        answers.write(LENGTH.pack(len(reasons)) + reasons)
        answers.write(pixels)
        answers.flush()


def _expected(fields: list[Any] | None) -> Expected | None:
    """From JSON, where tuples are lists."""
    if fields is None:
        return None
    first, gray, size = fields
    return Expected(first, gray, None if size is None else tuple(size))
