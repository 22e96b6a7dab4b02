# Builds the tensors and arguments of a case from engine/ops/samples.ts's ArgSpec: the exact meaning of every fill and layout.
# It must not know any op.
"""Case inputs. One seeded generator per tensor: Philox keyed by sha256 of `<case id>#<role>`.

Fills (values are drawn in float64 in logical row-major order, then rounded to the dtype):

| fill         | floating dtypes                                     | integer dtypes (unsigned: negatives left out) | bool            |
| ------------ | --------------------------------------------------- | --------------------------------------------- | --------------- |
| normal       | N(0, 1)                                             | whole numbers in [-9, 9]                      | fair coin flips |
| uniform      | U[-2, 2)                                            | whole numbers in [-2, 2)                      | fair coin flips |
| positive     | U[0.1, 3)                                           | whole numbers in [1, 3)                       | fair coin flips |
| unit         | U[-0.95, 0.95)                                      | zeros                                         | fair coin flips |
| probability  | U[0.05, 0.95)                                       | coin flips 0/1                                | fair coin flips |
| above1       | U[1.05, 4)                                          | whole numbers in [2, 4)                       | fair coin flips |
| large        | U[-50, 50)                                          | whole numbers in [-50, 50)                    | fair coin flips |
| special      | SPECIAL below, cycled                               | 0, 1, -1, min, max, 7, cycled                 | False, True, …  |
| distinct     | (i - n/2 + 1/4)·max(0.05, 4/n) for i < n, shuffled  | i - n/2 (unsigned: i), shuffled               | fair coin flips |
| ties         | whole numbers in [-2, 2]                            | the same (unsigned: [0, 4])                   | fair coin flips |
| nonzero      | U[0.2, 2) with a random sign                        | 1…9 with a random sign                        | all True        |
| zeros, ones  | 0, 1                                                | 0, 1                                          | False, True     |
| arange       | 0, 1, 2, …                                          | the same                                      | i odd           |
| {low, high}  | whole numbers in [low, high)                        | the same                                      | value ≠ 0       |
| {values}     | literal, row-major                                  | literal                                       | literal         |

A complex tensor draws its real parts, then its imaginary parts.

Layouts (what cannot carry one, e.g. a 0-d tensor, is contiguous):

| layout     | storage of a tensor of shape (…, r, c)                                                                 |
| ---------- | ------------------------------------------------------------------------------------------------------ |
| contiguous | row-major                                                                                              |
| transposed | row-major of (…, c, r); the view swaps the last two dims (2-d and more)                                |
| strided    | row-major of (…, r, 2c); the view takes every second element; the gaps hold POISON (1-d and more)      |
| offset     | three POISON elements, then row-major                                                                  |
| expanded   | row-major of shape[1:], drawn for that shape; dim 0 has stride 0 (1-d and more)                        |

POISON is nan for floats, the greatest value for integers, True for bool: a kernel that reads a gap shows itself.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field

import numpy as np
import torch

SPECIAL = [
    math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0, -1.0, 0.5, -2.5, 3.7, 1e-40, -1e-40, 5e-324, 1e-310, 1e30, -1e30, 88.5, -104.0, 1e-8,
    2.0, -3.0, 1.5, 16777217.0,
]
RANGES = {
    "uniform": (-2.0, 2.0), "positive": (0.1, 3.0), "unit": (-0.95, 0.95), "probability": (0.05, 0.95), "above1": (1.05, 4.0),
    "large": (-50.0, 50.0),
}
INTEGER_RANGES = {
    "normal": (-9, 10), "uniform": (-2, 2), "positive": (1, 3), "unit": (0, 1), "probability": (0, 2), "above1": (2, 4),
    "large": (-50, 50), "ties": (-2, 3),
}
WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf, "-0": -0.0}


def generator(case_id: str, role: str) -> np.random.Generator:
    """The seeded generator of one tensor of one case; `role` is in<k> or gout<k>."""
    digest = hashlib.sha256(f"{case_id}#{role}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def seed_of(case_id: str) -> str:
    """The seed as fixtures record it: the first 16 bytes of sha256 of the case id."""
    return hashlib.sha256(case_id.encode()).hexdigest()[:32]


def torch_dtype(name: str) -> torch.dtype:
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype):
        raise ValueError(f"unknown dtype {name!r}")
    return dtype


def dtype_name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def literal(value):
    return WORDS[value] if isinstance(value, str) and value in WORDS else int(value) if isinstance(value, str) else value


def draw_bool(fill, n: int, rng: np.random.Generator) -> np.ndarray:
    index = np.arange(n)
    if fill in ("special", "arange"):
        return index % 2 == 1
    if fill in ("zeros", "ones", "nonzero"):
        return np.full(n, fill != "zeros")
    if isinstance(fill, dict):
        return rng.integers(int(fill["low"]), int(fill["high"]), n) != 0
    return rng.integers(0, 2, n) == 1


def draw_integers(fill, n: int, rng: np.random.Generator, dtype: torch.dtype) -> np.ndarray:
    info = torch.iinfo(dtype)
    unsigned = info.min == 0
    index = np.arange(n)
    if fill == "special":
        cycle = [0, 1, 7 if unsigned else -1, info.min, info.max, 7]
        return np.array([cycle[i % len(cycle)] for i in index], dtype=np.int64)
    if fill == "distinct":
        return rng.permutation(index if unsigned else index - n // 2)
    if fill == "nonzero":
        sign = np.ones(n, np.int64) if unsigned else rng.integers(0, 2, n) * 2 - 1
        return rng.integers(1, 10, n) * sign
    if fill in ("zeros", "ones"):
        return np.full(n, int(fill == "ones"))
    if fill == "arange":
        return index
    if isinstance(fill, dict):
        return rng.integers(int(fill["low"]), int(fill["high"]), n)
    low, high = INTEGER_RANGES[fill]
    if unsigned and low < 0:
        low, high = (0, 5) if fill == "ties" else (0, high)
    return rng.integers(low, high, n)


def draw_floats(fill, n: int, rng: np.random.Generator) -> np.ndarray:
    if fill == "normal":
        return rng.standard_normal(n)
    if fill == "special":
        return np.array([SPECIAL[i % len(SPECIAL)] for i in range(n)])
    if fill == "distinct":
        return rng.permutation((np.arange(n) - n / 2 + 0.25) * max(0.05, 4 / max(n, 1)))
    if fill == "ties":
        return rng.integers(-2, 3, n).astype(np.float64)
    if fill == "nonzero":
        return rng.uniform(0.2, 2, n) * (rng.integers(0, 2, n) * 2 - 1)
    if fill in ("zeros", "ones"):
        return np.full(n, float(fill == "ones"))
    if fill == "arange":
        return np.arange(n, dtype=np.float64)
    if isinstance(fill, dict):
        return rng.integers(int(fill["low"]), int(fill["high"]), n).astype(np.float64)
    low, high = RANGES[fill]
    return rng.uniform(low, high, n)


def draw(fill, n: int, dtype: torch.dtype, rng: np.random.Generator) -> torch.Tensor:
    """n values of a fill, rounded to dtype, as a 1-d tensor."""
    if isinstance(fill, dict) and "values" in fill:
        values = [literal(value) for value in fill["values"]]
        return torch.tensor((values * (n // max(len(values), 1) + 1))[:n] if len(values) == 1 else values[:n], dtype=dtype)
    if dtype == torch.bool:
        return torch.from_numpy(draw_bool(fill, n, rng))
    if dtype.is_complex:
        parts = [torch.from_numpy(draw_floats(fill, n, rng)) for _ in range(2)]
        return torch.complex(*parts).to(dtype)
    if dtype.is_floating_point:
        return torch.from_numpy(draw_floats(fill, n, rng)).to(dtype)
    return torch.from_numpy(np.ascontiguousarray(draw_integers(fill, n, rng, dtype))).to(dtype)


def poison(dtype: torch.dtype):
    if dtype == torch.bool:
        return True
    return math.nan if dtype.is_floating_point or dtype.is_complex else torch.iinfo(dtype).max


def contiguous_strides(shape: list[int]) -> list[int]:
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return strides[::-1]


def lay_out(values: torch.Tensor, shape: list[int], layout: str) -> tuple[torch.Tensor, list[int], int]:
    """The 1-d storage of `values` (logical row-major order) in a layout, with the view's strides and offset."""
    if layout == "transposed" and len(shape) >= 2:
        stored = values.reshape(shape).transpose(-1, -2).contiguous()
        strides = contiguous_strides(list(stored.shape))
        return stored.reshape(-1), strides[:-2] + [strides[-1], strides[-2]], 0
    if layout == "strided" and len(shape) >= 1:
        wide = torch.full((values.numel(), 2), poison(values.dtype), dtype=values.dtype)
        wide[:, 0] = values
        return wide.reshape(-1), [2 * step for step in contiguous_strides(shape)], 0
    if layout == "offset":
        return torch.cat([torch.full((3,), poison(values.dtype), dtype=values.dtype), values]), contiguous_strides(shape), 3
    if layout == "expanded" and len(shape) >= 1:
        return values, [0] + contiguous_strides(shape[1:]), 0
    if layout not in ("contiguous", "transposed", "strided", "expanded"):
        raise ValueError(f"unknown layout {layout!r}")
    return values, contiguous_strides(shape), 0


@dataclass
class Inputs:
    """The tensors of one case in depth-first order, and the arguments that hold them."""

    case_id: str
    with_grad: bool = True
    bases: list[torch.Tensor] = field(default_factory=list)
    tensors: list[torch.Tensor] = field(default_factory=list)
    specs: list[dict] = field(default_factory=list)

    def tensor(self, spec: dict) -> torch.Tensor:
        k = len(self.tensors)
        shape = [int(size) for size in spec["shape"]]
        dtype = torch_dtype(spec.get("dtype") or "float32")
        layout = spec.get("layout") or "contiguous"
        drawn = shape[1:] if layout == "expanded" and shape else shape
        values = draw(spec.get("fill") or "normal", math.prod(drawn), dtype, generator(self.case_id, f"in{k}"))
        base, strides, offset = lay_out(values, shape, layout)
        wants = bool(spec.get("grad", True)) and (dtype.is_floating_point or dtype.is_complex)
        made = torch.as_strided(base.clone(), shape, strides, offset).requires_grad_(wants and self.with_grad)
        self.bases.append(base)
        self.tensors.append(made)
        self.specs.append(
            {"dtype": dtype_name(dtype), "shape": shape, "strides": list(made.stride()), "offset": offset, "grad": wants}
        )
        return made

    def argument(self, spec):
        """One ArgSpec as the Python value PyTorch is given."""
        if isinstance(spec, list):
            return [self.argument(one) for one in spec]
        if not isinstance(spec, dict):
            return spec
        if "tensor" in spec:
            return self.tensor(spec["tensor"])
        if "special" in spec:
            return Ellipsis if spec["special"] in ("...", "ellipsis") else WORDS[spec["special"]]
        if "dtype" in spec:
            return torch_dtype(spec["dtype"])
        if "slice" in spec:
            return slice(*[self.argument(one) for one in spec["slice"]])
        if "tuple" in spec:
            return tuple(self.argument(one) for one in spec["tuple"])
        raise ValueError(f"unknown argument spec {spec!r}")


def build(case: dict, with_grad: bool = True) -> tuple[Inputs, list, dict]:
    """The inputs, positional and keyword arguments of a case; the same every time it is called."""
    inputs = Inputs(case["id"], with_grad)
    args = [inputs.argument(spec) for spec in case.get("args", [])]
    kwargs = {name: inputs.argument(spec) for name, spec in (case.get("kwargs") or {}).items()}
    return inputs, args, kwargs


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's values for a .npy entry; bfloat16 travels as its bits."""
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    # Forced: a gradient of zeros may be a tensor without memory.
    return (plain.view(torch.uint16) if plain.dtype == torch.bfloat16 else plain).numpy(force=True)
