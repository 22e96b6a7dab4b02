# Owns the stream of PyTorch's own test database: every sample call of an entry with everything that is held against it.
# What one sample yields is in opdb_sample.py.
"""python opdb.py '{"filter": ["GLOB"], "dtypes": ["float32"], "seed": 0, "sample": null}' writes frames (opdb_frames.py) to stdout:
`hello`, then for every entry `entry`, its `sample`s by dtype, its `error`s, and `end` last.
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
from opdb_calls import is_direct
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
    if not names and order.get("others", True):
        names = [name for name in OTHERS if name in taken][:1]
    return [getattr(torch, name) for name in names]


def tolerances(op) -> list[dict]:
    """op_db's own tolerances of this entry, for the tests that compare values."""
    found = []
    for decorator in op.decorators:
        inner = next((d for d in [decorator, *getattr(decorator, "decorators", [])] if hasattr(d, "d")), None)
        if inner is None or not isinstance(inner.d, dict):
            continue
        for dtype, tolerance in inner.d.items():
            if hasattr(tolerance, "atol"):
                test = f"{getattr(decorator, 'cls_name', None) or '*'}.{getattr(decorator, 'test_name', None) or '*'}"
                found.append({"dtype": dtype_name(dtype), "atol": tolerance.atol, "rtol": tolerance.rtol, "test": test})
    return found


def entry_frame(op, dtypes) -> Frame:
    return Frame(
        kind="entry", entry=full_name(op), dtypes=[dtype_name(one) for one in dtypes], direct=is_direct(op),
        backward=op.supports_autograd, double=op.supports_autograd and op.supports_gradgrad, forwardAd=op.supports_forward_ad,
        aliases=[alias.name for alias in op.aliases], tolerances=tolerances(op), errors=op.error_inputs_func is not None,
    )


def stream_entry(op, order: dict, out) -> None:
    name = full_name(op)
    dtypes = dtypes_for(op, order)
    entry_frame(op, dtypes).write(out)
    for dtype in dtypes:
        trains = op.supports_autograd and dtype in op.supported_backward_dtypes("cpu")
        seed_all(seed_of(order["seed"], name, dtype))
        try:
            samples = list(op.sample_inputs("cpu", dtype, requires_grad=trains))
        except Exception as error:  # noqa: BLE001 - a generator that fails is reported, not fatal
            Frame(kind="broken", entry=name, dtype=dtype_name(dtype), message=f"{type(error).__name__}: {error}").write(out)
            continue
        for at, sample in enumerate(samples):
            if order.get("sample") is not None and order["sample"] != at:
                continue
            seed = seed_of(order["seed"], name, dtype, at)
            seed_all(seed)
            sample_frame(op, name, dtype, trains, at, sample, seed).write(out)
            out.flush()
    if order.get("errors", True) and order.get("sample") is None:
        seed_all(seed_of(order["seed"], name, "errors"))
        for frame in error_frames(op, name, order):
            frame.write(out)


def main() -> None:
    order = json.loads(sys.argv[1])
    warnings.filterwarnings("ignore")
    out = os.fdopen(os.dup(1), "wb", 1 << 20)
    # Whatever a library prints must not get into the frames.
    os.dup2(2, 1)
    torch.set_num_threads(1)
    wanted = chosen(order.get("filter", []), [full_name(op) for op in op_db])
    entries = [op for op in op_db if full_name(op) in wanted]
    Frame(kind="hello", torch=torch.__version__, numpy=np.__version__, entries=[full_name(op) for op in entries], total=len(op_db)).write(out)
    out.flush()
    for op in entries:
        stream_entry(op, order, out)
        out.flush()
    Frame(kind="end").write(out)
    out.flush()


if __name__ == "__main__":
    main()
