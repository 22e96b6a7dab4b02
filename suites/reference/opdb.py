# Owns the stream of PyTorch's own test database: every sample call of an entry with everything that is held against it.
# What one sample yields is in opdb_sample.py.
"""python opdb.py reads an order from stdin and writes frames (opdb_frames.py) to stdout: `hello` with the list of cases, then for
every case `case` and its `sample`s or `error`s, and `end` last.

The order: {"filter": ["GLOB"], "dtypes": ["float32", "errors"], "seed": 0, "sample": null, "skip": ["add@float32"], "shard": [0, 1]}.
A case is an entry with a dtype, or with its error inputs: `add@float32`, `add@errors`.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import random
import sys
import warnings

import numpy as np
import torch
from opdb_errors import error_frames
from opdb_frames import Frame, dtype_name
from opdb_sample import sample_frame
from torch.testing._internal.common_methods_invocations import op_db

# Entries that take neither float32 nor float64 are tried with the first of these that they take.
OTHERS = ["int64", "complex64", "int32"]


def full_name(op) -> str:
    return f"{op.name}/{op.variant_test_name}" if op.variant_test_name else op.name


def chosen(patterns: list[str], names: list[str]) -> set[str]:
    """Names that match a glob; without wildcards: the very name and its variants, or else what has the text in it."""
    if not patterns:
        return set(names)
    found: set[str] = set()
    for one in patterns:
        exact = [name for name in names if name == one or name.startswith(f"{one}/")]
        globbed = [name for name in names if fnmatch.fnmatchcase(name, one)]
        found.update(exact or globbed or [name for name in names if one in name])
    return found


def seed_of(*parts) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:6], "little")


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def dtypes_for(op, order: dict) -> list[torch.dtype]:
    taken = {dtype_name(dtype) for dtype in op.dtypes}
    names = [name for name in order["dtypes"] if name in taken]
    if not names and order["dtypes"] != ["errors"]:
        names = [name for name in OTHERS if name in taken][:1]
    return [getattr(torch, name) for name in names]


def cases_of(op, order: dict) -> list[dict]:
    dtypes = [dtype_name(one) for one in dtypes_for(op, order)]
    if "errors" in order["dtypes"] and op.error_inputs_func is not None:
        dtypes.append("errors")
    return [{"id": f"{full_name(op)}@{one}", "entry": full_name(op), "dtype": one} for one in dtypes]


def stream_case(op, case: dict, order: dict, out) -> None:
    Frame(kind="case", id=case["id"]).write(out)
    if case["dtype"] == "errors":
        seed_all(seed_of(order["seed"], case["entry"], "errors"))
        for frame in error_frames(op, case["entry"], order):
            frame.write(out)
        return
    dtype = getattr(torch, case["dtype"])
    trains = op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
    seed_all(seed_of(order["seed"], case["entry"], dtype))
    try:
        samples = list(op.sample_inputs("cpu", dtype, requires_grad=trains))
    except Exception as error:  # noqa: BLE001 - a generator that fails is reported, not fatal
        Frame(kind="broken", message=f"{type(error).__name__}: {error}").write(out)
        return
    for at, sample in enumerate(samples):
        if order.get("sample") is not None and order["sample"] != at:
            continue
        seed = seed_of(order["seed"], case["entry"], dtype, at)
        seed_all(seed)
        sample_frame(op, case["entry"], dtype, trains, at, sample, seed).write(out)
        out.flush()


def main() -> None:
    order = json.loads(sys.stdin.read())
    warnings.filterwarnings("ignore")
    out = os.fdopen(os.dup(1), "wb", 1 << 20)
    # Whatever a library prints must not get into the frames.
    os.dup2(2, 1)
    torch.set_num_threads(1)
    names = [full_name(op) for op in op_db]
    wanted = chosen(order.get("filter", []), names)
    pairs = [(op, case) for op in op_db if full_name(op) in wanted for case in cases_of(op, order)]
    with_cases = {case["entry"] for _, case in pairs}
    index, count = order.get("shard") or (0, 1)
    skipped = set(order.get("skip", []))
    pairs = [pair for at, pair in enumerate(pairs) if at % count == index and pair[1]["id"] not in skipped]
    Frame(
        kind="hello", torch=torch.__version__.split("+")[0], numpy=np.__version__, total=len(op_db), cases=[case for _, case in pairs],
        empty=sorted(name for name in wanted if name not in with_cases),
    ).write(out)
    out.flush()
    for op, case in pairs:
        stream_case(op, case, order, out)
        out.flush()
    Frame(kind="end").write(out)
    out.flush()


if __name__ == "__main__":
    main()
