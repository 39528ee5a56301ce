"""The process that decodes images for its parent; `decoder.py` is the parent's end.

It reads the next batches and writes finished ones while it decodes, so that neither end ever waits
for the other to read.
"""

import json
import math
import os
import sys
import traceback
from queue import SimpleQueue
from threading import Thread
from typing import Any

from mlptrain.data.images.decoding import read_into
from mlptrain.data.images.form import Expected, Form
from mlptrain.data.loading.decoder import LENGTH_BYTES


def main(job: str) -> None:
    """Decode batches until the parent is gone."""
    requests: SimpleQueue[bytes] = SimpleQueue()
    answers: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_take_in, args=(requests,), daemon=True).start()
    Thread(target=_give_out, args=(answers,), daemon=True).start()
    try:
        _serve(job, requests, answers)
    except BaseException:
        traceback.print_exc()
    os._exit(1)  # a normal exit would wait for the other threads, which wait for the parent


def _take_in(requests: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)


def _give_out(answers: "SimpleQueue[bytes]") -> None:
    try:
        while True:
            sys.stdout.buffer.write(answers.get())
            sys.stdout.buffer.flush()
    finally:
        os._exit(1)  # the parent is gone, or will notice that this process is


def _serve(job: str, requests: "SimpleQueue[bytes]", answers: "SimpleQueue[bytes]") -> None:
    fields, first = json.loads(job)
    form = Form(*fields)
    expected = _expected(first)
    while True:
        paths = json.loads(requests.get())
        pixels = bytearray(len(paths) * math.prod(form.shape))
        found = read_into(memoryview(pixels), paths, form, expected)
        findings = json.dumps((list(found.bad.items()), found.unlike)).encode()
        answers.put(len(findings).to_bytes(LENGTH_BYTES) + findings + pixels)


def _expected(fields: list[Any] | None) -> Expected | None:
    """From JSON, where tuples are lists."""
    if fields is None:
        return None
    first, gray, size = fields
    return Expected(first, gray, None if size is None else tuple(size))
