"""Which kernels NumPy's BLAS picks; decided before NumPy is loaded."""

import os
from pathlib import Path

WIDE = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def prefer_wide_kernels() -> None:
    """Let OpenBLAS use its AVX-512 kernels on AMD processors that have the instructions.

    OpenBLAS knows processors by family and gives those newer than itself its AVX2 kernels: on a
    Zen 5 core matrix products then take 1.6 times as long. A value of OPENBLAS_CORETYPE that the
    user set stands."""
    if "OPENBLAS_CORETYPE" not in os.environ and _is_wide_amd():
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"


def _is_wide_amd() -> bool:
    try:
        first_processor = Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return False
    lines = (line.partition(":") for line in first_processor.splitlines())
    facts = {key.strip(): value.split() for key, _, value in lines}
    return facts.get("vendor_id") == ["AuthenticAMD"] and WIDE <= set(facts.get("flags", ()))
